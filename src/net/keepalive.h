/* keepalive.h - finding out that a TCP peer is gone: --keepalive.
 *
 * The kernel asks a peer that is silent while nothing is under way.  While bytes are under way it
 * sends them again for a quarter of an hour instead, so it must be asked what was acknowledged.
 * TCP_USER_TIMEOUT is no help: it ends a peer that lives and does not read, too. */
#ifndef NET_KEEPALIVE_H
#define NET_KEEPALIVE_H

#include "libsockutil/sockutil.h"

#define KEEPALIVE_MAX 32767 /* seconds: the most that TCP_KEEPIDLE takes */

/* Of one connection; zero at its begin. */
struct keepalive {
	int64_t unanswered_since_ns; /* 0: nothing waits for an acknowledgement */
};

/* Let the kernel find out within that long, as far as it does.  0 does nothing. */
void keepalive_set(struct sku_sock *s, int seconds);
/* How often keepalive_is_gone() is to be asked. */
int64_t keepalive_interval(int seconds);
/* Has the peer acknowledged nothing for that long, though something was under way? */
bool keepalive_is_gone(struct keepalive *k, const struct sku_sock *s, int seconds, int64_t now);

#endif

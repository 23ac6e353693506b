/* keepalive.h - finding out that a TCP peer is gone: --keepalive.
 *
 * The kernel probes a silent peer only while all bytes are acknowledged.  Otherwise it sends the
 * bytes again, for a quarter of an hour.  So we ask the kernel what was acknowledged.
 * TCP_USER_TIMEOUT does not help: it also ends a connection whose peer lives but does not read. */
#ifndef NET_KEEPALIVE_H
#define NET_KEEPALIVE_H

#include "libsockutil/sockutil.h"

#define KEEPALIVE_MAX 32767 /* seconds: the most that TCP_KEEPIDLE takes */

/* The state of one connection; all zero at its beginning. */
struct keepalive {
	int64_t unanswered_since_ns; /* 0: nothing waits for an acknowledgement */
};

/* Have the kernel find out within so many seconds, as far as it can.  0 does nothing. */
void keepalive_set(struct sku_sock *s, int seconds);
/* The pause between two calls of keepalive_is_gone(), in ns. */
int64_t keepalive_interval(int seconds);
/* Has the peer acknowledged nothing for so many seconds, although there was something to
 * acknowledge? */
bool keepalive_is_gone(struct keepalive *k, const struct sku_sock *s, int seconds, int64_t now);

#endif

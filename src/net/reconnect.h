/* reconnect.h - connecting again after a connection was lost: --retry. */
#ifndef NET_RECONNECT_H
#define NET_RECONNECT_H

#include "net/connect.h"

/* How many tries, and the pause before each: it grows from 0.1 s to 5 s.  A try that finds nobody
 * counts, too, unless --wait is given. */
struct reconnect {
	int64_t left;	  /* tries */
	int64_t pause_ns; /* before the next */
	/* In a loop: as done() of a connector. */
	void (*done)(
	    struct reconnect *reconnect, struct sku_sock *sock, const struct failure *failure);
	struct failure *failure; /* in a loop: room for the connector's */
	/* The rest is its own. */
	struct loop_timer timer; /* the pause */
	const struct connect_options *options;
	const struct endpoint *endpoint;
	struct connector connector;
};

#define RECONNECT_PAUSE (100 * SKU_MS) /* the first */

#define RECONNECT_INIT(tries)                                                                      \
	{                                                                                          \
		.left = (tries), .pause_ns = RECONNECT_PAUSE                                       \
	}

/* There was progress since the last try: allow so many tries again. */
void reconnect_refill(struct reconnect *reconnect, int64_t retries);
/* Connect again, and wait for it.  Returns 0, the socket and its peer, or -1 and the failure of the
 * last try. */
int reconnect_now(struct reconnect *reconnect, const struct endpoint *endpoint,
    const struct connect_options *options, struct sku_sock *sock, struct sku_address *peer,
    struct failure *failure);
/* The same in a loop, which calls done(), but not before this returns.  0, or -1 and the
 * failure. */
int reconnect_start(struct loop *loop, struct reconnect *reconnect, const struct endpoint *endpoint,
    const struct connect_options *options, struct failure *failure);
/* Give up: done() is not called any more.  Harmless if nothing is under way. */
void reconnect_cancel(struct loop *loop, struct reconnect *reconnect);

#endif

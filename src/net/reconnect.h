/* reconnect.h - connecting again after a connection was lost: --retry. */
#ifndef NET_RECONNECT_H
#define NET_RECONNECT_H

#include "net/connect.h"

/* How often, and after which pause: it grows from a tenth of a second to five.  A try that finds
 * nobody counts, too, unless --wait has it go on. */
struct reconnect {
	int64_t left;	  /* tries */
	int64_t pause_ns; /* before the next */
	/* In a loop: as that of a connector. */
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

/* There was progress since the last one: count anew. */
void reconnect_refill(struct reconnect *reconnect, int64_t retries);
/* Connect again, and wait for it.  0 and the socket, or -1 and the failure of the last try. */
int reconnect_now(struct reconnect *reconnect, const struct endpoint *endpoint,
    const struct connect_options *options, struct sku_sock *sock, struct failure *failure);
/* The same in a loop, which tells done(), but not before it returned.  0, or -1 and the failure. */
int reconnect_start(struct loop *loop, struct reconnect *reconnect, const struct endpoint *endpoint,
    const struct connect_options *options, struct failure *failure);
/* done() is not called any more.  Harmless where nothing is under way. */
void reconnect_cancel(struct loop *loop, struct reconnect *reconnect);

#endif

/* connection.h - one accepted connection: its bytes are sent back, until either end ends it. */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include "net/closing.h"
#include "net/flow.h"
#include "net/keepalive.h"
#include "run/loop.h"

#include <sys/queue.h>

/* The members that every event needs come first, together. */
struct connection {
	struct loop_io io;
	struct sku_sock sock;
	struct closing closing;
	struct flow flow;
	int64_t until_ns; /* --timeout, or the limit of the closing; INT64_MAX: none */
	struct loop_timer timer;

	struct keepalive keepalive;
	int64_t started_ns;
	LIST_ENTRY(connection) entry; /* of all */
	struct sku_address peer;
};

/* What the loop must do with a connection after something happened to it. */
enum connection_next {
	CONNECTION_CONTINUES,
	CONNECTION_ENDED,     /* in order: close it */
	CONNECTION_LOST,      /* the peer reset it, or an error: errno says which */
	CONNECTION_RESET,     /* we reset it, as asked */
	CONNECTION_TIMED_OUT, /* --timeout */
	CONNECTION_NO_MEMORY,
};

/* Make a connection of an accepted socket.  NULL: out of memory; the socket is still the
 * caller's. */
struct connection *connection_new(struct sku_sock *sock, const struct sku_address *peer,
    const struct faults *faults, int64_t now);
/* Close or reset the socket, and free the connection. */
void connection_free(struct connection *c, bool reset);
/* Free the connection; the socket is the caller's again. */
void connection_discard(struct connection *c);

/* Handle these events of epoll. */
enum connection_next connection_ready(
    struct connection *c, const struct flow_buffer *buffer, uint32_t events, int64_t now);
/* Call it when the timer is due, and at the beginning. */
enum connection_next connection_advance(struct connection *c, int64_t now);
/* Stop reading: send back what was read, then end; by a reset if nothing was read of what came. */
enum connection_next connection_stop(struct connection *c, int64_t now);
/* Is it unfinished, so that after an end in order a part would look like the whole? */
bool connection_is_unfinished(const struct connection *c);
/* Watch the socket and set the timer as needed: 0, or -1 with errno. */
int connection_watch(struct connection *c, const struct flow_buffer *buffer, struct loop *loop);

#endif

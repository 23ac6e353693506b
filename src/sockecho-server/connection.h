/* connection.h - one accepted connection: its bytes go back, until one of us ends it. */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include "net/closing.h"
#include "net/flow.h"
#include "net/keepalive.h"
#include "run/loop.h"

/* What every event touches stands first, together. */
struct connection {
	struct loop_io io;
	struct sku_sock sock;
	struct closing closing;
	struct flow flow;
	int64_t until_ns; /* --timeout, or the limit of the closing; INT64_MAX: none */
	struct loop_timer timer;

	struct keepalive keepalive;
	int64_t started_ns;
	struct connection *next, *prev; /* of all */
	struct sku_address peer;
};

/* What the loop must do with a connection after something happened to it. */
enum connection_next {
	CONNECTION_CONTINUES,
	CONNECTION_ENDED,     /* in order: close */
	CONNECTION_LOST,      /* the peer reset it, or an error: errno says which */
	CONNECTION_RESET,     /* by us, as asked */
	CONNECTION_TIMED_OUT, /* --timeout */
	CONNECTION_NO_MEMORY,
};

/* A new one on an accepted socket; NULL without memory, the socket is then still the caller's. */
struct connection *connection_new(struct sku_sock *sock, const struct sku_address *peer,
    const struct faults *faults, int64_t now);
/* Frees it; the socket is closed, or reset. */
void connection_free(struct connection *c, bool reset);
/* Frees it; the socket is the caller's again. */
void connection_discard(struct connection *c);

/* These events came. */
enum connection_next connection_ready(
    struct connection *c, const struct flow_buffer *buffer, uint32_t events, int64_t now);
/* Its time has come, or it has just begun. */
enum connection_next connection_advance(struct connection *c, int64_t now);
/* No more will be read: send back what was, then end. */
enum connection_next connection_stop(struct connection *c, int64_t now);
/* Is it unfinished, so that an end in order would pass a part off as the whole? */
bool connection_is_unfinished(const struct connection *c);
/* What the loop must look for, and when: 0, or -1 with errno. */
int connection_watch(struct connection *c, const struct flow_buffer *buffer, struct loop *loop);

#endif

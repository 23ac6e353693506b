/* connection.h - one accepted connection: its bytes go back, until one of us ends it. */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include "net/flow.h"
#include "run/loop.h"

enum connection_state {
	SERVING,
	DRAINING,  /* our end is shut: what comes is thrown away until the peer ends too */
	RESETTING, /* all that the peer shall have is on its way; then a reset */
};

/* What every event touches stands first, together. */
struct connection {
	struct loop_io io;
	struct sku_sock sock;
	enum connection_state state;
	struct flow flow;
	int64_t until_ns; /* when the state is over: SERVING by --timeout; INT64_MAX: never */
	struct loop_timer timer;

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

/* It can be read. */
enum connection_next connection_readable(
    struct connection *c, const struct flow_buffer *buffer, int64_t now);
/* It can be written, or its time has come. */
enum connection_next connection_advance(struct connection *c, int64_t now);
/* No more will be read: send back what was, then end. */
enum connection_next connection_stop(struct connection *c, int64_t now);
/* Should it be read, or waited for until it can be written?  EPOLLIN, EPOLLOUT or neither. */
uint32_t connection_interest(const struct connection *c, const struct flow_buffer *buffer);
/* When it must be looked at again, whatever comes; INT64_MAX: never. */
int64_t connection_deadline(const struct connection *c, int64_t now);

#endif

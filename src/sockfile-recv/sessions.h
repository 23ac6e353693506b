/* sessions.h - verified: what the connections of one run have in common.
 *
 * Each connection has a thread of its own; one at a time may write, and another sender is told
 * that it is busy.  What was lost in the middle is unfinished, and may be gone on with. */
#ifndef RECV_SESSIONS_H
#define RECV_SESSIONS_H

#include "run/failure.h"
#include "run/workers.h"
#include "sockfile-recv/config.h"
#include "sockfile-recv/incoming.h"
#include "transfer/wire.h"

struct session_table {
	const struct recv_config *config;
	struct target *target;	 /* the one FILE; NULL with --dir */
	struct workers workers;	 /* its lock guards what follows */
	struct incoming *writer; /* who may write; NULL: nobody */
	uint8_t writer_id[WIRE_ID_SIZE];
	bool writer_ending; /* its connection has ended, and it flushes what it has */
	bool interrupted;   /* a transfer was lost in the middle: */
	uint8_t interrupted_id[WIRE_ID_SIZE];
	char interrupted_name[WIRE_NAME_MAX + 1];
	int64_t retries_left;
	int64_t counted;	 /* connections that count */
	int status;		 /* the highest */
	bool reconnect;		 /* connecting: it is worth another connection */
	bool closed;		 /* no more connections are wanted */
	int64_t linger_until_ns; /* all is here, but the sender may ask again; INT64_MAX */
};

/* 0, or the error is reported and its status returned.  Close with sessions_close() in any case.
 */
int sessions_open(
    struct session_table *table, const struct recv_config *config, struct target *target);
/* Waits for every thread. */
void sessions_close(struct session_table *table);
/* When the sender that may ask again is no longer waited for; INT64_MAX: nobody is. */
int64_t sessions_linger_until(struct session_table *table);
/* Start a thread for the connection, which is taken over, socket and all.  connected: this end
 * connected. */
int sessions_start(struct session_table *table, const struct incoming *incoming, bool connected);

/* For the threads: ask to be the writer, and be it or not.  The same transfer on a new connection
 * ends its old one. */
bool sessions_claim(
    struct session_table *table, struct incoming *incoming, const uint8_t id[WIRE_ID_SIZE]);
/* The connection has ended, and another may write soon: who asks waits for that. */
void sessions_begin_end(struct session_table *table);
/* Is this another transfer than the one that was interrupted, if one was? */
bool sessions_has_other_id(struct session_table *table, const uint8_t id[WIRE_ID_SIZE]);

/* How a connection ended. */
struct session_outcome {
	const uint8_t *id; /* of its transfer */
	const char *name;  /* of the file under way */
	bool was_writer;
	bool accepted;	   /* an offer of it was */
	bool bye_received; /* the sender knows how it went */
	bool can_go_on;	   /* another connection may continue what was lost */
	int status;	   /* the highest of files that were refused */
};
/* The connection is over: count it, let another write, and say why, if it failed. */
void sessions_end(struct session_table *table, const struct incoming *incoming,
    const struct session_outcome *outcome, struct failure *failure);

#endif

/* sessions.h - verified: what the connections of one run have in common.
 *
 * Each connection is a session, which a thread of the pool has; one at a time may write, and
 * another sender is told that it is busy.  What was lost in the middle is interrupted, and may be
 * gone on with. */
#ifndef RECV_SESSIONS_H
#define RECV_SESSIONS_H

#include "run/failure.h"
#include "run/pool.h"
#include "sockfile-recv/config.h"
#include "sockfile-recv/incoming.h"
#include "transfer/wire.h"

#include <pthread.h>

struct session_table {
	const struct recv_config *config;
	struct target *target; /* the one FILE; NULL with --dir */

	pthread_mutex_t lock;	 /* guards what follows, where threads read or write it */
	struct incoming *writer; /* who may write; NULL: nobody */
	uint8_t writer_id[WIRE_ID_SIZE];
	bool writer_ending;	/* its connection has ended, and it flushes what it has */
	struct waiter *waiters; /* for that */
	bool interrupted;	/* a transfer was lost in the middle: */
	uint8_t interrupted_id[WIRE_ID_SIZE];
	char interrupted_name[WIRE_NAME_MAX + 1];
	bool closed; /* no more connections are wanted */

	/* The loop's alone. */
	struct session *sessions;
	size_t count;
	int64_t retries_left;
	int64_t counted;	 /* connections that count */
	int status;		 /* the highest */
	bool reconnect;		 /* connecting: it is worth another connection */
	int64_t linger_until_ns; /* all is here, but the sender may ask again; INT64_MAX */
};

/* One connection, from its start to sessions_end(). */
struct session {
	struct loop_worker worker;
	struct session *next;
	struct session_table *table;
	struct incoming *incoming;
	bool connected; /* this end connected */
	/* How it ended, which its thread says. */
	uint8_t id[WIRE_ID_SIZE];     /* of its transfer */
	char name[WIRE_NAME_MAX + 1]; /* of the file under way */
	bool was_writer;
	bool accepted;	   /* an offer of it was */
	bool bye_received; /* the sender knows how it went */
	bool can_go_on;	   /* another connection may continue what was lost */
	int status;	   /* the highest of files that were refused */
	struct failure failure;
};

/* Close with sessions_close(). */
void sessions_open(
    struct session_table *table, const struct recv_config *config, struct target *target);
void sessions_close(struct session_table *table);

/* ---- for the loop --------------------------------------------------------------------------- */

/* Have a thread of the pool talk to the connection, which is taken over, and then done() called: 0,
 * or -1 with errno, and it is still the caller's.  connected: this end connected. */
int sessions_start(struct session_table *table, struct pool *pool, struct incoming *incoming,
    bool connected, void (*done)(struct loop *loop, struct loop_worker *worker));
/* The connection is over: count it, let another write, say why, if it failed, and free it. */
void sessions_end(struct session_table *table, struct session *session);
/* Does somebody write, or may one who has written ask how it went? */
bool sessions_are_busy(struct session_table *table);
/* The sender that may ask again is no longer waited for, unless it is here. */
void sessions_expire(struct session_table *table);
/* End the connections of those who do not write. */
void sessions_shut_others(struct session_table *table);

/* ---- for the threads ------------------------------------------------------------------------ */

/* Ask to be the writer, and be it or not.  The same transfer on a new connection ends its old
 * one. */
bool sessions_claim(
    struct session_table *table, struct incoming *incoming, const uint8_t id[WIRE_ID_SIZE]);
/* The connection has ended, and another may write soon: who asks waits for that. */
void sessions_begin_end(struct session_table *table);
/* Is this another transfer than the one that was interrupted, if one was? */
bool sessions_has_other_id(struct session_table *table, const uint8_t id[WIRE_ID_SIZE]);
/* Is this another file than the one in whose middle that was? */
bool sessions_has_other_name(struct session_table *table, const char *name);

#endif

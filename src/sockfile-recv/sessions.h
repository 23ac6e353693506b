/* sessions.h - verified: which sender may write which file, who waits, who is told that the
 * receiver is busy, and when the receiver is done.
 *
 * A claim is on one name, or on the one FILE.  A session has at most one, from the offer of a file
 * to its verdict.  That of a connection that was lost in the middle is kept for the same file,
 * until it runs out, and so is the place of the connection.  All functions may be called from any
 * thread; now is sku_now(), for them and for the tests. */
#ifndef RECV_SESSIONS_H
#define RECV_SESSIONS_H

#include "libsockutil/sockutil.h"
#include "transfer/wire.h"

#include <pthread.h>
#include <stdatomic.h>

#define SESSIONS_UNLIMITED INT64_C(-1)
#define SESSIONS_CLAIMS 64	 /* files that are written at once */
#define SESSIONS_NEWCOMERS 128	 /* connections that have had no claim yet */
#define SESSIONS_NEW SKU_SECOND	 /* so long they are not shut, however many there are */
#define SESSIONS_LOST_CLAIMS 256 /* that are waited for */

/* How long another sender of the same file waits for the one that has it. */
#define SESSIONS_SILENCE (2 * SKU_SECOND) /* then it is dead, whatever TCP knows of it */
#define SESSIONS_LOOK (100 * SKU_MS)	  /* from one look at it to the next */
#define SESSIONS_WAIT (5 * SKU_SECOND)	  /* for one that has ended to flush what it has */
/* for a sender that did not hear the last verdict, and may ask for it */
#define SESSIONS_LINGER (10 * SKU_SECOND)

struct session_rules {
	bool one_file;	     /* every offer is about FILE, and the first that counts is the last */
	bool listening;	     /* else this end connected, and each connection counts */
	int64_t connections; /* how many count, or SESSIONS_UNLIMITED */
	int64_t retries;     /* connections that may be lost, without progress in between */
	int64_t keep_ns;     /* how long a claim outlives its connection */
};

/* One connection, embedded in what has it.  Set sock, active_ns and, before the first claim, id. */
struct session {
	struct sku_sock *sock; /* shut where nobody needs it any more */
	uint8_t id[WIRE_ID_SIZE];
	_Atomic int64_t active_ns; /* when bytes last came or went */

	/* The table's. */
	struct session *next;
	int64_t came_ns;
	struct claim *claim; /* what it writes; NULL: nothing */
	bool has_place;	     /* one of the connections that count, from its first claim on */
	bool is_ending;	     /* the connection has ended, and it flushes what it has */
	bool is_shut;
	int wake_fd; /* readable when it may ask again; -1: it does not wait */
	bool is_waiting;
	int64_t asked_ns, ask_again_ns;
	const struct claim *succeeds; /* what it will go on with, once that is free */
	const char *why_busy;	      /* of CLAIM_BUSY, for people */
};

struct session_table {
	struct session_rules rules;
	pthread_mutex_t lock;	  /* guards what follows */
	struct session *sessions; /* the newest first */
	size_t count;
	struct claim *claims;
	int64_t retries_left;
	int64_t counted;
	int status;	 /* the highest that counted */
	int64_t ends_ns; /* no claims from here on; INT64_MAX: not known yet */
	bool is_shut_out;
};

void sessions_init(struct session_table *table, const struct session_rules *rules);
void sessions_free(struct session_table *table);

/* A connection comes. */
void sessions_add(struct session_table *table, struct session *session, int64_t now);
/* Are there too many newcomers?  Then the oldest are shut, as far as they are not new any more. */
bool sessions_are_crowded(struct session_table *table, int64_t now);
/* It came to nothing, and has no claim. */
void sessions_remove(struct session_table *table, struct session *session);

enum claim_result {
	CLAIM_GRANTED, /* it may write the file, nobody else does */
	CLAIM_WAIT,    /* for what ends: ask again when wake_fd is readable, or at ask_again_ns */
	CLAIM_BUSY,    /* it is told so: why_busy */
};

/* Ask for the file of an offer; what the session had claimed before is free. */
enum claim_result sessions_claim(struct session_table *table, struct session *session,
    const struct wire_offer *offer, int64_t now);
/* The file has its verdict: another session may write it. */
void sessions_unclaim(struct session_table *table, struct session *session);
/* The connection has ended, and the claim will be free soon: who wants it waits for that. */
void sessions_begin_end(struct session_table *table, struct session *session);

/* How a session ended. */
struct session_outcome {
	bool failed;
	bool lost;	 /* the connection was, and another one may go on */
	bool holds;	 /* something of its file is here */
	bool progressed; /* something of a file came that was not here */
	bool heard;	 /* the sender knows how it went */
	int status;	 /* of the failure, or the highest of files that were refused */
};

enum session_result {
	SESSION_COUNTED,
	SESSION_AWAITED,   /* it was lost: the next connection may go on */
	SESSION_UNCOUNTED, /* a stranger */
	SESSION_LATE,	   /* it came when all was done: nothing to speak of */
};

/* So many times more an awaited connection may be lost without progress. */
void sessions_set_retries(struct session_table *table, int64_t retries);
/* A session is over; it may be freed. */
enum session_result sessions_release(struct session_table *table, struct session *session,
    const struct session_outcome *outcome, int64_t now);
/* Is the receiver done?  Then *status says how. */
bool sessions_finished(struct session_table *table, int64_t now, int *status);
/* When that is to be asked again, INT64_MAX: when a session has ended. */
int64_t sessions_wake(struct session_table *table);

/* Does somebody write, or may one who has written ask how it went? */
bool sessions_are_busy(struct session_table *table);
/* If nobody writes or is waited for, nobody will any more: true. */
bool sessions_shut_out(struct session_table *table, int64_t now);
/* End the connections that are none of those that count. */
void sessions_shut_strangers(struct session_table *table);

#endif

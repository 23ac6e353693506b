/* sessions.h - verified transfers: which sender may write which file, which waits or is told that
 * the receiver is busy, and when the receiver is done.
 *
 * A claim is on one name, or on FILE.  A session has at most one claim, from the OFFER of a file to
 * its verdict.  If a connection is lost in between, its claim is kept for the same file for a
 * while, and its place for the same sender.  All functions may be called from any thread; now is
 * sku_now(). */
#ifndef RECV_SESSIONS_H
#define RECV_SESSIONS_H

#include "libsockutil/sockutil.h"
#include "transfer/wire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#define SESSIONS_UNLIMITED INT64_C(-1)
#define SESSIONS_CLAIMS 64	 /* files that are written at once */
#define SESSIONS_NEWCOMERS 128	 /* connections that have had no claim yet */
#define SESSIONS_NEW SKU_SECOND	 /* for that long they are not shut down, however many there are */
#define SESSIONS_LOST_CLAIMS 256 /* claims that are kept */

/* How long another sender of the same file waits for the session that has it. */
#define SESSIONS_SILENCE (2 * SKU_SECOND) /* then it counts as dead, whatever TCP knows */
#define SESSIONS_LOOK (100 * SKU_MS)	  /* between two looks at it */
#define SESSIONS_WAIT (5 * SKU_SECOND)	  /* for an ended session to flush its file */
/* for a sender that did not get the last verdict, and may come back for it */
#define SESSIONS_LINGER (10 * SKU_SECOND)

struct session_rules {
	bool one_file;	     /* every offer is about FILE, and only one session counts */
	bool listening;	     /* others may come; else each connection counts */
	int64_t connections; /* how many count, or SESSIONS_UNLIMITED */
	int64_t retries;     /* connections that may be lost without progress in between */
	int64_t keep_ns;     /* how long a claim outlives its connection */
};

/* One connection, embedded in its owner.  Set sock, active_ns and, before the first claim, id. */
struct session {
	struct sku_sock *sock; /* shut down once it is not needed any more */
	uint8_t id[WIRE_ID_SIZE];
	_Atomic int64_t active_ns; /* when bytes were last received or sent */

	/* The table's. */
	LIST_ENTRY(session) entry;
	int64_t came_ns;
	struct claim *claim;	 /* the file that it writes; NULL: none */
	bool has_place;		 /* it counts, from its first claim on */
	struct wire_offer first; /* then: what its transfer offered first */
	bool is_ending;		 /* the connection has ended, and it flushes its file */
	bool is_shut;
	int wake_fd; /* readable when it may ask again; -1: not waiting */
	bool is_waiting;
	int64_t asked_ns, ask_again_ns;
	const struct claim *succeeds; /* the claim that it waits to go on with */
	const char *why_busy;	      /* the reason of CLAIM_BUSY, for messages */
};

struct session_table {
	struct session_rules rules;
	pthread_mutex_t lock;	       /* guards what follows */
	LIST_HEAD(, session) sessions; /* the newest first */
	size_t count;
	LIST_HEAD(, claim) claims;
	int64_t retries_left;
	int64_t counted;
	int status;	 /* the highest that counted */
	int64_t ends_ns; /* no claims after this; INT64_MAX: not known yet */
	bool is_shut_out;
};

void sessions_init(struct session_table *table, const struct session_rules *rules);
void sessions_free(struct session_table *table);

/* Add the session of a new connection. */
void sessions_add(struct session_table *table, struct session *session, int64_t now);
/* Are there too many newcomers?  If so, shut down the oldest, unless they are new
 * (SESSIONS_NEW). */
bool sessions_are_crowded(struct session_table *table, int64_t now);
/* Remove a session that came to nothing and has no claim. */
void sessions_remove(struct session_table *table, struct session *session);

enum claim_result {
	CLAIM_GRANTED, /* it alone may write the file */
	CLAIM_WAIT,    /* for a session that ends: until wake_fd is readable, or ask_again_ns */
	CLAIM_BUSY,    /* tell the sender; why_busy says why */
};

/* Claim the file of an offer.  An earlier claim of the session is released. */
enum claim_result sessions_claim(struct session_table *table, struct session *session,
    const struct wire_offer *offer, int64_t now);
/* The file has its verdict: another session may write it. */
void sessions_unclaim(struct session_table *table, struct session *session);
/* The connection has ended, and the claim will be free soon: a session that wants it waits. */
void sessions_begin_end(struct session_table *table, struct session *session);

/* How a session ended. */
struct session_outcome {
	bool failed;
	bool begun;	 /* an offer was accepted */
	bool lost;	 /* the connection was lost, and another one may go on */
	bool holds;	 /* a part of its file is here */
	bool progressed; /* bytes of a file came that were not here */
	bool heard;	 /* the sender has its verdicts */
	int status;	 /* of the failure, or the highest of refused files */
};

enum session_result {
	SESSION_COUNTED,
	SESSION_AWAITED,   /* it was lost: the next connection may go on */
	SESSION_UNCOUNTED, /* a stranger */
	SESSION_LATE,	   /* it came when all was done: do not report it */
};

/* Set how many more awaited connections may be lost without progress. */
void sessions_set_retries(struct session_table *table, int64_t retries);
/* A session is over; it may be freed. */
enum session_result sessions_release(struct session_table *table, struct session *session,
    const struct session_outcome *outcome, int64_t now);
/* Is the receiver done?  Then *status says how. */
bool sessions_finished(struct session_table *table, int64_t now, int *status);
/* When to ask that again; INT64_MAX: when a session has ended. */
int64_t sessions_wake(struct session_table *table);

/* Is a session writing, or may one that has written come back for its verdict? */
bool sessions_are_busy(struct session_table *table);
/* If no session writes or is waited for, close the table to new ones: true. */
bool sessions_shut_out(struct session_table *table, int64_t now);
/* End the connections that do not count. */
void sessions_shut_strangers(struct session_table *table);

#endif

/* send_session.h - verified: all FILEs to one receiver, over one connection after the other. */
#ifndef SEND_SEND_SESSION_H
#define SEND_SEND_SESSION_H

#include "run/failure.h"
#include "sockfile-send/config.h"
#include "sockfile-send/source.h"
#include "transfer/wire.h"

/* Of the thread that runs a session; touched on demand. */
#define SEND_SESSION_STACK ((size_t)1024 * 1024)

struct send_job {
	const struct send_config *config;
	const uint8_t *id; /* WIRE_ID_SIZE bytes, the same for every try */
	size_t next;	   /* the first FILE that is not dealt with yet */
	int status;	   /* the highest of those that the receiver refused */
	int64_t reached;   /* where this FILE went on, at the furthest */
	bool progressed;   /* it went on further than before, or is done: for the caller to clear */
	bool accepted;	   /* an offer was answered */
	bool outcome_unknown; /* all of a FILE was sent, and what became of it not heard */
	bool input_consumed;  /* bytes of the next FILE, which cannot be read again, are gone */
	bool local_failure;   /* it failed at this end: a FILE changed, or could not be read */
	/* May this receiver have the files, now that it asks?  NULL: yes. */
	bool (*may_start)(void *arg);
	void *arg;
};

/* A new transfer's id: 0, or -1 and the failure. */
int send_random_id(uint8_t id[WIRE_ID_SIZE], struct failure *failure);
/* The failure is the end of the job: say so where nobody knows what became of a FILE. */
void send_mention_unknown(const struct send_job *job, struct failure *failure);
/* The same, where bytes of a FILE that can be read once are gone. */
void send_mention_consumed(const struct send_job *job, struct failure *failure);
/* One connection, in a thread that may wait: 0 when every FILE is dealt with (job->status then says
 * how), or a failure.  The socket stays the caller's. */
int send_session_run(struct send_job *job, struct sku_sock *sock, const struct sku_address *peer,
    struct failure *failure);

#endif

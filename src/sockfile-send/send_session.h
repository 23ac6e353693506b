/* send_session.h - verified transfers: all FILEs to one receiver, over one connection after the
 * other. */
#ifndef SEND_SEND_SESSION_H
#define SEND_SEND_SESSION_H

#include "run/failure.h"
#include "sockfile-send/config.h"
#include "sockfile-send/source.h"
#include "transfer/strangers.h"
#include "transfer/wire.h"

/* The stack of a thread that runs a session; touched on demand. */
#define SEND_SESSION_STACK ((size_t)1024 * 1024)

struct send_job {
	const struct send_config *config;
	const uint8_t *id; /* WIRE_ID_SIZE bytes, the same for every try */
	size_t next;	   /* the first FILE that is not done yet */
	int status;	   /* the highest status of FILEs that failed alone */
	int64_t reached;   /* the furthest offset at which this FILE went on */
	bool progressed;   /* it went on further than before, or it is done; the caller clears it */
	bool accepted;	   /* an offer was answered */
	bool outcome_unknown; /* all of a FILE was sent, but no verdict was received */
	bool input_consumed;  /* bytes of the next FILE are gone, which can be read only once */
	bool next_is_named;   /* the failure of the connection names the next FILE */
	bool local_failure;   /* a FILE changed, or could not be read, here */
	struct stranger_notes *failures; /* of all receivers; NULL: note each failure of a FILE */
	/* May this receiver have the files?  Asked after its HELLO.  NULL: yes. */
	bool (*may_start)(void *arg);
	void *arg;
};

/* Make the id of a new transfer: 0, or -1 and the failure. */
int send_random_id(uint8_t id[WIRE_ID_SIZE], struct failure *failure);
/* The failure ends the job: add to it if bytes of a FILE that can be read only once are gone. */
void send_mention_consumed(const struct send_job *job, struct failure *failure);
/* The failure ends the program: report it, and each of several FILEs that was not delivered, unless
 * that was reported before.  Returns the status. */
int send_report_end(
    const struct send_job *job, const struct sku_address *peer, struct failure *failure);
/* The same if other receivers may come: then the FILEs that were not offered are counted.  A peer
 * that connects again and again would else fill a log with their names. */
void send_note_end(
    const struct send_job *job, const struct sku_address *peer, struct failure *failure);
/* Run one connection, in a thread that may wait.  Returns 0 when every FILE is done (job->status
 * then says how), or -1 and the failure.  The socket stays the caller's. */
int send_session_run(struct send_job *job, struct sku_sock *sock, const struct sku_address *peer,
    struct failure *failure);

#endif

/* reception.h - verified: what the connections of one run have in common.
 *
 * Each connection has a thread of its own; one at a time has the floor, and another sender is told
 * that it is busy.  What was lost in the middle is unfinished, and may be gone on with. */
#ifndef RECV_RECEPTION_H
#define RECV_RECEPTION_H

#include "run/workers.h"
#include "sockfile-recv/caller.h"
#include "sockfile-recv/config.h"
#include "transfer/wire.h"

struct reception {
	const struct recv_config *config;
	const struct transfer_waits *waits; /* of the threads: nobody draws there */
	struct target *target;		    /* the one FILE; NULL with --dir */
	struct crew crew;		    /* its lock guards what follows */
	struct caller *floor;		    /* who has it; NULL: nobody */
	uint8_t floor_id[WIRE_ID_SIZE];
	bool floor_leaves; /* its connection has ended, and it flushes what it has */
	bool unfinished;   /* a transfer was lost in the middle: */
	uint8_t unfinished_id[WIRE_ID_SIZE];
	char unfinished_name[WIRE_NAME_MAX + 1];
	int64_t retries_left;
	int64_t taken;	    /* connections that count */
	int status;	    /* the highest */
	bool again;	    /* connecting: it is worth another connection */
	bool over;	    /* no more connections are wanted */
	int64_t over_at_ns; /* all is here, but the sender may ask again; INT64_MAX */
};

/* 0, or the error is reported and its status returned.  Close with reception_close() in any case.
 */
int reception_open(struct reception *reception, const struct recv_config *config,
    struct target *target, const struct transfer_waits *waits);
/* Waits for every thread. */
void reception_close(struct reception *reception);
/* When the sender that may ask again is no longer waited for; INT64_MAX: nobody is. */
int64_t reception_over_at(struct reception *reception);
/* Start a thread for the caller, which is taken over, socket and all.  connected: this end
 * connected. */
int reception_start(struct reception *reception, const struct caller *caller, bool connected);

/* For the threads: ask for the floor, and have it or not.  The same transfer on a new connection
 * ends its old one. */
bool reception_ask_floor(
    struct reception *reception, struct caller *caller, const uint8_t id[WIRE_ID_SIZE]);
/* The connection has ended, and the floor will soon be free: who asks waits for it. */
void reception_leave_floor(struct reception *reception);
/* Is this transfer a stranger to the unfinished one, if there is one? */
bool reception_is_stranger(struct reception *reception, const uint8_t id[WIRE_ID_SIZE]);

/* How a connection ended. */
struct reception_outcome {
	const uint8_t *id; /* of its transfer */
	const char *name;  /* of the file under way */
	bool had_floor;
	bool accepted;	   /* an offer of it was */
	bool said_goodbye; /* the sender knows how it went */
	bool can_go_on;	   /* another connection may continue what was lost */
	int status;	   /* the highest of files that were refused */
};
/* The connection is over: count it, give the floor back, and say why, if it failed. */
void reception_done(struct reception *reception, const struct caller *caller,
    const struct reception_outcome *outcome, struct transfer_failure *failure);

#endif

/* reception.c - verified: what the connections of one run have in common.
 * Row tool. */
#include "sockfile-recv/reception.h"

#include "run/message.h"
#include "sockfile-recv/session.h"
#include "transfer/talk.h"
#include "transfer/tally.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FLOOR_PATIENCE 5		   /* seconds, for the old connection to end */
#define GOODBYE_PATIENCE (10 * SKU_SECOND) /* for a sender that did not hear the verdict */

int
reception_open(struct reception *reception, const struct recv_config *config, struct target *target,
    const struct transfer_waits *waits)
{
	*reception = (struct reception){ .config = config,
		.waits = waits,
		.target = target,
		.retries_left = config->retries,
		.over_at_ns = INT64_MAX };
	if (crew_open(&reception->crew) == -1)
		return cli_error_errno(CLI_FAILED, errno, "prepare for connections");
	return CLI_OK;
}

void
reception_close(struct reception *reception)
{
	crew_close(&reception->crew);
}

int64_t
reception_over_at(struct reception *r)
{
	int64_t at;

	(void)pthread_mutex_lock(&r->crew.lock);
	at = r->over_at_ns;
	(void)pthread_mutex_unlock(&r->crew.lock);
	return at;
}

int
reception_start(struct reception *reception, const struct caller *caller, bool connected)
{
	struct session_start *start = malloc(sizeof(*start));

	if (start == NULL)
		return -1;
	*start = (struct session_start){ reception, *caller, connected };
	if (crew_start(&reception->crew, session_run, start) == 0)
		return 0;
	free(start);
	return -1;
}

/* ---- the floor ----------------------------------------------------------------------------- */

/* Has the connection that has the floor ended, and its thread is only about to notice, or to flush
 * what it has? */
static bool
is_leaving(const struct reception *r)
{
	struct pollfd pfd = { .fd = sku_fileno(&r->floor->sock), .events = POLLRDHUP };

	return r->floor_leaves || poll(&pfd, 1, 0) == 1;
}

/* With the lock held: wait until the one who leaves has left. */
static void
wait_for_floor(struct reception *r)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until); /* the clock of the condition */
	until.tv_sec += FLOOR_PATIENCE;
	while (r->floor != NULL && !r->over &&
	       pthread_cond_timedwait(&r->crew.changed, &r->crew.lock, &until) == 0)
		;
}

bool
reception_ask_floor(struct reception *r, struct caller *caller, const uint8_t id[WIRE_ID_SIZE])
{
	bool ours;

	(void)pthread_mutex_lock(&r->crew.lock);
	/* The same transfer has come anew, so its old connection is dead, known or not. */
	if (r->floor != NULL && memcmp(r->floor_id, id, WIRE_ID_SIZE) == 0)
		(void)sku_shutdown(&r->floor->sock, SHUT_RDWR);
	if (r->floor != NULL && is_leaving(r))
		wait_for_floor(r);
	ours = r->floor == NULL && !r->over;
	if (ours) {
		r->floor = caller;
		r->floor_leaves = false;
		(void)memcpy(r->floor_id, id, WIRE_ID_SIZE);
	}
	(void)pthread_mutex_unlock(&r->crew.lock);
	return ours;
}

void
reception_leave_floor(struct reception *r)
{
	(void)pthread_mutex_lock(&r->crew.lock);
	r->floor_leaves = true;
	(void)pthread_mutex_unlock(&r->crew.lock);
}

bool
reception_is_stranger(struct reception *r, const uint8_t id[WIRE_ID_SIZE])
{
	bool stranger;

	(void)pthread_mutex_lock(&r->crew.lock);
	stranger = r->unfinished && memcmp(r->unfinished_id, id, WIRE_ID_SIZE) != 0;
	(void)pthread_mutex_unlock(&r->crew.lock);
	return stranger;
}

/* ---- the end of a connection ---------------------------------------------------------------- */

/* With the lock held: one that counts. */
static void
count(struct reception *r, int status)
{
	r->taken++;
	if (status > r->status)
		r->status = status;
	if (r->config->dir == NULL ||
	    (r->config->connections != -1 && r->taken >= r->config->connections))
		r->over = true;
}

static void
went_well(struct reception *r, const struct reception_outcome *outcome)
{
	r->unfinished = false;
	count(r, outcome->status);
	/* A sender that did not hear the verdict may come and ask for it. */
	if (r->over && !outcome->said_goodbye && r->retries_left > 0 && r->config->link.listening) {
		r->over = false;
		r->taken--;
		r->over_at_ns = sku_now() + GOODBYE_PATIENCE;
	}
}

/* Lost in the middle, and there may be another connection: true if it is waited for. */
static bool
goes_on(struct reception *r, const struct reception_outcome *outcome,
    const struct transfer_failure *failure)
{
	if (!outcome->accepted || !outcome->can_go_on || !talk_is_lost(failure) ||
	    r->retries_left == 0)
		return false;
	r->retries_left--;
	r->unfinished = true;
	r->again = true;
	(void)memcpy(r->unfinished_id, outcome->id, WIRE_ID_SIZE);
	(void)snprintf(r->unfinished_name, sizeof(r->unfinished_name), "%s", outcome->name);
	return true;
}

void
reception_done(struct reception *r, const struct caller *caller,
    const struct reception_outcome *outcome, struct transfer_failure *failure)
{
	(void)pthread_mutex_lock(&r->crew.lock);
	if (outcome->had_floor)
		r->floor = NULL;
	r->again = false;
	if (failure->status == CLI_OK) {
		if (outcome->accepted)
			went_well(r, outcome);
		else if (!r->config->link.listening)
			count(r, outcome->status); /* it had nothing that is wanted */
	} else if (r->over && !outcome->had_floor) {
		/* It came too late, and the program ends. */
	} else if (goes_on(r, outcome, failure)) {
		transfer_failure_add(failure, "the next connection may go on (--retry)");
		transfer_failure_note(failure, &caller->peer);
	} else if (outcome->accepted || !r->config->link.listening) {
		count(r, transfer_failure_error(failure));
	} else {
		/* A probe, a stranger, a wrong key: told, and not counted. */
		transfer_failure_note(failure, &caller->peer);
	}
	(void)pthread_cond_broadcast(&r->crew.changed);
	(void)pthread_mutex_unlock(&r->crew.lock);
}

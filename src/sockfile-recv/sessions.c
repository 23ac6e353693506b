/* sessions.c - verified: what the connections of one run have in common.
 * Row tool. */
#include "sockfile-recv/sessions.h"

#include "run/failure.h"
#include "run/message.h"
#include "sockfile-recv/receive_session.h"
#include "transfer/channel.h"
#include "transfer/summary.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WRITER_TIMEOUT 5	      /* seconds, for the old connection to end */
#define BYE_TIMEOUT (10 * SKU_SECOND) /* for a sender that did not hear the verdict */

int
sessions_open(struct session_table *table, const struct recv_config *config, struct target *target)
{
	*table = (struct session_table){ .config = config,
		.target = target,
		.retries_left = config->retries,
		.linger_until_ns = INT64_MAX };
	if (workers_open(&table->workers) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "prepare for connections");
	return STATUS_OK;
}

void
sessions_close(struct session_table *table)
{
	workers_close(&table->workers);
}

int64_t
sessions_linger_until(struct session_table *table)
{
	int64_t at;

	(void)pthread_mutex_lock(&table->workers.lock);
	at = table->linger_until_ns;
	(void)pthread_mutex_unlock(&table->workers.lock);
	return at;
}

int
sessions_start(struct session_table *table, const struct incoming *incoming, bool connected)
{
	struct receive_session_start *start = malloc(sizeof(*start));

	if (start == NULL)
		return -1;
	*start = (struct receive_session_start){ table, *incoming, connected };
	if (workers_start(&table->workers, receive_session_run, start) == 0)
		return 0;
	free(start);
	return -1;
}

/* ---- the writer ---------------------------------------------------------------------------- */

/* Has the connection of the writer ended, and its thread is only about to notice, or to flush
 * what it has? */
static bool
writer_is_ending(const struct session_table *table)
{
	struct pollfd pfd = { .fd = sku_fileno(&table->writer->sock), .events = POLLRDHUP };

	return table->writer_ending || poll(&pfd, 1, 0) == 1;
}

/* With the lock held: wait until the one who leaves has left. */
static void
wait_for_writer(struct session_table *table)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until); /* the clock of the condition */
	until.tv_sec += WRITER_TIMEOUT;
	while (table->writer != NULL && !table->closed &&
	       pthread_cond_timedwait(&table->workers.changed, &table->workers.lock, &until) == 0)
		;
}

bool
sessions_claim(
    struct session_table *table, struct incoming *incoming, const uint8_t id[WIRE_ID_SIZE])
{
	bool ours;

	(void)pthread_mutex_lock(&table->workers.lock);
	/* The same transfer has come anew, so its old connection is dead, known or not. */
	if (table->writer != NULL && memcmp(table->writer_id, id, WIRE_ID_SIZE) == 0)
		(void)sku_shutdown(&table->writer->sock, SHUT_RDWR);
	if (table->writer != NULL && writer_is_ending(table))
		wait_for_writer(table);
	ours = table->writer == NULL && !table->closed;
	if (ours) {
		table->writer = incoming;
		table->writer_ending = false;
		(void)memcpy(table->writer_id, id, WIRE_ID_SIZE);
	}
	(void)pthread_mutex_unlock(&table->workers.lock);
	return ours;
}

void
sessions_begin_end(struct session_table *table)
{
	(void)pthread_mutex_lock(&table->workers.lock);
	table->writer_ending = true;
	(void)pthread_mutex_unlock(&table->workers.lock);
}

bool
sessions_has_other_id(struct session_table *table, const uint8_t id[WIRE_ID_SIZE])
{
	bool other_id;

	(void)pthread_mutex_lock(&table->workers.lock);
	other_id = table->interrupted && memcmp(table->interrupted_id, id, WIRE_ID_SIZE) != 0;
	(void)pthread_mutex_unlock(&table->workers.lock);
	return other_id;
}

/* ---- the end of a connection ---------------------------------------------------------------- */

/* With the lock held: one that counts. */
static void
count_session(struct session_table *table, int status)
{
	table->counted++;
	if (status > table->status)
		table->status = status;
	if (table->config->dir == NULL ||
	    (table->config->connections != -1 && table->counted >= table->config->connections))
		table->closed = true;
}

static void
count_success(struct session_table *table, const struct session_outcome *outcome)
{
	table->interrupted = false;
	count_session(table, outcome->status);
	/* A sender that did not hear the verdict may come and ask for it. */
	if (table->closed && !outcome->bye_received && table->retries_left > 0 &&
	    table->config->peer.listening) {
		table->closed = false;
		table->counted--;
		table->linger_until_ns = sku_now() + BYE_TIMEOUT;
	}
}

/* Lost in the middle, and there may be another connection: true if it is waited for. */
static bool
is_resumable(struct session_table *table, const struct session_outcome *outcome,
    const struct failure *failure)
{
	if (!outcome->accepted || !outcome->can_go_on || !failure_is_connection_loss(failure) ||
	    table->retries_left == 0)
		return false;
	table->retries_left--;
	table->interrupted = true;
	table->reconnect = true;
	(void)memcpy(table->interrupted_id, outcome->id, WIRE_ID_SIZE);
	(void)snprintf(
	    table->interrupted_name, sizeof(table->interrupted_name), "%s", outcome->name);
	return true;
}

void
sessions_end(struct session_table *table, const struct incoming *incoming,
    const struct session_outcome *outcome, struct failure *failure)
{
	(void)pthread_mutex_lock(&table->workers.lock);
	if (outcome->was_writer)
		table->writer = NULL;
	table->reconnect = false;
	if (failure->status == STATUS_OK) {
		if (outcome->accepted)
			count_success(table, outcome);
		else if (!table->config->peer.listening)
			count_session(table, outcome->status); /* it had nothing that is wanted */
	} else if (table->closed && !outcome->was_writer) {
		/* It came too late, and the program ends. */
	} else if (is_resumable(table, outcome, failure)) {
		failure_add(failure, "the next connection may go on (--retry)");
		failure_note(failure, &incoming->peer);
	} else if (outcome->accepted || !table->config->peer.listening) {
		count_session(table, failure_report(failure));
	} else {
		/* A probe, a stranger, a wrong key: told, and not counted. */
		failure_note(failure, &incoming->peer);
	}
	(void)pthread_cond_broadcast(&table->workers.changed);
	(void)pthread_mutex_unlock(&table->workers.lock);
}

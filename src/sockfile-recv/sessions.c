/* sessions.c - verified: what the connections of one run have in common.
 * Row tool. */
#include "sockfile-recv/sessions.h"

#include "run/failure.h"
#include "run/wait.h"
#include "sockfile-recv/receive_session.h"
#include "transfer/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WRITER_TIMEOUT (5 * SKU_SECOND) /* for the old connection to end */
#define BYE_TIMEOUT (10 * SKU_SECOND)	/* for a sender that did not hear the verdict */

/* A thread that waits for the writer to leave. */
struct waiter {
	int fd; /* an eventfd */
	struct waiter *next;
};

void
sessions_open(struct session_table *table, const struct recv_config *config, struct target *target)
{
	*table = (struct session_table){ .config = config,
		.target = target,
		.retries_left = config->retries,
		.linger_until_ns = INT64_MAX };
	(void)pthread_mutex_init(&table->lock, NULL);
}

void
sessions_close(struct session_table *table)
{
	(void)pthread_mutex_destroy(&table->lock);
}

/* ---- sessions come --------------------------------------------------------------------------- */

static void
work(struct loop_worker *worker)
{
	receive_session_run(LOOP_OWNER(worker, struct session, worker));
}

int
sessions_start(struct session_table *table, struct pool *pool, struct incoming *incoming,
    bool connected, void (*done)(struct loop *loop, struct loop_worker *worker))
{
	struct session *session = malloc(sizeof(*session));

	if (session == NULL)
		return -1;
	*session = (struct session){ .worker = { .work = work, .done = done },
		.next = table->sessions,
		.table = table,
		.incoming = incoming,
		.connected = connected };
	if (pool_submit(pool, &session->worker) == -1) {
		free(session);
		return -1;
	}
	table->sessions = session;
	table->count++;
	return 0;
}

static void
remove_session(struct session_table *table, struct session *session)
{
	struct session **link = &table->sessions;

	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	table->count--;
	incoming_free(session->incoming);
	free(session);
}

/* ---- the writer ---------------------------------------------------------------------------- */

/* Has the connection of the writer ended, and its thread is only about to notice, or to flush
 * what it has? */
static bool
writer_is_ending(const struct session_table *table)
{
	return table->writer_ending || run_is_ready(sku_fileno(&table->writer->sock), POLLRDHUP);
}

/* With the lock held. */
static void
wake_waiters(const struct session_table *table)
{
	const uint64_t one = 1;

	for (const struct waiter *waiter = table->waiters; waiter != NULL; waiter = waiter->next)
		(void)!write(waiter->fd, &one, sizeof(one));
}

static void
remove_waiter(struct session_table *table, const struct waiter *waiter)
{
	struct waiter **link = &table->waiters;

	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
}

/* With the lock held, which is given back meanwhile: until the one who leaves has left. */
static void
wait_for_writer(struct session_table *table)
{
	struct waiter waiter = { eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), table->waiters };
	struct sku_deadline until = sku_deadline_in(WRITER_TIMEOUT);
	int result = waiter.fd == -1 ? -1 : 0;

	table->waiters = &waiter;
	while (table->writer != NULL && !table->closed && result == 0) {
		uint64_t count;

		(void)pthread_mutex_unlock(&table->lock);
		result = run_wait_fd(waiter.fd, POLLIN, until);
		(void)!read(waiter.fd, &count, sizeof(count));
		(void)pthread_mutex_lock(&table->lock);
	}
	remove_waiter(table, &waiter);
	if (waiter.fd != -1)
		(void)close(waiter.fd);
}

bool
sessions_claim(
    struct session_table *table, struct incoming *incoming, const uint8_t id[WIRE_ID_SIZE])
{
	bool ours;

	(void)pthread_mutex_lock(&table->lock);
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
	(void)pthread_mutex_unlock(&table->lock);
	return ours;
}

void
sessions_begin_end(struct session_table *table)
{
	(void)pthread_mutex_lock(&table->lock);
	table->writer_ending = true;
	(void)pthread_mutex_unlock(&table->lock);
}

bool
sessions_has_other_id(struct session_table *table, const uint8_t id[WIRE_ID_SIZE])
{
	bool other_id;

	(void)pthread_mutex_lock(&table->lock);
	other_id = table->interrupted && memcmp(table->interrupted_id, id, WIRE_ID_SIZE) != 0;
	(void)pthread_mutex_unlock(&table->lock);
	return other_id;
}

bool
sessions_has_other_name(struct session_table *table, const char *name)
{
	bool other_name;

	(void)pthread_mutex_lock(&table->lock);
	other_name = strcmp(table->interrupted_name, name) != 0;
	(void)pthread_mutex_unlock(&table->lock);
	return other_name;
}

bool
sessions_are_busy(struct session_table *table)
{
	bool busy;

	(void)pthread_mutex_lock(&table->lock);
	busy = table->writer != NULL || table->linger_until_ns != INT64_MAX;
	(void)pthread_mutex_unlock(&table->lock);
	return busy;
}

void
sessions_expire(struct session_table *table)
{
	(void)pthread_mutex_lock(&table->lock);
	if (table->writer == NULL)
		table->closed = true;
	wake_waiters(table);
	(void)pthread_mutex_unlock(&table->lock);
}

void
sessions_shut_others(struct session_table *table)
{
	(void)pthread_mutex_lock(&table->lock);
	for (struct session *session = table->sessions; session != NULL; session = session->next) {
		if (session->incoming != table->writer)
			(void)sku_shutdown(&session->incoming->sock, SHUT_RDWR);
	}
	(void)pthread_mutex_unlock(&table->lock);
}

/* ---- the end of a connection ---------------------------------------------------------------- */

/* What is said about one that failed. */
enum last_words { NOTHING, NOTE, ERROR };

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
count_success(struct session_table *table, const struct session *session)
{
	table->interrupted = false;
	count_session(table, session->status);
	/* A sender that did not hear the verdict may come and ask for it. */
	if (table->closed && !session->bye_received && table->retries_left > 0 &&
	    table->config->peer.listening) {
		table->closed = false;
		table->counted--;
		table->linger_until_ns = sku_now() + BYE_TIMEOUT;
	}
}

/* Lost in the middle, and there may be another connection: true if it is waited for. */
static bool
is_resumable(struct session_table *table, const struct session *session)
{
	if (!session->accepted || !session->can_go_on ||
	    !failure_is_connection_loss(&session->failure) || table->retries_left == 0)
		return false;
	table->retries_left--;
	table->interrupted = true;
	table->reconnect = true;
	(void)memcpy(table->interrupted_id, session->id, WIRE_ID_SIZE);
	(void)memcpy(table->interrupted_name, session->name, sizeof(table->interrupted_name));
	return true;
}

/* With the lock held. */
static enum last_words
count(struct session_table *table, struct session *session)
{
	bool is_counted = session->accepted || !table->config->peer.listening;

	if (session->failure.status == STATUS_OK) {
		if (session->accepted)
			count_success(table, session);
		else if (is_counted) /* it had nothing that is wanted */
			count_session(table, session->status);
		return NOTHING;
	}
	if (table->closed && !session->was_writer)
		return NOTHING; /* it came too late, and the program ends */
	if (is_resumable(table, session)) {
		failure_add(&session->failure, "the next connection may go on (--retry)");
		return NOTE;
	}
	/* A probe, a stranger, a wrong key: told, and not counted.  Of --max-time the program
	 * tells. */
	if (!is_counted)
		return run_check() == -1 && errno == ETIMEDOUT ? NOTHING : NOTE;
	count_session(table, session->failure.status);
	return ERROR;
}

void
sessions_end(struct session_table *table, struct session *session)
{
	enum last_words words;

	(void)pthread_mutex_lock(&table->lock);
	if (session->was_writer)
		table->writer = NULL;
	table->reconnect = false;
	words = count(table, session);
	wake_waiters(table);
	(void)pthread_mutex_unlock(&table->lock);
	if (words == NOTE)
		failure_note(&session->failure, &session->incoming->peer);
	else if (words == ERROR)
		(void)failure_report(&session->failure);
	remove_session(table, session);
}

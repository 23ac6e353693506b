/* server.c - where connections wait until their first bytes say what they are.
 * Row tool. */
#include "sockfile-recv/server.h"

#include "net/accept.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/rate.h"
#include "run/run.h"
#include "sockfile-recv/incoming.h"
#include "sockfile-recv/raw.h"
#include "sockfile-recv/sessions.h"
#include "transfer/summary.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define MAX_INCOMING 64
#define MAX_SESSIONS 32 /* each has ten seconds to show that it is no stranger */
#define ACCEPT_PAUSE (100 * SKU_MS)

struct receiver {
	const struct recv_config *config;
	struct listener *listener;		    /* NULL: we connect */
	const struct receiver_connector *connector; /* NULL: we listen */
	struct target *target;
	struct progress progress;
	struct wait_context waits; /* of a raw transfer, which is done here */
	struct failure failure;
	struct session_table table;		/* what is verified */
	struct incoming incoming[MAX_INCOMING]; /* in the order in which they came */
	size_t count;
	int64_t idle_since_ns;	 /* nobody is here */
	int64_t accept_again_ns; /* out of descriptors until then */
	bool done;
	int status;
};

static void
stop_receiver(struct receiver *receiver, int status)
{
	receiver->done = true;
	receiver->status = status;
}

/* ---- connections come and go -------------------------------------------------------------- */

static void
close_incoming(struct receiver *receiver, size_t i, bool reset)
{
	if (reset)
		(void)sku_reset(&receiver->incoming[i].sock);
	else
		(void)sku_close(&receiver->incoming[i].sock); /* it has ended: nothing is lost */
	receiver->count--;
	(void)memmove(&receiver->incoming[i], &receiver->incoming[i + 1],
	    (receiver->count - i) * sizeof(receiver->incoming[0]));
	counter_subtract(&transfer_stats.connections, 1);
	if (receiver->count == 0)
		receiver->idle_since_ns = sku_now();
}

/* It cannot be attended to.  Where it is the only one that there is, that is the end. */
static void
turn_away(struct receiver *receiver, size_t i, int errnum)
{
	if (receiver->listener == NULL || receiver->listener->connected)
		stop_receiver(receiver, msg_error(STATUS_FAILED, errnum, strerror(errnum), "%s",
					    "prepare the connection"));
	else
		msg_note("%s: turned away: %s", receiver->incoming[i].text, strerror(errnum));
	close_incoming(receiver, i, true);
}

/* A thread talks to it from here on, and may be at the end already; its place is free. */
static void
start_session(struct receiver *receiver, size_t i)
{
	if (sessions_start(&receiver->table, &receiver->incoming[i], receiver->listener == NULL) ==
	    -1) {
		turn_away(receiver, i, errno);
		return;
	}
	receiver->incoming[i].sock = (struct sku_sock)SKU_SOCK_INIT;
	close_incoming(receiver, i, false);
	counter_add(&transfer_stats.connections, 1);
	if (!receiver->progress.active)
		progress_begin(&receiver->progress, receiver->config->progress, SIZE_UNKNOWN);
}

static size_t
active_sessions(struct receiver *receiver)
{
	size_t n;

	(void)pthread_mutex_lock(&receiver->table.workers.lock);
	n = receiver->table.workers.count;
	(void)pthread_mutex_unlock(&receiver->table.workers.lock);
	return n;
}

/* Somebody new; when every seat is taken, whoever has been silent longest gives up his. */
static void
add_incoming(struct receiver *receiver, struct sku_sock *sock, const struct sku_address *peer)
{
	if (receiver->count == MAX_INCOMING) {
		msg_note("%s: said nothing, and its place is needed", receiver->incoming[0].text);
		close_incoming(receiver, 0, true);
	}
	counter_add(&transfer_stats.connections, 1);
	if (incoming_init(&receiver->incoming[receiver->count++], sock, peer) == -1)
		turn_away(receiver, receiver->count - 1, errno);
	else if (receiver->config->verify)
		start_session(
		    receiver, receiver->count - 1); /* whatever it is, it must know the protocol */
}

static void
accept_some(struct receiver *receiver)
{
	struct sku_sock sock;
	struct sku_address peer;

	while (active_sessions(receiver) < MAX_SESSIONS) {
		switch (accept_connection(
		    receiver->listener, &receiver->config->peer.listen.access, &sock, &peer)) {
		case ACCEPT_NONE:
			return;
		case ACCEPT_FAILED:
			msg_note("accept: %s; the rest wait", strerror(errno));
			receiver->accept_again_ns = sku_now() + ACCEPT_PAUSE;
			return;
		case ACCEPT_REFUSED:
			receiver->idle_since_ns = sku_now();
			break;
		case ACCEPT_TAKEN:
			peer_log(&peer, "accepted");
			add_incoming(receiver, &sock, &peer);
			break;
		}
	}
}

/* The one connection that there is. */
static void
add_only_connection(struct receiver *receiver, struct sku_sock *sock)
{
	struct sku_address peer;

	if (sku_getpeername(sock, &peer) == -1)
		peer.len = 0;
	add_incoming(receiver, sock, &peer);
}

static void
connect_to_sender(struct receiver *receiver, bool reconnect)
{
	struct sku_sock sock = SKU_SOCK_INIT;
	int status = receiver->connector->connect(receiver->connector->arg, &sock, reconnect);

	if (status != STATUS_OK)
		stop_receiver(receiver, status);
	else
		add_only_connection(receiver, &sock);
}

/* ---- what a connection turns out to be ---------------------------------------------------- */

/* This is the one: whoever else is here, or comes now, is not kept waiting for nothing. */
static void
take_raw(struct receiver *receiver, size_t i)
{
	struct incoming incoming = receiver->incoming[i];
	int64_t total = receiver->config->size;

	receiver->incoming[i].sock = (struct sku_sock)SKU_SOCK_INIT;
	while (receiver->count > 0)
		close_incoming(receiver, 0, true);
	counter_set(&transfer_stats.connections, 1);
	if (receiver->listener != NULL && receiver->config->peer.listen.fd == -1)
		(void)sku_shutdown(&receiver->listener->sock, SHUT_RDWR);
	if (total != UNLIMITED)
		counter_set(&transfer_stats.size, (uint64_t)total);
	progress_begin(&receiver->progress, receiver->config->progress,
	    total == UNLIMITED ? SIZE_UNKNOWN : total);
	if (target_open_part(receiver->target, true, &receiver->failure) == STATUS_OK &&
	    raw_receive(receiver->config, &incoming, receiver->target, &receiver->waits,
		&receiver->failure) == STATUS_OK) {
		stop_receiver(receiver, STATUS_OK);
		return;
	}
	(void)sku_reset(&incoming.sock);
	progress_end(&receiver->progress, receiver->target->written);
	stop_receiver(receiver, failure_report(&receiver->failure));
}

static void
receive_raw(struct receiver *receiver, size_t i)
{
	if (active_sessions(receiver) > 0) {
		msg_note(
		    "%s: turned away: another transfer is under way", receiver->incoming[i].text);
		close_incoming(receiver, i, true);
		return;
	}
	take_raw(receiver, i);
}

/* A probe, or a lost race of Happy Eyeballs: no transfer. */
static void
handle_empty(struct receiver *receiver, size_t i, int errnum)
{
	struct incoming *incoming = &receiver->incoming[i];

	if (receiver->listener != NULL && !receiver->listener->connected) {
		msg_note("%s: ended without a byte%s%s: the next one is awaited", incoming->text,
		    errnum != 0 ? ": " : "", errnum != 0 ? strerror(errnum) : "");
		close_incoming(receiver, i, false);
		return;
	}
	if (errnum != 0)
		(void)failure_peer(&receiver->failure, errnum, "receive from %s", incoming->text);
	else
		(void)failure_set(&receiver->failure, STATUS_MISMATCH, 0,
		    "it ended without a byte (--size 0 says that an empty file is meant)",
		    "receive from %s", incoming->text);
	stop_receiver(receiver, failure_report(&receiver->failure));
}

static void
classify(struct receiver *receiver, size_t i)
{
	switch (incoming_detect(&receiver->incoming[i])) {
	case INCOMING_SILENT:
	case INCOMING_PARTIAL:
		return;
	case INCOMING_VERIFIED:
		start_session(receiver, i);
		return;
	case INCOMING_CLOSED:
		if (receiver->config->size == 0)
			receive_raw(receiver, i);
		else
			handle_empty(receiver, i, 0);
		return;
	case INCOMING_FAILED:
		handle_empty(receiver, i, errno);
		return;
	case INCOMING_RAW:
		receive_raw(receiver, i);
		return;
	}
}

/* ---- time ---------------------------------------------------------------------------------- */

static int64_t
silence_deadline(const struct receiver *receiver)
{
	int64_t timeout_ns = run.timeouts.operation_ns;

	if (receiver->count == 0 || timeout_ns == SKU_NO_TIMEOUT)
		return INT64_MAX;
	return receiver->incoming[0].since_ns + timeout_ns;
}

/* Of nobody but him, it is the end; while another transfer goes on, it is only his. */
static void
handle_silence_timeout(struct receiver *receiver, int errnum)
{
	const char *who = receiver->incoming[0].text;

	if (active_sessions(receiver) == 0) {
		stop_receiver(receiver, msg_error_peer(errnum, "receive from %s", who));
		return;
	}
	msg_note("%s: said nothing, and is turned away", who);
	close_incoming(receiver, 0, true);
}

static int64_t
accept_deadline(struct receiver *receiver)
{
	int64_t timeout_ns = run.timeouts.accept_ns;

	if (receiver->listener == NULL || receiver->listener->connected || receiver->count > 0 ||
	    timeout_ns == SKU_NO_TIMEOUT || active_sessions(receiver) > 0)
		return INT64_MAX;
	return receiver->idle_since_ns + timeout_ns;
}

static void
run_deadlines(struct receiver *receiver)
{
	int64_t now = sku_now();

	if (now >= run.timeouts.run.at_ns && active_sessions(receiver) == 0) {
		stop_receiver(receiver, msg_error(STATUS_TIMED_OUT, ETIMEDOUT,
					    "timed out (--max-time)", "%s", "wait for a sender"));
	} else if (now >= accept_deadline(receiver)) {
		stop_receiver(receiver, run.timeouts.accept_ns == 0 ?
					    msg_error_errno(STATUS_FAILED, EAGAIN, "accept") :
					    msg_error(STATUS_TIMED_OUT, ETIMEDOUT,
						"timed out (--accept-timeout)", "accept"));
	} else if (now >= silence_deadline(receiver)) {
		handle_silence_timeout(
		    receiver, run.timeouts.operation_ns == 0 ? EAGAIN : ETIMEDOUT);
	}
	if (now >= receiver->accept_again_ns)
		receiver->accept_again_ns = 0;
	for (size_t i = receiver->count; i-- > 0 && !receiver->done;) {
		if (receiver->incoming[i].recheck_at_ns != 0 &&
		    now >= receiver->incoming[i].recheck_at_ns) {
			receiver->incoming[i].recheck_at_ns = 0;
			classify(receiver, i);
		}
	}
}

static int
poll_ms(struct receiver *receiver)
{
	int64_t at = accept_deadline(receiver);

	if (active_sessions(receiver) == 0 && run.timeouts.run.at_ns < at)
		at = run.timeouts.run.at_ns;
	if (silence_deadline(receiver) < at)
		at = silence_deadline(receiver);
	if (receiver->accept_again_ns != 0 && receiver->accept_again_ns < at)
		at = receiver->accept_again_ns;
	if (receiver->progress.next_ns < at && active_sessions(receiver) > 0)
		at = receiver->progress.next_ns;
	if (sessions_linger_until(&receiver->table) < at)
		at = sessions_linger_until(&receiver->table);
	for (size_t i = 0; i < receiver->count; i++) {
		if (receiver->incoming[i].recheck_at_ns != 0 &&
		    receiver->incoming[i].recheck_at_ns < at)
			at = receiver->incoming[i].recheck_at_ns;
	}
	return sku_deadline_poll_ms((struct sku_deadline){ at });
}

/* ---- verified transfers, which go on in threads --------------------------------------------- */

static void
show_progress(struct receiver *receiver)
{
	uint64_t size = counter_value(&transfer_stats.size);

	if (!receiver->progress.active)
		return;
	receiver->progress.total = size == STATE_UNKNOWN ? SIZE_UNKNOWN : (int64_t)size;
	progress_update(
	    &receiver->progress, (int64_t)counter_value(&transfer_stats.bytes), sku_now());
}

/* Has a connection ended, and with it what is wanted? */
static void
check_sessions(struct receiver *receiver)
{
	struct session_table *r = &receiver->table;
	bool closed, reconnect;
	size_t count;

	workers_drain_event(&r->workers);
	(void)pthread_mutex_lock(&r->workers.lock);
	count = r->workers.count;
	if (sku_now() >= r->linger_until_ns && count == 0)
		r->closed = true;
	closed = r->closed && count == 0;
	reconnect = r->reconnect;
	(void)pthread_mutex_unlock(&r->workers.lock);
	counter_set(&transfer_stats.connections, receiver->count + count);
	if (count == 0 && receiver->count == 0)
		receiver->idle_since_ns = sku_now();
	if (closed)
		stop_receiver(receiver, r->status);
	else if (count == 0 && receiver->count == 0 && reconnect && receiver->connector != NULL)
		connect_to_sender(receiver, true);
	else if (count == 0 && receiver->count == 0 &&
		 (receiver->connector != NULL || receiver->listener->connected))
		stop_receiver(receiver, r->status != STATUS_OK ? r->status : (int)STATUS_NO_PEER);
}

/* ---- the loop ------------------------------------------------------------------------------ */

enum { SIGNALS, LISTENER, THREADS, INCOMING };

static void
take_events(struct receiver *receiver, const struct pollfd *pfds)
{
	size_t gone = 0, count = receiver->count;

	if (run_signals() > 0) {
		receiver->done = true; /* and the program dies of it */
		return;
	}
	for (size_t i = 0; i < count && !receiver->done; i++) {
		size_t before = receiver->count;

		if (pfds[INCOMING + i].revents != 0)
			classify(receiver, i - gone);
		gone += before - receiver->count;
	}
	if (pfds[LISTENER].revents != 0 && !receiver->done)
		accept_some(receiver);
	if (pfds[THREADS].revents != 0 && !receiver->done)
		check_sessions(receiver);
}

static void
run_receiver(struct receiver *receiver)
{
	struct pollfd pfds[INCOMING + MAX_INCOMING];

	while (!receiver->done) {
		bool accepting = receiver->listener != NULL && !receiver->listener->connected &&
				 receiver->accept_again_ns == 0 &&
				 active_sessions(receiver) < MAX_SESSIONS;
		int n;

		pfds[SIGNALS] = (struct pollfd){ run.cancel_fd, POLLIN, 0 };
		pfds[LISTENER] =
		    (struct pollfd){ accepting ? sku_fileno(&receiver->listener->sock) : -1, POLLIN,
			    0 };
		pfds[THREADS] = (struct pollfd){ receiver->table.workers.wake_fd, POLLIN, 0 };
		for (size_t i = 0; i < receiver->count; i++) {
			const struct incoming *c = &receiver->incoming[i];

			pfds[INCOMING + i] =
			    (struct pollfd){ c->recheck_at_ns == 0 ? sku_fileno(&c->sock) : -1,
				    POLLIN, 0 };
		}
		n = poll(pfds, INCOMING + receiver->count, poll_ms(receiver));
		if (n > 0)
			take_events(receiver, pfds);
		if (!receiver->done)
			run_deadlines(receiver);
		if (!receiver->done && sku_now() >= sessions_linger_until(&receiver->table))
			check_sessions(receiver);
		show_progress(receiver);
	}
}

static int
serve_senders(struct receiver *receiver)
{
	int status;

	receiver->waits =
	    (struct wait_context){ .progress = &receiver->progress, .done = &transfer_stats.bytes };
	receiver->progress.next_ns = INT64_MAX;
	receiver->idle_since_ns = sku_now();
	status = sessions_open(&receiver->table, receiver->config, receiver->target);
	if (status == STATUS_OK) {
		if (receiver->connector != NULL)
			connect_to_sender(receiver, false);
		else if (receiver->listener->connected)
			add_only_connection(receiver, &receiver->listener->sock);
		run_receiver(receiver);
	} else {
		stop_receiver(receiver, status);
	}
	while (receiver->count > 0)
		close_incoming(receiver, 0, true);
	sessions_close(&receiver->table);
	progress_end(&receiver->progress, (int64_t)counter_value(&transfer_stats.bytes));
	return receiver->status;
}

int
receiver_serve(const struct recv_config *config, struct listener *listener, struct target *target)
{
	struct receiver receiver = { .config = config, .listener = listener, .target = target };

	(void)sku_setdefaulttimeout(0); /* accepted sockets inherit it */
	return serve_senders(&receiver);
}

int
receiver_connect(const struct recv_config *config, const struct receiver_connector *connector,
    struct target *target)
{
	struct receiver receiver = { .config = config, .connector = connector, .target = target };

	return serve_senders(&receiver);
}

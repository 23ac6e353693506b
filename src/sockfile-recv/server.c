/* server.c - connections whose first bytes have not come yet: raw or verified?
 * Row tool.
 *
 * The loop accepts, looks at first bytes, draws the progress, and decides when all has come.
 * Transfers run in threads, which see signals and --max-time themselves. */
#include "sockfile-recv/server.h"

#include "net/reconnect.h"
#include "net/server.h"
#include "run/event.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/rate.h"
#include "run/run.h"
#include "run/wait.h"
#include "sockfile-recv/incoming.h"
#include "sockfile-recv/raw.h"
#include "sockfile-recv/receive_session.h"
#include "sockfile-recv/sessions.h"
#include "transfer/strangers.h"
#include "transfer/summary.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#define MAX_INCOMING 256
#define MAX_SESSIONS 512 /* each has a thread, or waits for one */
#define MAX_THREADS 256
#define NEW SESSIONS_NEW	       /* for that long no connection has to make room */
#define CROWD_PERIOD (50 * SKU_MS)     /* between two looks at who has to */
#define KEEP_TIMEOUT (60 * SKU_SECOND) /* to keep a lost sender's claim; else --timeout */
#define STACK ((size_t)1024 * 1024)    /* touched on demand */

struct receiver {
	struct server server; /* without a listener we connect */
	const struct recv_config *config;
	struct reconnect reconnect; /* if we connect */
	bool is_reconnecting;
	struct target *target;
	struct pool *pool;
	TAILQ_HEAD(, incoming) incoming; /* in the order in which they came */
	size_t incoming_count;
	struct session_table table; /* the verified connections */
	struct raw_transfer raw;
	bool raw_is_working;
	struct stranger_notes notes;	/* about strangers */
	struct stranger_notes failures; /* about transfers; the threads use it, too */
	struct progress progress;
	struct loop_timer linger; /* sessions_wake() */
	struct loop_timer crowd;  /* too many connections without a transfer */
	bool done;		  /* the program ends with status: */
	int status;
	struct failure *failure;
};

static struct receiver *
receiver_of(struct server *server)
{
	return LOOP_OWNER(server, struct receiver, server);
}

static struct receiver *
receiver_of_loop(struct loop *loop)
{
	return LOOP_OWNER(loop, struct receiver, server.loop);
}

/* Is there only one connection, and can no other come? */
static bool
has_only_connection(const struct receiver *receiver)
{
	return receiver->server.listener == NULL || receiver->server.listener->connected;
}

static bool
may_note(struct receiver *receiver)
{
	return strangers_may_note(&receiver->notes, receiver->server.loop.now);
}

static bool
may_note_failure(struct receiver *receiver)
{
	return strangers_may_note(&receiver->failures, receiver->server.loop.now);
}

static void
end_progress(struct receiver *receiver)
{
	progress_end(&receiver->progress, (int64_t)counter_value(&transfer_stats.bytes));
}

static void
stop_receiver(struct receiver *receiver, int status)
{
	receiver->done = true;
	receiver->status = status;
	server_finish(&receiver->server);
}

/* The failure ends the program.  Nothing is drawn after its report. */
static void
fail_receiver(struct receiver *receiver, const struct failure *failure)
{
	end_progress(receiver);
	stop_receiver(receiver, failure_report(failure));
}

/* ---- connections come and go -------------------------------------------------------------- */

/* A connection that is being made again is none yet, although the server counts it. */
static void
count_connections(const struct receiver *receiver)
{
	counter_set(&transfer_stats.connections,
	    (uint64_t)(receiver->server.active - receiver->is_reconnecting));
}

static void
connection_left(struct receiver *receiver, bool counts)
{
	server_client_left(&receiver->server, counts);
	count_connections(receiver);
}

/* Take the connection off the list of those that wait here. */
static void
remove_incoming(struct receiver *receiver, struct incoming *incoming)
{
	TAILQ_REMOVE(&receiver->incoming, incoming, entry);
	receiver->incoming_count--;
	loop_unwatch(&receiver->server.loop, &incoming->io);
	loop_clear_timer(&receiver->server.loop, &incoming->silence);
}

static void
end_connection(struct receiver *receiver, struct incoming *incoming, bool reset)
{
	if (reset)
		(void)sku_reset(&incoming->sock);
	incoming_free(incoming); /* without a reset: its stream has ended */
	connection_left(receiver, false);
}

static void
close_incoming(struct receiver *receiver, struct incoming *incoming, bool reset)
{
	remove_incoming(receiver, incoming);
	end_connection(receiver, incoming, reset);
}

static void
close_all_incoming(struct receiver *receiver)
{
	struct incoming *incoming;

	while ((incoming = TAILQ_FIRST(&receiver->incoming)) != NULL)
		close_incoming(receiver, incoming, true);
}

/* The connection cannot be served, for lack of a resource.  If it is the only one, end the
 * program. */
static void
cannot_attend(struct receiver *receiver, const struct sku_address *peer, int errnum)
{
	struct failure failure;
	char text[PEER_TEXT_MAX];

	failure_clear(&failure);
	if (has_only_connection(receiver)) {
		(void)failure_set(
		    &failure, STATUS_FAILED, errnum, strerror(errnum), "prepare the connection");
		server_fail(&receiver->server, &failure);
	} else if (may_note(receiver)) {
		msg_note(
		    "refused a connection from %s: %s", peer_text(peer, text), strerror(errnum));
	}
}

static void
turn_away(struct receiver *receiver, struct incoming *incoming, int errnum)
{
	cannot_attend(receiver, &incoming->peer, errnum);
	end_connection(receiver, incoming, true);
}

/* ---- transfers, which are in threads ------------------------------------------------------- */

static void
show_progress(struct receiver *receiver, int64_t total)
{
	if (receiver->progress.active)
		return;
	progress_begin(&receiver->progress, receiver->config->progress, total);
	progress_draw_in(&receiver->progress, &receiver->server.loop, &transfer_stats.bytes);
}

static void
stop_reconnecting(struct receiver *receiver)
{
	if (!receiver->is_reconnecting)
		return;
	receiver->is_reconnecting = false;
	reconnect_cancel(&receiver->server.loop, &receiver->reconnect);
	connection_left(receiver, false);
}

/* All is done, or the program ends: close what came too late, and do not reconnect. */
static void
finishing(struct server *server)
{
	struct receiver *receiver = receiver_of(server);

	close_all_incoming(receiver);
	stop_reconnecting(receiver);
	sessions_shut_strangers(&receiver->table);
}

/* Most of the small transfers do without a pool. */
static int
submit(struct receiver *receiver, struct loop_worker *worker)
{
	if (receiver->pool == NULL) {
#ifdef M_ARENA_MAX
		/* Threads that allocate little need no arenas of their own, which cost more. */
		(void)mallopt(M_ARENA_MAX, 1);
#endif
		receiver->pool = pool_new(&receiver->server.loop, MAX_THREADS, STACK);
	}
	return receiver->pool == NULL ? -1 : pool_submit(receiver->pool, worker);
}

static void
raw_work(struct loop_worker *worker)
{
	raw_receive(LOOP_OWNER(worker, struct raw_transfer, worker));
}

static void
raw_done(struct loop *loop, struct loop_worker *worker)
{
	struct receiver *receiver = receiver_of_loop(loop);
	struct raw_transfer *raw = &receiver->raw;
	int status;

	(void)worker;
	receiver->raw_is_working = false;
	if (!raw->is_complete) {
		progress_end(&receiver->progress, raw->target->written);
		status = failure_report(raw->failure);
	} else {
		status = raw->target->status;
		transfer_stats_complete_file(
		    (uint64_t)receiver->config->size, (uint64_t)raw->target->written);
		raw_report(raw);
		progress_end(&receiver->progress, raw->target->written);
	}
	incoming_free(raw->incoming);
	connection_left(receiver, true);
	stop_receiver(receiver, status);
}

/* A thread costs a twentieth of a small transfer.  It is needed only if main has to draw the
 * progress or to end at --max-time. */
static bool
wants_thread(const struct receiver *receiver)
{
	return receiver->progress.active || run.timeouts.run.at_ns != INT64_MAX;
}

/* A raw transfer uses the whole receiver: reset every other connection and refuse new ones. */
static void
start_raw(struct receiver *receiver, struct incoming *incoming)
{
	static ASIDE struct failure failure; /* a thread may be about to fill it */
	struct loop_worker *worker = &receiver->raw.worker;
	int64_t total = receiver->config->size;

	remove_incoming(receiver, incoming);
	close_all_incoming(receiver);
	sessions_shut_strangers(&receiver->table);
	receiver->server.max_served = 1;
	server_update(&receiver->server);
	transfer_stats_add_file((uint64_t)total); /* UNLIMITED is STATE_UNKNOWN */
	show_progress(receiver, total == UNLIMITED ? SIZE_UNKNOWN : total);
	receiver->raw = (struct raw_transfer){ .worker = { .work = raw_work, .done = raw_done },
		.config = receiver->config,
		.incoming = incoming,
		.target = receiver->target,
		.failure = &failure };
	receiver->raw_is_working = true;
	if (wants_thread(receiver) && submit(receiver, worker) == 0)
		return;
	raw_work(worker);
	raw_done(&receiver->server.loop, worker);
}

static void
receive_raw(struct receiver *receiver, struct incoming *incoming)
{
	if (sessions_shut_out(&receiver->table, sku_now())) {
		start_raw(receiver, incoming);
		return;
	}
	if (may_note(receiver))
		msg_note("refused a connection from %s: another transfer is in progress",
		    incoming->text);
	close_incoming(receiver, incoming, true);
}

static int
connect_to_sender(struct receiver *receiver)
{
	const struct peer_options *peer = &receiver->config->peer;
	struct sku_sock sock = SKU_SOCK_INIT;
	struct sku_address sender;

	if (connect_now(&peer->endpoint, &peer->connect, &sock, &sender, receiver->failure) == -1)
		return -1;
	server_add(&receiver->server, &sock, &sender);
	return 0;
}

/* Has all come, so that only the sender may still want its verdicts? */
static bool
has_all(struct receiver *receiver)
{
	return sessions_wake(&receiver->table) != INT64_MAX;
}

/* May the sender, which has not said goodbye, still want its verdicts? */
static bool
may_be_asked_again(struct receiver *receiver)
{
	return has_all(receiver) && sessions_wake(&receiver->table) > sku_now() &&
	       receiver->reconnect.left > 0;
}

/* The lost connection is counted as a client until here, so that the server goes on. */
static void
reconnected(struct reconnect *reconnect, struct sku_sock *sock, const struct failure *failure)
{
	struct receiver *receiver = LOOP_OWNER(reconnect, struct receiver, reconnect);

	receiver->is_reconnecting = false;
	sessions_set_retries(&receiver->table, reconnect->left);
	if (sock != NULL)
		server_add(&receiver->server, sock, &reconnect->connector.peer);
	else if (!has_all(receiver))
		fail_receiver(receiver, failure);
	connection_left(receiver, false);
}

/* Connect again.  True: the next connection is being made. */
static bool
connect_again(struct receiver *receiver)
{
	const struct peer_options *peer = &receiver->config->peer;
	struct failure failure;

	failure_clear(&failure);
	receiver->is_reconnecting = reconnect_start(&receiver->server.loop, &receiver->reconnect,
					&peer->endpoint, &peer->connect, &failure) == 0;
	count_connections(receiver);
	if (!receiver->is_reconnecting && !has_all(receiver))
		fail_receiver(receiver, &failure);
	return receiver->is_reconnecting;
}

/* Report a session that failed. */
static void
report_failed_session(
    struct receiver *receiver, struct receive_session *session, enum session_result result)
{
	switch (result) {
	case SESSION_COUNTED:
		if (receiver->config->connections != SESSIONS_UNLIMITED ||
		    may_note_failure(receiver))
			(void)failure_report(&session->failure);
		break;
	case SESSION_AWAITED:
		if (!may_note_failure(receiver))
			break;
		failure_add(&session->failure, "the next connection may go on (--retry)");
		failure_note(&session->failure, &session->incoming->peer);
		break;
	case SESSION_UNCOUNTED:
		/* the program reports --max-time */
		if ((run_check() == 0 || errno != ETIMEDOUT) && may_note(receiver))
			failure_note(&session->failure, &session->incoming->peer);
		break;
	case SESSION_LATE:
		break;
	}
}

/* Stop if all that is wanted is here. */
static void
check_finished(struct receiver *receiver)
{
	int status;
	bool finished = sessions_finished(&receiver->table, sku_now(), &status);

	(void)loop_set_timer(&receiver->server.loop, &receiver->linger,
	    finished ? INT64_MAX : sessions_wake(&receiver->table));
	if (finished)
		stop_receiver(receiver, status);
}

static void
session_done(struct loop *loop, struct loop_worker *worker)
{
	struct receiver *receiver = receiver_of_loop(loop);
	struct receive_session *session = LOOP_OWNER(worker, struct receive_session, worker);
	struct session_outcome outcome = receive_session_outcome(session);
	enum session_result result =
	    sessions_release(&receiver->table, &session->session, &outcome, sku_now());
	int status;

	if (outcome.failed && sessions_finished(&receiver->table, sku_now(), &status))
		end_progress(receiver);
	if (outcome.begun)
		server_restart_idle(&receiver->server);
	if (result == SESSION_UNCOUNTED && run_would_block(&session->failure))
		fail_receiver(receiver, &session->failure);
	else if (outcome.failed)
		report_failed_session(receiver, session, result);
	receive_session_free(session);
	check_finished(receiver);
	if (outcome.progressed)
		reconnect_refill(&receiver->reconnect, receiver->config->retries);
	if ((result == SESSION_AWAITED || may_be_asked_again(receiver)) &&
	    !receiver->config->peer.listening && !receiver->server.is_finishing) {
		if (result == SESSION_COUNTED)
			msg_note("the connection was lost, and the sender may not know that all "
				 "is here");
		if (connect_again(receiver))
			return;
	}
	connection_left(receiver, false);
}

static void
linger_due(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	check_finished(receiver_of_loop(loop));
}

static void
session_work(struct loop_worker *worker)
{
	receive_session_run(LOOP_OWNER(worker, struct receive_session, worker));
}

/* Hand the connection to a thread of the pool. */
static void
start_session(struct receiver *receiver, struct incoming *incoming)
{
	struct receive_session *session = receive_session_new(&receiver->table, &receiver->failures,
	    receiver->config, receiver->config->dir == NULL ? receiver->target : NULL, incoming);

	remove_incoming(receiver, incoming);
	if (session == NULL) {
		turn_away(receiver, incoming, ENOMEM);
		return;
	}
	session->worker = (struct loop_worker){ .work = session_work, .done = session_done };
	sessions_add(&receiver->table, &session->session, receiver->server.loop.now);
	if (submit(receiver, &session->worker) == -1) {
		cannot_attend(receiver, &incoming->peer, errno);
		(void)sku_reset(&incoming->sock);
		sessions_remove(&receiver->table, &session->session);
		receive_session_free(session);
		connection_left(receiver, false);
		return;
	}
	show_progress(receiver, SIZE_UNKNOWN);
	receiver->progress.size = &transfer_stats.size;
}

/* ---- what a connection turns out to be ---------------------------------------------------- */

/* The connection ended without a byte: a probe, or a lost race of Happy Eyeballs. */
static void
handle_empty(struct receiver *receiver, struct incoming *incoming, int errnum)
{
	struct failure failure;

	failure_clear(&failure);
	if (!has_only_connection(receiver)) {
		if (may_note(receiver))
			msg_note(
			    "%s closed its connection without sending anything%s%s; still waiting",
			    incoming->text, errnum != 0 ? ": " : "",
			    errnum != 0 ? strerror(errnum) : "");
		close_incoming(receiver, incoming, false);
		return;
	}
	if (errnum != 0)
		(void)failure_peer(&failure, errnum, "receive from %s", incoming->text);
	else
		(void)failure_set(&failure, STATUS_NO_PEER, 0,
		    "it ended without a byte (--size 0 says that an empty file is meant)",
		    "receive from %s", incoming->text);
	server_fail(&receiver->server, &failure);
}

static void
incoming_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct receiver *receiver = receiver_of_loop(loop);
	struct incoming *incoming = LOOP_OWNER(io, struct incoming, io);

	(void)events;
	switch (incoming_detect(incoming)) {
	case INCOMING_SILENT:
	case INCOMING_PARTIAL:
		return;
	case INCOMING_VERIFIED:
		start_session(receiver, incoming);
		return;
	case INCOMING_CLOSED:
		if (receiver->config->size == 0 && !receiver->config->verify)
			receive_raw(receiver, incoming);
		else
			handle_empty(receiver, incoming, 0);
		return;
	case INCOMING_FAILED:
		handle_empty(receiver, incoming, errno);
		return;
	case INCOMING_RAW:
		if (receiver->config->verify)
			start_session(receiver, incoming); /* which reports what is wrong */
		else
			receive_raw(receiver, incoming);
		return;
	}
}

/* The connection was silent for too long.  If it is the only one, or with --timeout 0, end the
 * program. */
static void
silence_due(struct loop *loop, struct loop_timer *timer)
{
	struct receiver *receiver = receiver_of_loop(loop);
	struct incoming *incoming = LOOP_OWNER(timer, struct incoming, silence);
	struct failure failure;

	failure_clear(&failure);
	(void)run_wait_failed(
	    &failure, ETIMEDOUT, LIMIT_OPERATION, "receive from %s", incoming->text);
	if (has_only_connection(receiver) || run_would_block(&failure)) {
		server_fail(&receiver->server, &failure);
		return;
	}
	if (may_note(receiver))
		failure_note(&failure, &incoming->peer);
	close_incoming(receiver, incoming, true);
}

/* ---- who comes ----------------------------------------------------------------------------- */

/* Watch the connection until its first bytes show what it is: 0, or -1 with errno. */
static int
watch_incoming(struct receiver *receiver, struct incoming *incoming)
{
	struct loop *loop = &receiver->server.loop;
	int64_t timeout_ns = run.timeouts.operation_ns;

	incoming->io.ready = incoming_ready;
	incoming->silence.due = silence_due;
	if (receiver->config->verify &&
	    (timeout_ns == SKU_NO_TIMEOUT || timeout_ns > CHANNEL_HANDSHAKE_TIMEOUT))
		timeout_ns = CHANNEL_HANDSHAKE_TIMEOUT;
	if (timeout_ns != SKU_NO_TIMEOUT &&
	    loop_set_timer(loop, &incoming->silence, incoming->since_ns + timeout_ns) == -1)
		return -1;
	return loop_watch(loop, &incoming->io, INCOMING_EVENTS);
}

static void
append_incoming(struct receiver *receiver, struct incoming *incoming)
{
	TAILQ_INSERT_TAIL(&receiver->incoming, incoming, entry);
	receiver->incoming_count++;
}

/* When there are too many connections, the oldest one is closed, unless it has only just come. */
static void
make_room(struct receiver *receiver)
{
	struct loop *loop = &receiver->server.loop;
	bool crowded = sessions_are_crowded(&receiver->table, loop->now);
	struct incoming *oldest;

	while (receiver->incoming_count >= MAX_INCOMING) {
		oldest = TAILQ_FIRST(&receiver->incoming);
		if (loop->now - oldest->since_ns < NEW)
			break;
		if (may_note(receiver))
			msg_note("closed the silent connection from %s to make room", oldest->text);
		close_incoming(receiver, oldest, true);
	}
	crowded = crowded || receiver->incoming_count >= MAX_INCOMING;
	(void)loop_set_timer(
	    loop, &receiver->crowd, crowded ? loop->now + CROWD_PERIOD : LOOP_PARKED);
}

static void
crowd_due(struct loop *loop, struct loop_timer *timer)
{
	struct receiver *receiver = receiver_of_loop(loop);

	(void)timer;
	make_room(receiver);
	server_update(&receiver->server);
}

static void
accepted(struct server *server, struct sku_sock *sock, const struct sku_address *peer)
{
	struct receiver *receiver = receiver_of(server);
	struct incoming *incoming;

	count_connections(receiver);
	incoming = incoming_new(sock, peer);
	if (incoming == NULL) {
		cannot_attend(receiver, peer, errno);
		(void)sku_reset(sock);
		connection_left(receiver, false);
		return;
	}
	append_incoming(receiver, incoming);
	if (receiver->config->verify && has_only_connection(receiver)) {
		start_session(receiver, incoming); /* only a verified one is acceptable */
	} else if (watch_incoming(receiver, incoming) == -1) {
		int errnum = errno;

		remove_incoming(receiver, incoming);
		turn_away(receiver, incoming, errnum);
	}
	make_room(receiver);
}

static bool
may_accept(struct server *server)
{
	const struct receiver *receiver = receiver_of(server);

	return receiver->incoming_count < MAX_INCOMING && receiver->table.count < MAX_SESSIONS;
}

static bool
is_busy(struct server *server)
{
	struct receiver *receiver = receiver_of(server);

	return receiver->raw_is_working || sessions_are_busy(&receiver->table);
}

static void
timed_out(const struct server *server, struct failure *failure)
{
	const struct receiver *receiver = LOOP_OWNER(server, struct receiver, server);
	const struct incoming *oldest = TAILQ_FIRST(&receiver->incoming);

	if (oldest != NULL && has_only_connection(receiver))
		(void)run_wait_failed(
		    failure, ETIMEDOUT, LIMIT_OTHER, "receive from %s", oldest->text);
	else
		(void)run_wait_failed(failure, ETIMEDOUT, LIMIT_OTHER, "wait for a sender");
}

/* ---- all together -------------------------------------------------------------------------- */

static int
open_receiver(struct receiver *receiver)
{
	struct server *server = &receiver->server;
	const struct recv_config *config = receiver->config;
	int64_t timeout_ns = run.timeouts.operation_ns;
	const struct session_rules rules = { .one_file = config->dir == NULL,
		.listening = !has_only_connection(receiver),
		.connections = config->dir == NULL ? 1 : config->connections,
		.retries = config->retries,
		.keep_ns = timeout_ns != SKU_NO_TIMEOUT ? timeout_ns : KEEP_TIMEOUT };

	server->access = &receiver->config->peer.listen.access;
	server->max_clients = SERVER_UNLIMITED;
	server->max_served = SERVER_UNLIMITED;
	server->refuses_rest = true;
	server->works_in_threads = true;
	server->timed_out = timed_out;
	server->signal_grace_ns = server->limit_grace_ns = INT64_MAX;
	server->accepted = accepted;
	server->finishing = finishing;
	server->may_accept = may_accept;
	server->is_busy = is_busy;
	TAILQ_INIT(&receiver->incoming);
	receiver->notes = (struct stranger_notes)STRANGERS_CAME_TO_NOTHING;
	receiver->failures = (struct stranger_notes)STRANGERS_FAILED;
	receiver->linger.due = linger_due;
	receiver->crowd.due = crowd_due;
	receiver->progress.next_ns = INT64_MAX;
	sessions_init(&receiver->table, &rules);
	if (server_open(server, receiver->failure) == -1)
		return -1;
	if (loop_set_timer(&server->loop, &receiver->crowd, LOOP_PARKED) == -1)
		return failure_errno(receiver->failure, ENOMEM, "prepare for connections");
	return 0;
}

/* Does a thread not come back?  Its file system hangs, or a second signal ends the run. */
static bool
has_lost_thread(const struct receiver *receiver)
{
	return receiver->table.count > 0 || receiver->raw_is_working;
}

/* The exit status. */
static int
result(struct receiver *receiver)
{
	int status;

	if (receiver->done)
		return receiver->status;
	/* The thread may have seen the end of --max-time before the loop did. */
	if (run_check() == -1 && errno == ETIMEDOUT) {
		if (has_lost_thread(receiver)) {
			failure_clear(receiver->failure);
			(void)run_wait_failed(
			    receiver->failure, ETIMEDOUT, LIMIT_OTHER, "finish the transfer");
		} else {
			timed_out(&receiver->server, receiver->failure);
		}
	}
	if (receiver->failure->status != STATUS_OK)
		return failure_report(receiver->failure);
	(void)sessions_finished(&receiver->table, sku_now(), &status);
	return status;
}

static int
close_receiver(struct receiver *receiver)
{
	int status;

	close_all_incoming(receiver);
	strangers_note_rest(&receiver->notes);
	strangers_note_rest(&receiver->failures);
	end_progress(receiver);
	status = result(receiver);
	if (has_lost_thread(receiver))
		_exit(run_finish(status)); /* the thread uses everything here */
	pool_free(receiver->pool);
	sessions_free(&receiver->table);
	server_close(&receiver->server);
	return status;
}

int
receiver_serve(const struct recv_config *config, struct listener *listener, struct target *target)
{
	static ASIDE struct failure failure;
	struct receiver receiver = { .server = { .listener = listener },
		.config = config,
		.target = target,
		.failure = &failure };

	run_raise_descriptor_limit();
	if (open_receiver(&receiver) == 0 &&
	    listener_announce(listener, &config->peer.listen, receiver.failure) == 0)
		(void)server_run(&receiver.server, receiver.failure);
	return close_receiver(&receiver);
}

int
receiver_connect(const struct recv_config *config, struct target *target)
{
	static ASIDE struct failure failure, of_connector;
	struct receiver receiver = { .config = config,
		.target = target,
		.failure = &failure,
		.reconnect = RECONNECT_INIT(config->retries) };

	receiver.reconnect.done = reconnected;
	receiver.reconnect.failure = &of_connector;
	if (open_receiver(&receiver) == 0 && connect_to_sender(&receiver) == 0)
		(void)server_run(&receiver.server, receiver.failure);
	return close_receiver(&receiver);
}

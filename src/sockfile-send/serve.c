/* serve.c - verified transfers: to the one receiver that we connect to, or to all that come.
 * Row tool. */
#include "sockfile-send/serve.h"

#include "net/accept.h"
#include "net/retry.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"
#include "run/workers.h"
#include "sockfile-send/send_session.h"
#include "transfer/channel.h"
#include "transfer/summary.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define EXTRA_CONNECTIONS                                                                          \
	((int64_t)16) /* connections beyond those that are wanted: who they are shows later */
#define AT_ONCE ((int64_t)1024)
#define ACCEPT_PAUSE (100 * SKU_MS)

static int
random_id(uint8_t id[WIRE_ID_SIZE])
{
	if (getrandom(id, WIRE_ID_SIZE, 0) == WIRE_ID_SIZE)
		return STATUS_OK;
	return msg_error_errno(STATUS_FAILED, errno, "draw a transfer id");
}

/* What the bar will count; not known where one of the files is not. */
static int64_t
total_size(const struct send_config *config)
{
	int64_t total = 0;

	for (size_t i = 0; i < config->file_count; i++) {
		struct stat st;

		if (stat(config->files[i], &st) == -1 || !S_ISREG(st.st_mode) ||
		    __builtin_add_overflow(total, st.st_size, &total))
			return SIZE_UNKNOWN;
	}
	if (config->count != SKU_SENDFILE_ALL)
		return config->count;
	return total > config->offset ? total - config->offset : 0;
}

static void
mention_unknown(const struct send_job *job, struct failure *failure)
{
	if (job->outcome_unknown && failure_is_connection_loss(failure))
		failure_add(failure, "delivered or not: unknown");
}

/* ---- we connect ------------------------------------------------------------------------------ */

static int
send_on(struct send_job *job, struct sku_sock *sock, struct sku_address *peer,
    const struct wait_context *waits, struct failure *failure)
{
	if (sku_getpeername(sock, peer) == -1)
		peer->len = 0;
	sku_address_unmap(peer);
	if (sku_settimeout(sock, 0) == -1)
		return failure_set(failure, STATUS_FAILED, errno, NULL, "prepare the connection");
	return send_session_run(job, sock, peer, true, waits, failure);
}

/* The connection is over: 0 to try again, else the program ends with *status. */
static int
should_retry(const struct send_job *job, const struct retry *retry, const struct sku_address *peer,
    struct failure *failure, int *status)
{
	*status = job->status;
	if (failure->status == STATUS_OK)
		return -1;
	if (failure_is_connection_loss(failure) && retry->left > 0 && !job->input_consumed) {
		failure_note(failure, peer);
		*failure = (struct failure){ .status = STATUS_OK };
		return 0;
	}
	if (job->input_consumed && failure_is_connection_loss(failure) && retry->left > 0)
		failure_add(failure, "standard input cannot be read again");
	mention_unknown(job, failure);
	*status = failure_report(failure);
	return -1;
}

static int
connect_first(const struct send_config *config, struct sku_sock *sock)
{
	const struct peer_options *peer = &config->peer;
	int status = connect_now(&peer->connect, &peer->endpoint, sock);

	struct failure failure = { .status = STATUS_OK };

	if (status == STATUS_OK && run_catch_signals(0, &failure) == -1)
		status = failure_report(&failure);
	return status;
}

int
verified_send(const struct send_config *config)
{
	SKU_AUTOCLOSE struct sku_sock sock = SKU_SOCK_INIT;
	struct sku_address peer;
	uint8_t id[WIRE_ID_SIZE];
	struct progress progress;
	struct send_job job = { .config = config, .id = id };
	struct retry retry = RETRY_INIT(config->retries == RETRIES_NOT_GIVEN ? 0 : config->retries);
	struct wait_context waits = { .progress = &progress, .done = &transfer_stats.bytes };
	struct failure failure = { .status = STATUS_OK };
	int status = random_id(id);

	if (status == STATUS_OK)
		status = connect_first(config, &sock);
	if (status != STATUS_OK)
		return status;
	progress_begin(&progress, config->progress, total_size(config));
	for (;;) {
		counter_set(&transfer_stats.connections, 1);
		(void)send_on(&job, &sock, &peer, &waits, &failure);
		(void)sku_close(&sock);
		counter_set(&transfer_stats.connections, 0);
		if (should_retry(&job, &retry, &peer, &failure, &status) == -1)
			break;
		status = retry_reconnect(&retry, &config->peer, &sock);
		if (status != STATUS_OK) {
			if (job.outcome_unknown)
				msg_error_line("delivered or not: unknown", "send %s",
				    config->files[job.next]);
			break;
		}
	}
	progress_end(&progress, (int64_t)counter_value(&transfer_stats.bytes));
	return status;
}

/* ---- they connect ---------------------------------------------------------------------------- */

struct send_server {
	const struct send_config *config;
	struct listener *listener;
	uint8_t id[WIRE_ID_SIZE];
	struct wait_context waits;
	struct progress progress;
	struct workers workers; /* its lock guards what follows */
	int64_t admitted;	/* who has the files now, or had */
	int64_t served;
	int64_t retries_left;
	int status;
	bool over;
	/* the main thread's */
	int64_t idle_since_ns, accept_again_ns;
	bool done;
};

struct send_client {
	struct send_server *server;
	struct sku_sock sock;
	struct sku_address peer;
	struct send_job job;
	bool admitted;
};

/* There are as many as --connections says, however many strangers come first. */
static bool
may_start(void *arg)
{
	struct send_client *client = arg;
	struct send_server *server = client->server;

	(void)pthread_mutex_lock(&server->workers.lock);
	client->admitted =
	    server->config->connections == -1 || server->admitted < server->config->connections;
	server->admitted += client->admitted;
	(void)pthread_mutex_unlock(&server->workers.lock);
	return client->admitted;
}

/* With the lock held: one that was served, or an end that nobody can mend. */
static void
count_result(struct send_server *server, struct send_client *client, struct failure *failure)
{
	bool final = client->job.local_failure || client->job.input_consumed;

	if (failure->status == STATUS_OK) {
		server->served++;
		if (client->job.status > server->status)
			server->status = client->job.status;
		server->over = server->config->connections != -1 &&
			       server->served >= server->config->connections;
		return;
	}
	server->admitted -= client->admitted;
	mention_unknown(&client->job, failure);
	if (client->job.accepted && failure_is_connection_loss(failure) &&
	    server->config->retries != RETRIES_NOT_GIVEN && server->retries_left-- == 0)
		final = true;
	if (!final && !server->listener->connected) {
		failure_note(failure, &client->peer);
		return;
	}
	server->status = failure_report(failure);
	server->over = true;
}

static void
serve_client(void *arg)
{
	struct send_client *client = arg;
	struct send_server *server = client->server;
	struct failure failure = { .status = STATUS_OK };

	(void)send_session_run(
	    &client->job, &client->sock, &client->peer, false, &server->waits, &failure);
	(void)pthread_mutex_lock(&server->workers.lock);
	count_result(server, client, &failure);
	(void)pthread_mutex_unlock(&server->workers.lock);
	(void)sku_close(&client->sock);
	counter_add_shared(&transfer_stats.connections, (uint64_t)-1);
	free(client);
}

static void
start_client(struct send_server *server, struct sku_sock *sock, const struct sku_address *peer)
{
	struct send_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		(void)sku_reset(sock);
		return;
	}
	*client = (struct send_client){ .server = server,
		.sock = *sock,
		.peer = *peer,
		.job = { .config = server->config,
		    .id = server->id,
		    .may_start = may_start,
		    .arg = client } };
	counter_add_shared(&transfer_stats.connections, 1);
	if (workers_start(&server->workers, serve_client, client) == 0)
		return;
	msg_note("a receiver is turned away: %s", strerror(errno));
	counter_add_shared(&transfer_stats.connections, (uint64_t)-1);
	(void)sku_reset(&client->sock);
	free(client);
}

static bool
may_accept(struct send_server *server)
{
	int64_t wanted = server->config->connections, max;
	bool room;

	(void)pthread_mutex_lock(&server->workers.lock);
	max = wanted == -1 || wanted - server->served > AT_ONCE ? AT_ONCE : wanted - server->served;
	room = !server->over && (int64_t)server->workers.count < max + EXTRA_CONNECTIONS;
	(void)pthread_mutex_unlock(&server->workers.lock);
	return room;
}

static void
accept_some(struct send_server *server)
{
	struct sku_sock sock;
	struct sku_address peer;

	while (may_accept(server)) {
		switch (accept_connection(
		    server->listener, &server->config->peer.listen.access, &sock, &peer)) {
		case ACCEPT_NONE:
			return;
		case ACCEPT_FAILED:
			msg_note("accept: %s; the rest wait", strerror(errno));
			server->accept_again_ns = sku_now() + ACCEPT_PAUSE;
			return;
		case ACCEPT_REFUSED:
			break;
		case ACCEPT_TAKEN:
			peer_log(&peer, "accepted");
			start_client(server, &sock, &peer);
			break;
		}
	}
}

static void
stop_server(struct send_server *server, int status)
{
	server->done = true;
	server->status = status;
}

static int64_t
accept_deadline(const struct send_server *server)
{
	int64_t timeout_ns = run.timeouts.accept_ns;

	if (server->idle_since_ns == INT64_MAX || timeout_ns == SKU_NO_TIMEOUT)
		return INT64_MAX;
	return server->idle_since_ns + timeout_ns;
}

/* Who is here, who was here, and whether that is enough. */
static void
check_clients(struct send_server *server)
{
	size_t count;
	bool over;

	(void)pthread_mutex_lock(&server->workers.lock);
	count = server->workers.count;
	over = server->over;
	(void)pthread_mutex_unlock(&server->workers.lock);
	if (count > 0)
		server->idle_since_ns = INT64_MAX;
	else if (server->idle_since_ns == INT64_MAX)
		server->idle_since_ns = sku_now();
	if (over && count == 0) {
		server->done = true;
	} else if (over) {
		/* Nobody else is wanted; those who are here are told so by themselves. */
		(void)sku_shutdown(&server->listener->sock, SHUT_RDWR);
	}
	if (server->done || count > 0)
		return;
	if (sku_deadline_passed(run.timeouts.run))
		stop_server(server, msg_error(STATUS_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)",
					"wait for a receiver"));
	else if (sku_now() >= accept_deadline(server))
		stop_server(server, run.timeouts.accept_ns == 0 ?
					msg_error_errno(STATUS_FAILED, EAGAIN, "accept") :
					msg_error(STATUS_TIMED_OUT, ETIMEDOUT,
					    "timed out (--accept-timeout)", "accept"));
}

static int
poll_ms(const struct send_server *server)
{
	int64_t at = accept_deadline(server);

	if (server->idle_since_ns != INT64_MAX && run.timeouts.run.at_ns < at)
		at = run.timeouts.run.at_ns;
	if (server->accept_again_ns != 0 && server->accept_again_ns < at)
		at = server->accept_again_ns;
	if (server->progress.next_ns < at)
		at = server->progress.next_ns;
	return sku_deadline_poll_ms((struct sku_deadline){ at });
}

static void
run_server(struct send_server *server)
{
	enum { SIGNALS, LISTENER, THREADS, COUNT };
	struct pollfd pfds[COUNT];

	while (!server->done) {
		bool accepting = !server->listener->connected && may_accept(server) &&
				 server->accept_again_ns == 0;

		pfds[SIGNALS] = (struct pollfd){ run.cancel_fd, POLLIN, 0 };
		pfds[LISTENER] =
		    (struct pollfd){ accepting ? sku_fileno(&server->listener->sock) : -1, POLLIN,
			    0 };
		pfds[THREADS] = (struct pollfd){ server->workers.wake_fd, POLLIN, 0 };
		if (poll(pfds, COUNT, poll_ms(server)) > 0) {
			if (run_signals() > 0)
				return; /* the threads see it, too */
			if (pfds[LISTENER].revents != 0)
				accept_some(server);
			if (pfds[THREADS].revents != 0)
				workers_drain_event(&server->workers);
		}
		if (server->accept_again_ns != 0 && sku_now() >= server->accept_again_ns)
			server->accept_again_ns = 0;
		check_clients(server);
		progress_update(
		    &server->progress, (int64_t)counter_value(&transfer_stats.bytes), sku_now());
	}
}

static void
start_only_client(struct send_server *server)
{
	struct sku_sock sock = server->listener->sock;
	struct sku_address peer;

	server->listener->sock.fd = -1;
	if (sku_getpeername(&sock, &peer) == -1)
		peer.len = 0;
	start_client(server, &sock, &peer);
}

int
verified_serve(const struct send_config *config, struct listener *listener)
{
	struct send_server server = { .config = config,
		.listener = listener,

		.retries_left = config->retries,
		.idle_since_ns = sku_now() };
	int64_t total = total_size(config);

	run_raise_descriptor_limit();
	(void)sku_setdefaulttimeout(0); /* accepted sockets inherit it */
	if (workers_open(&server.workers) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "prepare for connections");
	server.status = random_id(server.id);
	if (config->connections == -1 || total == SIZE_UNKNOWN ||
	    __builtin_mul_overflow(total, config->connections, &total))
		total = SIZE_UNKNOWN;
	progress_begin(&server.progress, config->progress, total);
	if (server.status == STATUS_OK)
		server.status = listener_announce(listener, &config->peer.listen);
	if (server.status == STATUS_OK) {
		if (listener->connected)
			start_only_client(&server);
		run_server(&server);
	}
	workers_close(&server.workers);
	progress_end(&server.progress, (int64_t)counter_value(&transfer_stats.bytes));
	return server.status;
}

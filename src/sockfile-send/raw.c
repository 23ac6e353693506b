/* raw.c - the file's bytes and nothing else, to one receiver or to many at once.
 * Row tool.
 *
 * One loop; each receiver takes the file at its own pace.  Until its last byte is on its way, every
 * end of a TCP connection is a reset (SO_LINGER with 0).  So a sender that fails or is killed never
 * looks like the end of the file. */
#include "sockfile-send/raw.h"

#include "net/closing.h"
#include "net/server.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"
#include "run/wait.h"
#include "transfer/strangers.h"
#include "transfer/summary.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define MAX_PER_TURN ((size_t)4 * 1024 * 1024) /* for one receiver in its turn */
#define CLOSE_TIMEOUT (10 * SKU_SECOND)	       /* for the peer's close, without --timeout */

struct raw_client {
	struct raw_server *server;
	struct sku_sock sock;
	struct sku_address peer;
	struct closing closing; /* its peer_ended is used while we send, too */
	int64_t sent;
	bool blocked; /* its socket is full */
	struct rate rate;
	int64_t started_ns;
	int64_t idle_at_ns; /* --timeout, or the end of the wait for the close */
	int left;	    /* closing_takes_more() */
	struct loop_io io;
	struct loop_timer timer;
	LIST_ENTRY(raw_client) entry; /* of all */
};

struct raw_server {
	struct server server;
	const struct send_config *config;
	struct source *source;
	struct loop_io input;
	struct raw_client *reader;   /* the receiver that waits for the input; NULL: none */
	LIST_HEAD(, raw_client) all; /* the newest first */
	struct stranger_notes notes; /* about receivers that broke off */
	struct progress progress;
	bool consumed; /* bytes of a source that can be read only once are gone */
};

/* ---- receivers come and go ----------------------------------------------------------------- */

static void client_ready(struct loop *loop, struct loop_io *io, uint32_t events);
static void client_due(struct loop *loop, struct loop_timer *timer);

static uint64_t
size_for_stats(const struct raw_server *server)
{
	return server->source->length != SIZE_UNKNOWN ? (uint64_t)server->source->length :
							STATE_UNKNOWN;
}

/* Add a client, and take over the socket.  NULL: out of memory. */
static struct raw_client *
add_client(struct raw_server *server, struct sku_sock *sock, const struct sku_address *peer)
{
	struct raw_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->timer.due = client_due;
	if (loop_set_timer(&server->server.loop, &client->timer, LOOP_PARKED) == -1) {
		free(client);
		return NULL;
	}
	client->server = server;
	client->sock = *sock;
	client->peer = *peer;
	client->io = (struct loop_io){ .ready = client_ready, .fd = sku_fileno(sock) };
	client->rate.bytes_per_second = server->config->limit_rate;
	client->started_ns = server->server.loop.now;
	client->idle_at_ns = INT64_MAX;
	/* On a UNIX socket there is no reset: a receiver cannot tell a part from the whole. */
	closing_set_reset(&client->sock, true);
	LIST_INSERT_HEAD(&server->all, client, entry);
	counter_add(&transfer_stats.connections, 1);
	transfer_stats_add_file(size_for_stats(server));
	progress_set_paused(&server->progress, false);
	return client;
}

static void
set_reader(struct raw_server *server, struct raw_client *client)
{
	server->reader = client;
	if (client == NULL)
		loop_unwatch(&server->server.loop, &server->input);
}

static void
remove_client(struct raw_client *client, bool complete)
{
	struct raw_server *server = client->server;

	if (server->reader == client)
		set_reader(server, NULL);
	loop_clear_timer(&server->server.loop, &client->timer);
	loop_forget(&server->server.loop, &client->io);
	LIST_REMOVE(client, entry);
	if (complete) {
		(void)sku_close(&client->sock); /* the peer has all: nothing can be lost here */
		transfer_stats_complete_file(size_for_stats(server), (uint64_t)client->sent);
	} else {
		(void)sku_reset(&client->sock);
		transfer_stats_remove_file(size_for_stats(server));
		counter_subtract(&transfer_stats.bytes, (uint64_t)client->sent);
	}
	free(client);
	counter_subtract(&transfer_stats.connections, 1);
	if (LIST_EMPTY(&server->all))
		progress_set_paused(&server->progress, true);
	server_client_left(&server->server, complete);
}

/* The failure is at this end: no receiver can be served. */
static void
fail_input(struct raw_server *server, int errnum)
{
	struct failure failure;

	failure_clear(&failure);
	(void)failure_errno(&failure, errnum, "read %s", server->source->name);
	server_fail(&server->server, &failure);
}

/* The receiver is lost.  With --listen another one may come; otherwise the program ends. */
static void
lose_client(struct raw_client *client, struct failure *failure)
{
	struct raw_server *server = client->server;
	const struct listener *listener = server->server.listener;

	failure_add(failure, "%lld bytes were sent", (long long)client->sent);
	server->consumed = server->consumed || (client->sent > 0 && !server->source->seekable);
	if (listener == NULL || listener->connected || server->consumed)
		server_fail(&server->server, failure);
	else if (strangers_may_note(&server->notes, server->server.loop.now))
		failure_note(failure, &client->peer);
	remove_client(client, false);
}

/* The client failed.  message NULL: the words for errnum. */
static void
fail_client(struct raw_client *client, int errnum, const char *message)
{
	struct failure failure;
	char peer[PEER_TEXT_MAX];

	failure_clear(&failure);
	(void)failure_set(&failure, status_of_errno(errnum), errnum, message, "send %s to %s",
	    client->server->source->name, peer_text(&client->peer, peer));
	lose_client(client, &failure);
}

/* Fill the failure: the time was over while the client was served. */
static void
fail_waiting(const struct raw_client *client, enum limit limit, struct failure *failure)
{
	const struct raw_server *server = client->server;
	char peer[PEER_TEXT_MAX];

	if (server->reader == client)
		(void)run_wait_failed(failure, ETIMEDOUT, limit, "read %s", server->source->name);
	else
		(void)run_wait_failed(failure, ETIMEDOUT, limit, "send %s to %s",
		    server->source->name, peer_text(&client->peer, peer));
	if (client->closing.how != CLOSING_NOT)
		failure_add(failure, closing_left(&client->sock) == 0 ?
					 "the peer has it, but does not close" :
					 "the peer has not acknowledged all of it");
}

static void
time_out(struct raw_client *client)
{
	struct failure failure;

	failure_clear(&failure);
	fail_waiting(client, LIMIT_OPERATION, &failure);
	lose_client(client, &failure);
}

static void
complete_client(struct raw_client *client)
{
	struct raw_server *server = client->server;
	const struct transfer_result result = { .sent = true,
		.name = server->source->name,
		.peer = &client->peer,
		.bytes = client->sent,
		.ns = server->server.loop.now - client->started_ns,
		.remark = "" };

	source_note_more(server->source, client->sent);
	if (client->sent == 0)
		msg_note("%s: nothing was sent, which is no transfer for most receivers (--verify "
			 "makes an empty file)",
		    server->source->name);
	transfer_summary(&result);
	if (!server->source->seekable)
		loop_stop(&server->server.loop, 0);
	remove_client(client, true);
}

/* ---- what the loop looks for --------------------------------------------------------------- */

/* Watch the socket.  False: the receiver is gone. */
static bool
watch(struct raw_client *client)
{
	struct loop *loop = &client->server->server.loop;
	uint32_t events =
	    (client->closing.peer_ended ? 0 : EPOLLIN) | (client->blocked ? EPOLLOUT : 0);

	if (loop_watch(loop, &client->io, events) == 0)
		return true;
	fail_client(client, errno, NULL);
	return false;
}

static void
set_timer(struct raw_client *client, int64_t at_ns)
{
	(void)loop_set_timer(&client->server->server.loop, &client->timer,
	    at_ns < LOOP_PARKED ? at_ns : LOOP_PARKED);
}

/* How long the wait for the peer may take without an acknowledgement.  While it is sent to, only
 * --timeout limits that. */
static int64_t
peer_timeout(void)
{
	int64_t timeout_ns = run.timeouts.operation_ns;

	return timeout_ns == SKU_NO_TIMEOUT ? CLOSE_TIMEOUT : timeout_ns;
}

/* A slow receiver has its time anew. */
static void
look_at_peer(struct raw_client *client, int64_t now)
{
	if (closing_takes_more(&client->sock, &client->left))
		client->idle_at_ns = now + peer_timeout();
}

static int64_t
next_look(const struct raw_client *client)
{
	int64_t at_ns = client->server->server.loop.now + peer_timeout() / CLOSING_LOOKS;

	return client->idle_at_ns == INT64_MAX || client->idle_at_ns < at_ns ? client->idle_at_ns :
									       at_ns;
}

/* --timeout starts over, but not while this end waits for input or for --limit-rate. */
static void
restart_timeout(struct raw_client *client)
{
	int64_t timeout_ns = run.timeouts.operation_ns;

	client->idle_at_ns = client->blocked && timeout_ns != SKU_NO_TIMEOUT ?
				 client->server->server.loop.now + timeout_ns :
				 INT64_MAX;
	client->left = INT_MAX;
	if (!client->blocked && client->server->reader != client)
		set_timer(client, client->rate.next_at_ns); /* its next turn */
	else
		set_timer(client, next_look(client));
}

/* ---- sending ------------------------------------------------------------------------------- */

/* Wait for the peer's end, and for its acknowledgement of all. */
static void
follow_closing(struct raw_client *client, enum closing_next next)
{
	struct loop *loop = &client->server->server.loop;

	if (next == CLOSING_DONE)
		complete_client(client);
	else if (next == CLOSING_LOST || closing_watch(&client->closing, loop, &client->io) == -1)
		fail_client(client, errno, NULL);
	else
		set_timer(client, closing_deadline(&client->closing, loop->now, next_look(client)));
}

/* A receiver that stays open, but has everything, is done. */
static void
continue_closing(struct raw_client *client, int64_t now)
{
	enum closing_next next;

	look_at_peer(client, now);
	next = closing_due(&client->closing, &client->sock);
	if (next == CLOSING_CONTINUES && now >= client->idle_at_ns) {
		if (client->left > 0) {
			time_out(client);
			return;
		}
		next = CLOSING_DONE;
	}
	follow_closing(client, next);
}

static void
begin_closing(struct raw_client *client)
{
	struct raw_server *server = client->server;
	struct failure failure;

	failure_clear(&failure);
	if (source_check_end(server->source, client->sent, &failure) == -1) {
		server_fail(&server->server, &failure);
		return;
	}
	closing_set_reset(&client->sock, false);
	client->left = closing_left(&client->sock);
	client->idle_at_ns = server->server.loop.now + peer_timeout();
	follow_closing(client, closing_begin(&client->closing, &client->sock, CLOSING_IN_ORDER,
				   client->closing.peer_ended));
}

static void
count_sent(struct raw_client *client, int64_t sent)
{
	client->sent += sent;
	counter_add(&transfer_stats.bytes, (uint64_t)sent);
	rate_account(&client->rate, (size_t)sent, client->server->server.loop.now);
}

/* The input has nothing now: wait for it. */
static void
wait_for_input(struct raw_client *client)
{
	struct raw_server *server = client->server;

	set_reader(server, client);
	if (loop_watch(&server->server.loop, &server->input, EPOLLIN) == -1)
		fail_input(server, errno);
}

static void
send_some(struct raw_client *client)
{
	struct raw_server *server = client->server;
	size_t max = rate_allowance(&client->rate, MAX_PER_TURN, server->server.loop.now);
	enum source_result result = SOURCE_SENT;
	bool waited = client->blocked && client->idle_at_ns != INT64_MAX;
	int64_t sent = 0;
	int errnum = 0;

	if (max > 0) {
		result = source_send(server->source, &client->sock, client->sent, max, &sent);
		errnum = errno;
		count_sent(client, sent);
	}
	client->blocked = result == SOURCE_BLOCKED;
	if (server->reader == client && result != SOURCE_WAIT)
		set_reader(server, NULL);
	if (result == SOURCE_SENT && source_is_at_end(server->source, client->sent))
		result = SOURCE_ENDED;
	switch (result) {
	case SOURCE_SENT:
		/* If its socket has room, its next turn comes at once. */
		client->blocked = client->rate.bytes_per_second == UNLIMITED;
		break;
	case SOURCE_BLOCKED:
		if (sent == 0 && run.timeouts.operation_ns == 0) {
			time_out(client);
			return;
		}
		break;
	case SOURCE_WAIT:
		wait_for_input(client);
		break;
	case SOURCE_ENDED:
		begin_closing(client);
		return;
	case SOURCE_READ_FAILED:
		fail_input(server, errnum);
		return;
	case SOURCE_PEER_FAILED:
		fail_client(client, errnum, NULL);
		return;
	}
	/* epoll(7) may say that there is room although there is none: the wait goes on. */
	if (watch(client) && !(waited && result == SOURCE_BLOCKED && sent == 0))
		restart_timeout(client);
}

/* Read and discard what a receiver sends: if it stayed unread, our close would be a reset, which
 * destroys bytes of ours that are on their way.  False: the receiver is gone. */
static bool
discard_input(struct raw_client *client)
{
	int n = closing_discard(&client->sock);

	if (n == 1 || (n == -1 && errno == EAGAIN))
		return true;
	if (n == -1) {
		fail_client(client, errno, NULL);
		return false;
	}
	client->closing.peer_ended = true;
	return watch(client);
}

static void
client_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct raw_client *client = LOOP_OWNER(io, struct raw_client, io);

	(void)loop;
	if (client->closing.how != CLOSING_NOT)
		follow_closing(client, closing_ready(&client->closing, &client->sock, events));
	else if ((events & EPOLLIN) == 0 && (events & (EPOLLERR | EPOLLHUP)) != 0)
		fail_client(client, closing_cause(&client->sock), NULL);
	else if (((events & EPOLLIN) == 0 || discard_input(client)) && (events & EPOLLOUT) != 0)
		send_some(client);
}

/* The socket has no room yet. */
static void
continue_waiting(struct raw_client *client, int64_t now)
{
	look_at_peer(client, now);
	if (now >= client->idle_at_ns)
		time_out(client);
	else
		set_timer(client, next_look(client));
}

static void
client_due(struct loop *loop, struct loop_timer *timer)
{
	struct raw_client *client = LOOP_OWNER(timer, struct raw_client, timer);

	if (client->closing.how != CLOSING_NOT)
		continue_closing(client, loop->now);
	else if (client->idle_at_ns != INT64_MAX)
		continue_waiting(client, loop->now);
	else
		send_some(client);
}

static void
input_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct raw_server *server = LOOP_OWNER(io, struct raw_server, input);

	(void)loop;
	(void)events;
	send_some(server->reader);
}

/* ---- all together -------------------------------------------------------------------------- */

static void
accepted(struct server *base, struct sku_sock *sock, const struct sku_address *peer)
{
	struct raw_server *server = LOOP_OWNER(base, struct raw_server, server);
	struct raw_client *client = add_client(server, sock, peer);
	struct failure failure;

	failure_clear(&failure);
	if (client != NULL) {
		send_some(client);
		return;
	}
	(void)sku_reset(sock);
	(void)failure_errno(&failure, ENOMEM, "send");
	if (base->listener == NULL || base->listener->connected)
		server_fail(base, &failure);
	else
		failure_note(&failure, peer);
	server_client_left(base, false);
}

/* The oldest receiver stands for all. */
static void
timed_out(const struct server *base, struct failure *failure)
{
	const struct raw_server *server = LOOP_OWNER(base, struct raw_server, server);
	const struct raw_client *client, *oldest = NULL;

	LIST_FOREACH (client, &server->all, entry)
		oldest = client;
	if (oldest == NULL) {
		(void)run_wait_failed(failure, ETIMEDOUT, LIMIT_OTHER, "wait for a receiver");
		return;
	}
	fail_waiting(oldest, LIMIT_OTHER, failure);
	failure_add(failure, "%lld bytes were sent", (long long)oldest->sent);
}

/* A source that can be read only once has one receiver, once any byte of it is gone. */
static bool
may_accept(struct server *base)
{
	const struct raw_server *server = LOOP_OWNER(base, struct raw_server, server);

	return server->source->seekable || (base->active == 0 && !server->consumed);
}

static int
open_server(struct raw_server *server, struct failure *failure)
{
	const struct send_config *config = server->config;
	const struct source *source = server->source;
	int64_t total = source->length,
		times = server->server.listener != NULL ? config->connections : 1;

	server->server.timed_out = timed_out;
	server->server.access = &config->peer.listen.access;
	server->server.max_clients = SERVER_UNLIMITED;
	server->server.max_served = times;
	server->server.accepted = accepted;
	server->server.may_accept = may_accept;
	server->input = (struct loop_io){ .ready = input_ready, .fd = source->fd };
	if (server_open(&server->server, failure) == -1)
		return -1;
	if (times == -1 || total == SIZE_UNKNOWN || __builtin_mul_overflow(total, times, &total))
		total = SIZE_UNKNOWN;
	progress_begin(&server->progress, config->progress, total);
	progress_draw_in(&server->progress, &server->server.loop, &transfer_stats.bytes);
	progress_set_paused(&server->progress, true);
	return 0;
}

/* Reset what is still open: it was not served to its end. */
static void
close_server(struct raw_server *server)
{
	struct raw_client *client;

	progress_end(&server->progress, (int64_t)counter_value(&transfer_stats.bytes));
	while ((client = LIST_FIRST(&server->all)) != NULL)
		remove_client(client, false);
	strangers_note_rest(&server->notes);
	server_close(&server->server);
}

static int
add_first_client(struct raw_server *server, struct sku_sock *sock, const struct sku_address *peer,
    struct failure *failure)
{
	struct sku_sock taken = *sock;

	if (sku_settimeout(sock, 0) == -1)
		return failure_errno(failure, errno, "prepare the connection");
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	server_add(&server->server, &taken, peer);
	return 0;
}

int
raw_send(const struct send_config *config, struct source *source, struct sku_sock *sock,
    const struct sku_address *peer)
{
	struct raw_server server = {
		.config = config, .source = source, .notes = STRANGERS_CAME_TO_NOTHING
	};
	static ASIDE struct failure failure;
	int status = STATUS_OK;

	if (open_server(&server, &failure) == -1 ||
	    add_first_client(&server, sock, peer, &failure) == -1 ||
	    server_run(&server.server, &failure) == -1)
		status = failure_report(&failure);
	close_server(&server);
	return status;
}

int
raw_serve(const struct send_config *config, struct source *source, struct listener *listener)
{
	struct raw_server server = { .config = config,
		.source = source,
		.notes = STRANGERS_CAME_TO_NOTHING,
		.server = { .listener = listener } };
	static ASIDE struct failure failure;
	int status = STATUS_OK;

	run_raise_descriptor_limit();
	if (open_server(&server, &failure) == -1 ||
	    listener_announce(listener, &config->peer.listen, &failure) == -1 ||
	    server_run(&server.server, &failure) == -1)
		status = failure_report(&failure);
	close_server(&server);
	return status;
}

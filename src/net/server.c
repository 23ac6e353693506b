/* server.c - the life of a program with clients: which it accepts, how many, and until when.
 * Row net. */
#include "net/server.h"

#include "run/event.h"
#include "run/failure.h"
#include "run/loop.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"
#include "run/wait.h"

#include <errno.h>
#include <string.h>

#define ACCEPTS_AT_ONCE 64
#define PAUSE (100 * SKU_MS) /* out of descriptors or memory, and no client that could end */
#define LAST_WORDS_MARGIN (50 * SKU_MS)

static void begin_finishing(struct server *server, int64_t grace_ns);

/* No client can come by itself: there is one connection. */
static bool
has_only_client(const struct server *server)
{
	return server->listener == NULL || server->listener->connected;
}

static bool
has_clients_to_come(const struct server *server)
{
	return server->max_served == SERVER_UNLIMITED ||
	       server->served + server->active < server->max_served;
}

static bool
accepts_now(struct server *server)
{
	if (server->is_finishing || server->resting || server->is_shut || has_only_client(server))
		return false;
	if (server->max_clients != SERVER_UNLIMITED && server->active >= server->max_clients)
		return false;
	return has_clients_to_come(server) &&
	       (server->may_accept == NULL || server->may_accept(server));
}

static const char *
listener_action(const struct server *server)
{
	return server->readable != NULL ? "receive" : "accept";
}

static void
fail_listener(struct server *server, int errnum)
{
	(void)failure_errno(server->failure, errnum, "%s", listener_action(server));
	begin_finishing(server, server->limit_grace_ns);
}

void
server_update(struct server *server)
{
	if (has_only_client(server))
		return;
	if (server->refuses_rest && !server->is_shut && !server->is_finishing &&
	    !server->listener->adopted && !has_clients_to_come(server)) {
		server->is_shut = true;
		loop_unwatch(&server->loop, &server->listener_io);
		(void)sku_shutdown(&server->listener->sock, SHUT_RDWR);
	}
	if (!accepts_now(server))
		loop_unwatch(&server->loop, &server->listener_io);
	else if (loop_watch(&server->loop, &server->listener_io, EPOLLIN | EPOLLRDHUP) == -1)
		fail_listener(server, errno);
}

/* ---- time ---------------------------------------------------------------------------------- */

static bool
is_busy(struct server *server)
{
	if (server->is_busy != NULL && run.timeouts.accept_ns > 0)
		return server->is_busy(server);
	return server->active > 0;
}

static void
set_idle_timer(struct server *server)
{
	bool waits = run.timeouts.accept_ns != SKU_NO_TIMEOUT && !server->is_finishing &&
		     !has_only_client(server) && !is_busy(server);

	(void)loop_set_timer(&server->loop, &server->idle,
	    waits ? server->idle_since_ns + run.timeouts.accept_ns : LOOP_PARKED);
}

/* A client came, or the last one left. */
static void
note_activity(struct server *server)
{
	if (server->is_busy == NULL)
		server->idle_since_ns = server->loop.now;
}

void
server_restart_idle(struct server *server)
{
	server->idle_since_ns = server->loop.now;
	set_idle_timer(server);
}

static void
idle_due(struct loop *loop, struct loop_timer *timer)
{
	struct server *server = LOOP_OWNER(loop, struct server, loop);

	(void)loop_set_timer(loop, timer, LOOP_PARKED);
	if (is_busy(server))
		return; /* until a client leaves */
	(void)run_wait_failed(
	    server->failure, ETIMEDOUT, LIMIT_ACCEPT, "%s", listener_action(server));
	begin_finishing(server, server->limit_grace_ns);
}

static void
pause_due(struct loop *loop, struct loop_timer *timer)
{
	struct server *server = LOOP_OWNER(loop, struct server, loop);

	(void)loop_set_timer(loop, timer, LOOP_PARKED);
	server->resting = false;
	server_update(server);
}

/* ---- the end ------------------------------------------------------------------------------- */

/* The only way to end the loop.  If there is a failure, server_run() returns it. */
static void
stop(struct server *server)
{
	loop_stop(&server->loop, server->failure->status != STATUS_OK ? -1 : 0);
}

static void
finish_due(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	stop(LOOP_OWNER(loop, struct server, loop));
}

/* Accept no more clients; those that are there have grace_ns to end. */
static void
begin_finishing(struct server *server, int64_t grace_ns)
{
	bool again = server->is_finishing;

	if (grace_ns <= 0) {
		stop(server);
		return;
	}
	server->is_finishing = true;
	server_update(server);
	set_idle_timer(server);
	if (server->listener != NULL && server->readable == NULL)
		listener_close(server->listener);
	if (!again && server->finishing != NULL)
		server->finishing(server);
	if (server->active == 0)
		stop(server);
	else if (grace_ns != INT64_MAX)
		(void)loop_set_timer(&server->loop, &server->finish, server->loop.now + grace_ns);
}

/* At most the clients' last words are still sent; waiting for them does not count as late. */
static int64_t
grace_after_max_time(const struct server *server)
{
	int64_t last_words_ns = run_last_wait_end().at_ns + LAST_WORDS_MARGIN - server->loop.now;

	return server->limit_grace_ns < last_words_ns ? server->limit_grace_ns : last_words_ns;
}

static void
canceled(struct loop *loop)
{
	struct server *server = LOOP_OWNER(loop, struct server, loop);
	bool is_over = sku_deadline_passed(run.timeouts.run); /* maybe in the grace of a signal */

	if (is_over && run_signals() == 0 && server->timed_out != NULL)
		server->timed_out(server, server->failure);
	else if (is_over && run_signals() == 0)
		(void)run_wait_failed(
		    server->failure, ETIMEDOUT, LIMIT_OTHER, "%s", server->action);
	if (run_signals() > 1)
		stop(server);
	else if (is_over)
		begin_finishing(server, grace_after_max_time(server));
	else if (server->failure->status != STATUS_OK || run_is_killed())
		begin_finishing(server, server->limit_grace_ns);
	else
		begin_finishing(server, server->signal_grace_ns);
}

void
server_finish(struct server *server)
{
	begin_finishing(server, INT64_MAX);
}

void
server_fail(struct server *server, const struct failure *failure)
{
	if (server->failure->status == STATUS_OK)
		*server->failure = *failure;
	stop(server);
}

static bool
has_served_all(const struct server *server)
{
	return server->max_served != SERVER_UNLIMITED && server->served >= server->max_served;
}

void
server_count(struct server *server, int64_t served)
{
	server->served += served;
	if (has_served_all(server))
		stop(server);
}

void
server_client_came(struct server *server)
{
	server->active++;
	set_idle_timer(server);
}

void
server_client_left(struct server *server, bool counts)
{
	server->active--;
	server->served += counts;
	if (server->active == 0)
		note_activity(server);
	if (server->resting) {
		server->resting = false; /* a descriptor is free */
		(void)loop_set_timer(&server->loop, &server->pause, LOOP_PARKED);
	}
	if (has_served_all(server) ||
	    (server->active == 0 && (server->is_finishing || has_only_client(server))))
		stop(server);
	set_idle_timer(server);
	server_update(server);
}

/* ---- accepting ----------------------------------------------------------------------------- */

/* accept(2), "Error handling": is it an error of the new connection, or a firewall's, and not the
 * listener's? */
static bool
is_connections_own(int errnum)
{
	switch (errnum) {
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case ECONNABORTED:
	case EPERM:
		return true;
	default:
		return false;
	}
}

static bool
is_shortage(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

void
server_rest(struct server *server)
{
	server->resting = true;
	(void)loop_set_timer(&server->loop, &server->pause,
	    server->loop.now + (server->active > 0 ? SKU_SECOND : PAUSE));
	server_update(server);
}

static void
note_shortage(struct server *server, int errnum)
{
	if (!server->rest_was_told)
		msg_note("accept: %s; the rest wait until a connection ends", strerror(errnum));
	server->rest_was_told = true;
}

static void
take(struct server *server, struct sku_sock *sock, struct sku_address *peer)
{
	sku_address_unmap(peer);
	if (!access_check(server->access, peer)) {
		EVENT("refused", 1, "{peer}: refused", EVENT_PEER(peer));
		(void)sku_reset(sock);
		if (server->refused != NULL)
			server->refused(server);
		return; /* a refused client does not count: --accept-timeout goes on */
	}
	note_activity(server);
	server_add(server, sock, peer);
	set_idle_timer(server);
}

/* Accept one client.  False: stop accepting for now. */
static bool
accept_one(struct server *server)
{
	struct sku_sock sock;
	struct sku_address peer;

	if (sku_accept(&server->listener->sock, &sock, &peer) == 0) {
		take(server, &sock, &peer);
		return true;
	}
	if (is_connections_own(errno)) {
		msg_verbose(1, "accept: %s", strerror(errno));
		return true;
	}
	if (is_shortage(errno)) {
		note_shortage(server, errno);
		server_rest(server);
	} else if (errno != EAGAIN) {
		fail_listener(server, errno);
	}
	return false;
}

static void
accept_some(struct server *server)
{
	for (int i = 0; i < ACCEPTS_AT_ONCE && accepts_now(server) && !server->loop.stopped; i++) {
		if (!accept_one(server))
			break;
	}
}

static void
listener_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct server *server = LOOP_OWNER(io, struct server, listener_io);
	uint32_t ends = EPOLLHUP | EPOLLRDHUP;

	if (server->readable != NULL) {
		server->readable(server);
	} else {
		ends |= EPOLLERR; /* on a datagram socket: about an earlier one */
		accept_some(server);
	}
	/* Another process that has the socket has shut it down: no client can come any more. */
	if ((events & ends) != 0 && accepts_now(server) && !loop->stopped)
		fail_listener(server, EINVAL);
	else
		server_update(server);
}

/* ---- all together -------------------------------------------------------------------------- */

int
server_open(struct server *server, struct failure *failure)
{
	server->failure = failure;
	server->loop.canceled = canceled;
	server->listener_io = (struct loop_io){ .ready = listener_ready,
		.fd = server->listener != NULL ? sku_fileno(&server->listener->sock) : -1 };
	server->pause.due = pause_due;
	server->idle.due = idle_due;
	server->finish.due = finish_due;
	(void)sku_setdefaulttimeout(0); /* accepted sockets inherit it */
	if (loop_open(&server->loop) == -1)
		return failure_errno(failure, errno, "prepare the event loop");
	if (loop_set_timer(&server->loop, &server->pause, LOOP_PARKED) == -1 ||
	    loop_set_timer(&server->loop, &server->idle, LOOP_PARKED) == -1 ||
	    loop_set_timer(&server->loop, &server->finish, LOOP_PARKED) == -1)
		return failure_errno(failure, ENOMEM, "prepare the event loop");
	server_restart_idle(server);
	server_update(server);
	return server->loop.stopped ? -1 : 0;
}

void
server_add(struct server *server, struct sku_sock *sock, const struct sku_address *peer)
{
	server_client_came(server);
	if (server->listener != NULL && (run.json || run.verbose > 0))
		EVENT("accepted", 1, "{peer}: accepted", EVENT_PEER(peer));
	server->accepted(server, sock, peer);
}

static void
add_only(struct server *server)
{
	struct sku_sock sock = server->listener->sock;
	struct sku_address peer;

	server->listener->sock.fd = -1; /* the client's from here on */
	(void)peer_find(&sock, &peer);
	server_add(server, &sock, &peer);
}

int
server_run(struct server *server, struct failure *failure)
{
	server->failure = failure;
	/* While no client is there, starting the thread delays nobody. */
	if (server->listener != NULL && !server->works_in_threads && run_start_thread() == -1)
		return failure_errno(failure, errno, "prepare for signals");
	server->loop.now = sku_now(); /* announcing took time */
	server_restart_idle(server);
	if (server->listener != NULL && server->listener->connected)
		add_only(server);
	return loop_run(&server->loop) == 0 ? 0 : -1;
}

void
server_close(struct server *server)
{
	loop_close(&server->loop);
}

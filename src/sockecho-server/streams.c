/* streams.c - serving connections.
 * Row tool.
 *
 * One recv and one send for each event, and one buffer for all.  Timers are lazy: a connection's
 * timer is set to when it may be due, and is checked only then. */
#include "sockecho-server/serving.h"

#include "run/ascii.h"
#include "run/message.h"
#include "run/run.h"
#include "sockecho-server/connection.h"
#include "sockecho-server/connection_log.h"
#include "sockecho-server/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FINISH_TIMEOUT (5 * SKU_SECOND)

struct echo {
	struct server server;
	struct fault_plan plan; /* the config's lines, and the next one */
	struct flow_buffer buffer;
	LIST_HEAD(, connection) all;
	int keepalive; /* seconds; 0: it is off */
	struct loop_timer keepalive_timer;
};

/* ---- connections come and go --------------------------------------------------------------- */

static void
close_connection(struct echo *echo, struct connection *c, enum connection_next next, int errnum,
    const char *reason)
{
	bool reset = next == CONNECTION_RESET || next == CONNECTION_NO_MEMORY ||
		     (next == CONNECTION_TIMED_OUT && connection_is_unfinished(c));

	log_closed(c, reason, errnum, echo->server.loop.now);
	if (next == CONNECTION_TIMED_OUT)
		counter_add(&server_stats.timed_out, 1);
	counter_subtract(&server_stats.active, 1);
	LIST_REMOVE(c, entry);
	loop_clear_timer(&echo->server.loop, &c->timer);
	loop_forget(&echo->server.loop, &c->io);
	connection_free(c, reset);
}

static const char *
reason_text(enum connection_next next)
{
	switch (next) {
	case CONNECTION_LOST:
		return "lost";
	case CONNECTION_RESET:
		return "reset";
	case CONNECTION_TIMED_OUT:
		return "timed_out";
	case CONNECTION_NO_MEMORY:
		return "no_memory";
	case CONNECTION_ENDED:
	case CONNECTION_CONTINUES:
		break;
	}
	return "ended";
}

/* Something happened to a connection: wait for what comes next, or end it. */
static void
apply(struct echo *echo, struct connection *c, enum connection_next next)
{
	int errnum = next == CONNECTION_LOST ? errno : 0;

	if (next == CONNECTION_CONTINUES) {
		if (connection_watch(c, &echo->buffer, &echo->server.loop) == 0)
			return;
		next = CONNECTION_NO_MEMORY;
		errnum = errno;
	}
	close_connection(echo, c, next, errnum, reason_text(next));
	server_client_left(&echo->server, true);
}

/* ---- events -------------------------------------------------------------------------------- */

static void
socket_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct echo *echo = LOOP_OWNER(loop, struct echo, server.loop);
	struct connection *c = LOOP_OWNER(io, struct connection, io);

	apply(echo, c, connection_ready(c, &echo->buffer, events, loop->now));
}

static void
timer_due(struct loop *loop, struct loop_timer *timer)
{
	struct echo *echo = LOOP_OWNER(loop, struct echo, server.loop);
	struct connection *c = LOOP_OWNER(timer, struct connection, timer);

	apply(echo, c, connection_advance(c, loop->now));
}

/* --keepalive */
static void
keepalive_due(struct loop *loop, struct loop_timer *timer)
{
	struct echo *echo = LOOP_OWNER(timer, struct echo, keepalive_timer);
	struct connection *c, *next;

	LIST_FOREACH_SAFE (c, &echo->all, entry, next) {
		if (!keepalive_is_gone(&c->keepalive, &c->sock, echo->keepalive, loop->now))
			continue;
		errno = ETIMEDOUT;
		apply(echo, c, CONNECTION_LOST);
	}
	(void)loop_set_timer(loop, timer, loop->now + keepalive_interval(echo->keepalive));
}

/* ---- the server's -------------------------------------------------------------------------- */

static struct connection *
add_connection(struct echo *echo, struct sku_sock *sock, const struct sku_address *peer,
    const struct faults *faults)
{
	struct connection *c = connection_new(sock, peer, faults, echo->server.loop.now);

	if (c == NULL)
		return NULL;
	c->io = (struct loop_io){ .ready = socket_ready, .fd = sku_fileno(sock) };
	c->timer.due = timer_due;
	if (connection_watch(c, &echo->buffer, &echo->server.loop) == -1) {
		loop_forget(&echo->server.loop, &c->io);
		connection_discard(c);
		return NULL;
	}
	LIST_INSERT_HEAD(&echo->all, c, entry);
	return c;
}

static void
accepted(struct server *server, struct sku_sock *sock, const struct sku_address *peer)
{
	struct echo *echo = LOOP_OWNER(server, struct echo, server);
	const struct fault_line *line = fault_plan_next(&echo->plan);
	struct connection *c = add_connection(echo, sock, peer, &line->faults);

	if (c == NULL) {
		const struct connection unserved = { .peer = *peer,
			.started_ns = server->loop.now };

		log_closed(&unserved, reason_text(CONNECTION_NO_MEMORY), errno, server->loop.now);
		(void)sku_reset(sock);
		server_client_left(server, false);
		return;
	}
	counter_add(&server_stats.accepted, 1);
	counter_add(&server_stats.active, 1);
	if (line->is_reset) { /* reset-first: it was not served */
		close_connection(echo, c, CONNECTION_RESET, 0, reason_text(CONNECTION_RESET));
		server_client_left(server, false);
		return;
	}
	if (c->flow.faults != NULL) /* a fault may end it before the first byte */
		apply(echo, c, connection_advance(c, server->loop.now));
}

static void
refused(struct server *server)
{
	(void)server;
	counter_add(&server_stats.refused, 1);
}

/* Stop reading from all connections, too: what was read is sent back. */
static void
finishing(struct server *server)
{
	struct echo *echo = LOOP_OWNER(server, struct echo, server);
	struct connection *c, *next;

	LIST_FOREACH_SAFE (c, &echo->all, entry, next)
		apply(echo, c, connection_stop(c, server->loop.now));
}

static void
cut(struct echo *echo, struct connection *c, const char *reason)
{
	close_connection(
	    echo, c, connection_is_unfinished(c) ? CONNECTION_RESET : CONNECTION_ENDED, 0, reason);
}

static void
close_streams(struct server *server)
{
	struct echo *echo = LOOP_OWNER(server, struct echo, server);
	const char *reason = server->is_finishing ? "cut" : "stopped";
	struct connection *c;

	if (!LIST_EMPTY(&echo->all))
		msg_note("%lld connection%s cut", (long long)server->active,
		    server->active == 1 ? "" : "s");
	while ((c = LIST_FIRST(&echo->all)) != NULL)
		cut(echo, c, reason);
	server_close(server);
	free(echo->buffer.bytes);
	free(echo);
}

static int
start_keepalive(struct echo *echo, struct failure *failure)
{
	if (echo->keepalive == 0 || loop_set_timer(&echo->server.loop, &echo->keepalive_timer,
					sku_now() + keepalive_interval(echo->keepalive)) == 0)
		return 0;
	return failure_errno(failure, ENOMEM, "prepare to wait");
}

static struct server *
open_streams(struct listener *listener, const struct server_config *config, struct failure *failure)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	if (echo == NULL || (echo->buffer.bytes = malloc(config->stream.bufsize)) == NULL) {
		free(echo);
		(void)failure_errno(failure, ENOMEM, "get a buffer (--bufsize)");
		return NULL;
	}
	echo->server.listener = listener;
	echo->server.access = &config->listen.access;
	echo->server.max_clients = config->max_clients;
	echo->server.max_served = config->connections;
	echo->server.refuses_rest = true;
	echo->server.action = "serve";
	echo->server.signal_grace_ns = FINISH_TIMEOUT;
	echo->server.accepted = accepted;
	echo->server.refused = refused;
	echo->server.finishing = finishing;
	echo->buffer.size = config->stream.bufsize;
	echo->buffer.pass = config->upper ? ascii_upper : NULL;
	echo->plan = config->plan;
	run_raise_descriptor_limit();
	tcp_apply_options(&config->stream, &listener->sock);
	echo->keepalive = config->stream.keepalive;
	echo->keepalive_timer.due = keepalive_due;
	if (server_open(&echo->server, failure) == 0 && start_keepalive(echo, failure) == 0)
		return &echo->server;
	close_streams(&echo->server);
	return NULL;
}

const struct serving serving_streams = { open_streams, close_streams };

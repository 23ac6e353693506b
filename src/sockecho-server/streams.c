/* streams.c - the event loop that serves connections.
 * Row tool.
 *
 * One thread, level-triggered epoll, one recv and one send an event, one buffer for all.  Timers
 * are lazy: a connection's timer is set to when it might be due, and looked at again only then. */
#include "sockecho-server/streams.h"

#include "net/accept.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"
#include "sockecho-server/connection.h"
#include "sockecho-server/connection_log.h"
#include "sockecho-server/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 512
#define ACCEPTS_AT_ONCE 64
#define ACCEPT_PAUSE (100 * SKU_MS) /* out of descriptors or memory, with nothing to close */
#define FINISH_TIMEOUT (5 * SKU_SECOND)

struct loop {
	const struct server_config *config;
	struct listener *listener;
	int epoll_fd;
	char *buf;
	struct timers timers;
	struct connection *all;
	int64_t now;
	int64_t active, taken, served, to_reset;
	int64_t idle_since_ns;	 /* no connection since; for --accept-timeout */
	int64_t accept_again_ns; /* the listener rests until then; 0: it does not */
	int64_t finish_by_ns;	 /* stopping: INT64_MAX is not */
	bool accepting;		 /* epoll looks at the listener */
	bool out_of_descriptors; /* told once */
	bool done;
	int status;
};

/* epoll's tags for what is no connection. */
static char listener_tag, signals_tag;

/* ---- connections come and go --------------------------------------------------------------- */

static void
watch_listener(struct loop *loop, bool wanted)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &listener_tag };

	if (wanted == loop->accepting || sku_fileno(&loop->listener->sock) == -1)
		return;
	if (epoll_ctl(loop->epoll_fd, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
		sku_fileno(&loop->listener->sock), &event) == 0)
		loop->accepting = wanted;
}

static bool
stopping(const struct loop *loop)
{
	return loop->finish_by_ns != INT64_MAX;
}

/* Whether more connections may be taken now. */
static void
update_accepting(struct loop *loop)
{
	const struct server_config *config = loop->config;
	bool room = config->max_clients == UNLIMITED || loop->active < config->max_clients;
	bool more = config->connections == UNLIMITED || loop->taken < config->connections;

	/* Whoever comes now would never be served: let them be refused, not wait. */
	if (!more && loop->accepting && config->listen.fd == -1)
		(void)sku_shutdown(&loop->listener->sock, SHUT_RDWR);
	watch_listener(loop, room && more && !stopping(loop) && !loop->listener->connected &&
				 loop->accept_again_ns == 0);
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

static void
remove_connection(struct loop *loop, struct connection *c, enum connection_next next, int errnum,
    const char *reason)
{
	log_closed(c, reason, errnum, loop->now);
	if (next == CONNECTION_TIMED_OUT)
		counter_add(&server_stats.timed_out, 1);
	timer_clear(&loop->timers, &c->timer);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		loop->all = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	connection_free(c, next == CONNECTION_RESET || next == CONNECTION_NO_MEMORY);
	loop->active--;
	loop->served++;
	counter_subtract(&server_stats.active, 1);
	if (loop->active == 0)
		loop->idle_since_ns = loop->now;
	loop->accept_again_ns = 0; /* a descriptor is free */
	update_accepting(loop);
	if (loop->listener->connected ||
	    (loop->config->connections != UNLIMITED && loop->served >= loop->config->connections))
		loop->done = true;
}

/* After something happened to c: what epoll and the timer must look for, or its end. */
static void
apply(struct loop *loop, struct connection *c, enum connection_next next)
{
	struct epoll_event event = { .data.ptr = c };
	int64_t at;

	if (next != CONNECTION_CONTINUES) {
		remove_connection(
		    loop, c, next, next == CONNECTION_LOST ? errno : 0, reason_text(next));
		return;
	}
	event.events = connection_interest(c, loop->config);
	if (event.events != c->watched) {
		if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, sku_fileno(&c->sock), &event) == -1) {
			remove_connection(loop, c, CONNECTION_LOST, errno, "lost");
			return;
		}
		c->watched = event.events;
	}
	at = connection_deadline(c);
	if (at != INT64_MAX && (c->timer.slot == 0 || at < c->timer.at_ns) &&
	    timer_set(&loop->timers, &c->timer, at) == -1)
		remove_connection(loop, c, CONNECTION_NO_MEMORY, ENOMEM, "no_memory");
}

/* ---- accepting ----------------------------------------------------------------------------- */

static void
add_connection(struct loop *loop, struct sku_sock *sock, const struct sku_address *peer)
{
	struct connection *c = connection_new(sock, peer, loop->config, loop->now);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (c == NULL) {
		(void)sku_reset(sock);
		return;
	}
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, sku_fileno(&c->sock), &event) == -1) {
		connection_free(c, true);
		return;
	}
	c->watched = EPOLLIN;
	c->next = loop->all;
	if (loop->all != NULL)
		loop->all->prev = c;
	loop->all = c;
	loop->active++;
	counter_add(&server_stats.accepted, 1);
	counter_add(&server_stats.active, 1);
	if (run.json || run.verbose > 0)
		peer_log(&c->peer, "accepted");
	if (loop->config->close_after == 0 || loop->config->reset_after == 0)
		apply(loop, c, connection_advance(c, loop->config, loop->now));
	else if (c->idle_at_ns != INT64_MAX)
		apply(loop, c, CONNECTION_CONTINUES);
}

static void
accept_failed(struct loop *loop, int errnum)
{
	if (!loop->out_of_descriptors)
		msg_note("accept: %s; the rest wait until a connection ends", strerror(errnum));
	loop->out_of_descriptors = true;
	loop->accept_again_ns = loop->now + (loop->active > 0 ? SKU_SECOND : ACCEPT_PAUSE);
	update_accepting(loop);
}

static bool
accept_one(struct loop *loop)
{
	struct sku_sock sock;
	struct sku_address peer;

	switch (accept_connection(loop->listener, &loop->config->listen.access, &sock, &peer)) {
	case ACCEPT_FAILED:
		accept_failed(loop, errno);
		return false;
	case ACCEPT_NONE:
		return false;
	case ACCEPT_REFUSED:
		loop->idle_since_ns = loop->now;
		counter_add(&server_stats.refused, 1);
		return true;
	case ACCEPT_TAKEN:
		break;
	}
	loop->idle_since_ns = loop->now;
	if (loop->to_reset > 0) {
		loop->to_reset--;
		msg_verbose(1, "reset a connection (--reset-first)");
		(void)sku_reset(&sock);
		return true;
	}
	loop->taken++;
	add_connection(loop, &sock, &peer);
	update_accepting(loop);
	return true;
}

static void
accept_some(struct loop *loop)
{
	for (int i = 0; i < ACCEPTS_AT_ONCE && loop->accepting && !loop->done; i++) {
		if (!accept_one(loop))
			return;
	}
}

/* ---- the end ------------------------------------------------------------------------------- */

/* No more connections, no more bytes: what was read is sent back, within FINISH_PATIENCE. */
static void
begin_stopping(struct loop *loop)
{
	struct connection *next;

	loop->finish_by_ns = loop->now + FINISH_TIMEOUT;
	update_accepting(loop);
	listener_close(loop->listener);
	for (struct connection *c = loop->all; c != NULL; c = next) {
		next = c->next;
		apply(loop, c, connection_stop(c, loop->config, loop->now));
	}
}

static void
stop_loop(struct loop *loop, int status)
{
	loop->done = true;
	if (loop->status == STATUS_OK)
		loop->status = status;
}

static void
take_signals(struct loop *loop)
{
	if (run_signals() > 1 || run_is_killed())
		loop->done = true;
	else if (run_signals() == 1 && !stopping(loop))
		begin_stopping(loop);
}

static int64_t
accept_deadline(const struct loop *loop)
{
	int64_t timeout_ns = run.timeouts.accept_ns;

	if (timeout_ns == SKU_NO_TIMEOUT || loop->active > 0 || stopping(loop) ||
	    loop->listener->connected)
		return INT64_MAX;
	return loop->idle_since_ns + timeout_ns;
}

/* ---- time ---------------------------------------------------------------------------------- */

static struct connection *
connection_of(struct timer *timer)
{
	return (struct connection *)(void *)((char *)timer - offsetof(struct connection, timer));
}

static void
run_timers(struct loop *loop)
{
	struct timer *timer;

	while ((timer = timers_first(&loop->timers)) != NULL && timer->at_ns <= loop->now) {
		struct connection *c = connection_of(timer);

		timer_clear(&loop->timers, timer);
		if (connection_deadline(c) <= loop->now)
			apply(loop, c, connection_advance(c, loop->config, loop->now));
		else
			apply(loop, c, CONNECTION_CONTINUES);
	}
}

static void
run_deadlines(struct loop *loop)
{
	if (loop->now >= run.timeouts.run.at_ns)
		stop_loop(loop,
		    msg_error(STATUS_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)", "serve"));
	else if (loop->now >= accept_deadline(loop) && run.timeouts.accept_ns == 0)
		stop_loop(loop, msg_error_errno(STATUS_FAILED, EAGAIN, "accept"));
	else if (loop->now >= accept_deadline(loop))
		stop_loop(loop, msg_error(STATUS_TIMED_OUT, ETIMEDOUT,
				    "timed out (--accept-timeout)", "accept"));
	else if (loop->now >= loop->finish_by_ns)
		loop->done = true;
	if (loop->accept_again_ns != 0 && loop->now >= loop->accept_again_ns) {
		loop->accept_again_ns = 0;
		update_accepting(loop);
	}
}

static int
poll_ms(const struct loop *loop)
{
	const struct timer *timer = timers_first(&loop->timers);
	struct sku_deadline at = run.timeouts.run;

	at = sku_deadline_earlier(at, (struct sku_deadline){ accept_deadline(loop) });
	at = sku_deadline_earlier(at, (struct sku_deadline){ loop->finish_by_ns });
	if (timer != NULL)
		at = sku_deadline_earlier(at, (struct sku_deadline){ timer->at_ns });
	if (loop->accept_again_ns != 0)
		at = sku_deadline_earlier(at, (struct sku_deadline){ loop->accept_again_ns });
	return sku_deadline_poll_ms(at);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void
handle_connection(struct loop *loop, struct connection *c, uint32_t events)
{
	enum connection_next next;
	int error = 0;
	socklen_t len = sizeof(error);

	if ((events & EPOLLIN) != 0) {
		next = connection_readable(c, loop->config, loop->buf, loop->now);
	} else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		/* Gone while it was not read from: what it was owed has nowhere to go. */
		if (sku_getsockopt(&c->sock, SOL_SOCKET, SO_ERROR, &error, &len) == -1 ||
		    error == 0)
			error = ECONNRESET;
		errno = error;
		next = CONNECTION_LOST;
	} else {
		next = connection_advance(c, loop->config, loop->now);
	}
	apply(loop, c, next);
}

static void
run_streams(struct loop *loop)
{
	struct epoll_event events[EVENTS];

	while (!loop->done && !(stopping(loop) && loop->active == 0)) {
		int n = epoll_wait(loop->epoll_fd, events, EVENTS, poll_ms(loop));

		loop->now = sku_now();
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &signals_tag) {
				take_signals(loop);
				break; /* connections of other events may be gone now */
			}
			if (events[i].data.ptr == &listener_tag)
				accept_some(loop);
			else
				handle_connection(loop, events[i].data.ptr, events[i].events);
		}
		run_timers(loop);
		if (!loop->done)
			run_deadlines(loop);
	}
}

static int
open_loop(struct loop *loop)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = &signals_tag };

	run_raise_descriptor_limit();
	loop->buf = malloc(loop->config->stream.bufsize);
	if (loop->buf == NULL)
		return msg_error_errno(STATUS_FAILED, ENOMEM, "get a buffer (--bufsize)");
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd == -1 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, run.cancel_fd, &event) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "prepare the event loop");
	return STATUS_OK;
}

static void
close_loop(struct loop *loop)
{
	const char *reason = stopping(loop) ? "cut" : "stopped";
	struct connection *next;

	if (loop->all != NULL && (stopping(loop) || loop->status != STATUS_OK))
		msg_note(
		    "%lld connection%s cut", (long long)loop->active, loop->active == 1 ? "" : "s");
	for (struct connection *c = loop->all; c != NULL; c = next) {
		next = c->next;
		remove_connection(loop, c, CONNECTION_ENDED, 0, reason);
	}
	timers_free(&loop->timers);
	if (loop->epoll_fd != -1)
		(void)close(loop->epoll_fd);
	free(loop->buf);
}

int
streams_serve(struct listener *listener, const struct server_config *config)
{
	struct loop loop = { .config = config,
		.listener = listener,
		.epoll_fd = -1,
		.now = sku_now(),
		.to_reset = config->reset_first,
		.finish_by_ns = INT64_MAX };

	loop.idle_since_ns = loop.now;
	(void)sku_setdefaulttimeout(0); /* accepted sockets inherit it */
	loop.status = open_loop(&loop);
	if (loop.status == STATUS_OK) {
		tcp_apply_options(&config->stream, &listener->sock);
		if (listener->connected) {
			struct sku_address peer = { .len = 0 };
			struct sku_sock sock = listener->sock;

			listener->sock.fd = -1; /* the connection's from here on */
			(void)sku_getpeername(&sock, &peer);
			add_connection(&loop, &sock, &peer);
		}
		update_accepting(&loop);
		run_streams(&loop);
	}
	close_loop(&loop);
	return loop.status;
}

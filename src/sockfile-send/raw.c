/* raw.c - the file's bytes and nothing else, to one receiver or to many at once.
 * Row tool.
 *
 * One thread, level-triggered epoll; each receiver takes the file at its own pace.  A TCP
 * connection is set to end in a reset (SO_LINGER with 0) until its last byte is on its way, so that
 * a sender that fails or is killed never looks like the end of the file. */
#include "sockfile-send/raw.h"

#include "net/accept.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"
#include "run/timers.h"
#include "transfer/summary.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define EVENTS 64
#define MAX_PER_TURN ((size_t)4 * 1024 * 1024) /* for one receiver before the next has its turn */
#define CLOSE_TIMEOUT (10 * SKU_SECOND)	       /* for the peer's close, without --timeout */
#define POLL_INTERVAL (5 * SKU_MS)	       /* has the peer acknowledged all? */
#define ACCEPT_PAUSE (100 * SKU_MS)

enum raw_client_state {
	SENDING,
	CLOSING, /* our end is shut: the peer's close is waited for */
};

struct raw_client {
	struct sku_sock sock;
	struct sku_address peer;
	enum raw_client_state state;
	int64_t sent;
	bool peer_ended;	/* it sends no more */
	bool blocked;		/* its socket is full */
	bool waiting_for_input; /* the source has nothing to read yet */
	uint32_t watched;
	struct rate rate;
	int64_t started_ns;
	int64_t idle_at_ns; /* --timeout, or the end of the wait for the close */
	struct timer timer;
	struct raw_client *next, *prev;
};

struct raw_server {
	const struct send_config *config;
	struct source *source;
	struct listener *listener; /* NULL: there is one connection */
	int epoll_fd;
	struct timers timers;
	struct progress progress;
	struct raw_client *all;
	int64_t now;
	int64_t active, served;
	int64_t progress_bytes; /* for the bar; of receivers that broke off they do not count */
	int64_t idle_since_ns;
	int64_t accept_again_ns;
	bool accepting, watching_input, consumed, done;
	int status;
};

static char listener_tag, signals_tag, input_tag;

static void
stop_server(struct raw_server *server, int status)
{
	server->done = true;
	if (server->status == STATUS_OK)
		server->status = status;
}

/* ---- what epoll looks for ------------------------------------------------------------------ */

static void
watch(struct raw_server *server, struct raw_client *client)
{
	struct epoll_event event = { .data.ptr = client };

	/* Both halves are shut: epoll would report that for ever, and the timer looks. */
	if (client->peer_ended && client->state == CLOSING) {
		if (client->watched != 0)
			(void)epoll_ctl(
			    server->epoll_fd, EPOLL_CTL_DEL, sku_fileno(&client->sock), NULL);
		client->watched = 0;
		return;
	}
	event.events =
	    (client->peer_ended ? 0 : EPOLLIN) | (client->blocked ? EPOLLOUT : 0) | EPOLLERR;
	if (event.events == client->watched)
		return;
	if (epoll_ctl(server->epoll_fd, client->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		sku_fileno(&client->sock), &event) == 0)
		client->watched = event.events;
}

static void
watch_input(struct raw_server *server, bool wanted)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &input_tag };

	if (wanted == server->watching_input)
		return;
	if (epoll_ctl(server->epoll_fd, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, server->source->fd,
		&event) == 0)
		server->watching_input = wanted;
}

/* May another receiver be taken?  A source that can be read once has one, if any byte is gone. */
static bool
may_accept(const struct raw_server *server)
{
	int64_t max = server->config->connections;

	if (server->listener == NULL || server->done || server->accept_again_ns != 0)
		return false;
	if (!server->source->seekable && (server->active > 0 || server->consumed))
		return false;
	return max == -1 || server->served + server->active < max;
}

static void
update_accepting(struct raw_server *server)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &listener_tag };
	bool wanted = may_accept(server);

	if (wanted != server->accepting &&
	    epoll_ctl(server->epoll_fd, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
		sku_fileno(&server->listener->sock), &event) == 0)
		server->accepting = wanted;
}

/* ---- receivers come and go ----------------------------------------------------------------- */

static void
set_linger(struct raw_client *client, bool reset)
{
	const struct linger linger = { .l_onoff = reset, .l_linger = 0 };

	/* Where it means nothing (AF_UNIX) a part cannot be told from the whole: in the manual. */
	(void)sku_setsockopt(&client->sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static struct raw_client *
add_client(struct raw_server *server, struct sku_sock *sock, const struct sku_address *peer)
{
	struct raw_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		(void)sku_reset(sock);
		return NULL;
	}
	client->sock = *sock;
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	client->peer = *peer;
	client->rate.bytes_per_second = server->config->limit_rate;
	client->started_ns = server->now;
	client->idle_at_ns = INT64_MAX;
	set_linger(client, true);
	client->next = server->all;
	if (server->all != NULL)
		server->all->prev = client;
	server->all = client;
	server->active++;
	counter_add(&transfer_stats.connections, 1);
	return client;
}

static void
remove_client(struct raw_server *server, struct raw_client *client, bool reset)
{
	timer_clear(&server->timers, &client->timer);
	if (client->waiting_for_input)
		watch_input(server, false);
	if (client->prev != NULL)
		client->prev->next = client->next;
	else
		server->all = client->next;
	if (client->next != NULL)
		client->next->prev = client->prev;
	if (reset)
		(void)sku_reset(&client->sock);
	else
		(void)sku_close(&client->sock); /* the peer has all: nothing can be lost here */
	free(client);
	server->active--;
	counter_subtract(&transfer_stats.connections, 1);
	if (server->active == 0)
		server->idle_since_ns = server->now;
	update_accepting(server);
}

/* The receiver is lost.  With --listen the next may come; else that is the end. */
static void
fail_client(struct raw_server *server, struct raw_client *client, int errnum, const char *message)
{
	struct failure failure = { .status = STATUS_OK };
	char peer[PEER_TEXT_MAX];

	(void)failure_set(&failure, status_of_errno(errnum), errnum, message, "send to %s",
	    peer_text(&client->peer, peer));
	failure_add(&failure, "%lld bytes were sent", (long long)client->sent);
	if (client->sent > 0)
		server->consumed = true;
	if (server->listener == NULL || (server->consumed && !server->source->seekable) ||
	    server->listener->connected)
		stop_server(server, failure_report(&failure));
	else
		failure_note(&failure, &client->peer);
	server->progress_bytes -= client->sent;
	remove_client(server, client, true);
}

static void
fail_client_errno(struct raw_server *server, struct raw_client *client, int errnum)
{
	fail_client(server, client, errnum, NULL);
}

static void
timed_out(struct raw_server *server, struct raw_client *client)
{
	if (run.timeouts.operation_ns == 0)
		fail_client(server, client, EAGAIN, NULL);
	else if (client->state == CLOSING)
		fail_client(server, client, ETIMEDOUT,
		    "timed out before the peer had acknowledged all of it");
	else
		fail_client(server, client, ETIMEDOUT, NULL);
}

static void
complete_client(struct raw_server *server, struct raw_client *client)
{
	const struct transfer_result result = { .event = "sent",
		.name = server->source->name,
		.peer = &client->peer,
		.bytes = client->sent,
		.ns = server->now - client->started_ns,
		.remark = "" };

	source_note_growth(server->source);
	transfer_summary(&result);
	counter_add(&transfer_stats.transfers, 1);
	server->served++;
	if (server->listener == NULL || server->listener->connected || !server->source->seekable ||
	    server->served == server->config->connections)
		server->done = true;
	remove_client(server, client, false);
}

/* ---- sending ------------------------------------------------------------------------------- */

/* --timeout begins anew; not while it is we who wait (for input, or for --limit-rate). */
static void
restart_timeout(struct raw_server *server, struct raw_client *client)
{
	int64_t timeout_ns = run.timeouts.operation_ns, at;

	client->idle_at_ns =
	    client->blocked && timeout_ns != SKU_NO_TIMEOUT ? server->now + timeout_ns : INT64_MAX;
	at = client->idle_at_ns;
	if (!client->blocked && !client->waiting_for_input)
		at = client->rate.next_at_ns; /* its next turn, also where that has come */
	timer_clear(&server->timers, &client->timer);
	if (at != INT64_MAX && timer_set(&server->timers, &client->timer, at) == -1)
		fail_client_errno(server, client, ENOMEM);
}

/* Has the peer, by whatever sign, everything? */
static bool
all_acknowledged(const struct raw_client *client)
{
	int left = 0;

	return ioctl(sku_fileno(&client->sock), SIOCOUTQ, &left) == 0 && left == 0;
}

static void
begin_closing(struct raw_server *server, struct raw_client *client)
{
	int64_t timeout_ns = run.timeouts.operation_ns;

	if (source_check_end(server->source, client->sent) != STATUS_OK) {
		stop_server(server, STATUS_MISMATCH);
		return;
	}
	set_linger(client, false);
	if (sku_shutdown(&client->sock, SHUT_WR) == -1) {
		fail_client_errno(server, client, errno);
		return;
	}
	client->state = CLOSING;
	client->blocked = client->waiting_for_input = false;
	watch_input(server, false);
	client->idle_at_ns =
	    server->now + (timeout_ns == SKU_NO_TIMEOUT ? CLOSE_TIMEOUT : timeout_ns);
	watch(server, client);
	if (timer_set(&server->timers, &client->timer,
		client->peer_ended ? server->now + POLL_INTERVAL : client->idle_at_ns) == -1)
		fail_client_errno(server, client, ENOMEM);
}

static void
fail_input(struct raw_server *server, int errnum)
{
	stop_server(
	    server, msg_error_errno(STATUS_FAILED, errnum, "read %s", server->source->name));
}

static void
count_sent(struct raw_server *server, struct raw_client *client, int64_t sent)
{
	client->sent += sent;
	server->progress_bytes += sent;
	counter_add(&transfer_stats.bytes, (uint64_t)sent);
	rate_account(&client->rate, (size_t)sent, server->now);
}

static void
send_some(struct raw_server *server, struct raw_client *client)
{
	size_t max = rate_allowance(&client->rate, MAX_PER_TURN, server->now);
	enum source_result result = SOURCE_SENT;
	int64_t sent = 0;
	int errnum = 0;

	client->blocked = client->waiting_for_input = false;
	if (max > 0) {
		result = source_send(server->source, &client->sock, client->sent, max, &sent);
		errnum = errno;
		count_sent(server, client, sent);
	}
	switch (result) {
	case SOURCE_SENT:
		/* With room left in its socket, its next turn comes at once. */
		client->blocked = client->rate.bytes_per_second == UNLIMITED;
		break;
	case SOURCE_BLOCKED:
		client->blocked = true;
		break;
	case SOURCE_WAIT:
		client->waiting_for_input = true;
		break;
	case SOURCE_ENDED:
		begin_closing(server, client);
		return;
	case SOURCE_READ_FAILED:
		fail_input(server, errnum);
		return;
	case SOURCE_PEER_FAILED:
		fail_client_errno(server, client, errnum);
		return;
	}
	watch_input(server, client->waiting_for_input);
	watch(server, client);
	if (client->blocked && result == SOURCE_BLOCKED && sent == 0 &&
	    run.timeouts.operation_ns == 0)
		timed_out(server, client);
	else
		restart_timeout(server, client);
}

/* What a receiver sends is none of our business, but left unread it would turn our end into a
 * reset that takes bytes of ours with it.  False: the receiver is gone. */
static bool
discard_input(struct raw_server *server, struct raw_client *client)
{
	static char discarded[64 * 1024];
	ssize_t n = sku_recv(&client->sock, discarded, sizeof(discarded), 0);

	if (n > 0 || (n == -1 && errno == EAGAIN))
		return true;
	if (n == -1) {
		fail_client_errno(server, client, errno);
		return false;
	}
	client->peer_ended = true;
	if (client->state == CLOSING) {
		complete_client(server, client);
		return false;
	}
	watch(server, client);
	return true;
}

static int
pending_error(struct raw_client *client)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (sku_getsockopt(&client->sock, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return errno;
	return error;
}

static void
handle_client(struct raw_server *server, struct raw_client *client, uint32_t events)
{
	int error;

	if ((events & EPOLLIN) != 0) {
		if (!discard_input(server, client))
			return;
	} else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		error = pending_error(client);
		fail_client_errno(server, client, error != 0 ? error : EPIPE);
		return;
	}
	if (client->state == SENDING && (events & EPOLLOUT) != 0)
		send_some(server, client);
}

/* The peer's half ended before ours: only the acknowledgements tell. */
static void
check_acknowledged(struct raw_server *server, struct raw_client *client)
{
	int error = pending_error(client);

	if (error != 0)
		fail_client_errno(server, client, error);
	else if (all_acknowledged(client))
		complete_client(server, client);
	else if (server->now >= client->idle_at_ns)
		timed_out(server, client);
	else if (timer_set(&server->timers, &client->timer, server->now + POLL_INTERVAL) == -1)
		fail_client_errno(server, client, ENOMEM);
}

static void
client_due(struct raw_server *server, struct raw_client *client)
{
	if (client->state == CLOSING && client->peer_ended)
		check_acknowledged(server, client);
	else if (client->state == CLOSING && all_acknowledged(client))
		complete_client(server, client); /* it stays open, but it has everything */
	else if (server->now >= client->idle_at_ns)
		timed_out(server, client);
	else
		send_some(server, client);
}

/* ---- accepting ----------------------------------------------------------------------------- */

static void
accept_some(struct raw_server *server)
{
	struct sku_sock sock;
	struct sku_address peer;

	while (server->accepting && !server->done) {
		struct raw_client *client;

		switch (accept_connection(
		    server->listener, &server->config->peer.listen.access, &sock, &peer)) {
		case ACCEPT_NONE:
			return;
		case ACCEPT_FAILED:
			msg_note("accept: %s; the rest wait", strerror(errno));
			server->accept_again_ns = server->now + ACCEPT_PAUSE;
			update_accepting(server);
			return;
		case ACCEPT_REFUSED:
			server->idle_since_ns = server->now;
			continue;
		case ACCEPT_TAKEN:
			break;
		}
		server->idle_since_ns = server->now;
		peer_log(&peer, "accepted");
		client = add_client(server, &sock, &peer);
		update_accepting(server);
		if (client != NULL)
			send_some(server, client);
	}
}

/* ---- time ---------------------------------------------------------------------------------- */

static int64_t
accept_deadline(const struct raw_server *server)
{
	int64_t timeout_ns = run.timeouts.accept_ns;

	if (server->listener == NULL || server->active > 0 || timeout_ns == SKU_NO_TIMEOUT)
		return INT64_MAX;
	return server->idle_since_ns + timeout_ns;
}

static void
run_timers(struct raw_server *server)
{
	struct timer *timer;

	while (!server->done && (timer = timers_first(&server->timers)) != NULL &&
	       timer->at_ns <= server->now) {
		timer_clear(&server->timers, timer);
		client_due(
		    server, (struct raw_client *)(void *)((char *)timer -
							  offsetof(struct raw_client, timer)));
	}
	if (server->done)
		return;
	if (server->now >= run.timeouts.run.at_ns)
		stop_server(server, msg_error(STATUS_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)",
					"send %s", server->source->name));
	else if (server->now >= accept_deadline(server) && run.timeouts.accept_ns == 0)
		stop_server(server, msg_error_errno(STATUS_FAILED, EAGAIN, "accept"));
	else if (server->now >= accept_deadline(server))
		stop_server(server, msg_error(STATUS_TIMED_OUT, ETIMEDOUT,
					"timed out (--accept-timeout)", "accept"));
	if (server->accept_again_ns != 0 && server->now >= server->accept_again_ns) {
		server->accept_again_ns = 0;
		update_accepting(server);
	}
}

static int
poll_ms(const struct raw_server *server)
{
	const struct timer *timer = timers_first(&server->timers);
	int64_t at = run.timeouts.run.at_ns;

	if (accept_deadline(server) < at)
		at = accept_deadline(server);
	if (timer != NULL && timer->at_ns < at)
		at = timer->at_ns;
	if (server->accept_again_ns != 0 && server->accept_again_ns < at)
		at = server->accept_again_ns;
	if (server->progress.next_ns < at && server->active > 0)
		at = server->progress.next_ns;
	return sku_deadline_poll_ms((struct sku_deadline){ at });
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* Of the one receiver that waited for input. */
static void
input_ready(struct raw_server *server)
{
	for (struct raw_client *client = server->all; client != NULL; client = client->next) {
		if (client->waiting_for_input) {
			send_some(server, client);
			return;
		}
	}
}

static void
handle_event(struct raw_server *server, const struct epoll_event *event)
{
	if (event->data.ptr == &signals_tag) {
		server->done = server->done || run_signals() > 0;
	} else if (event->data.ptr == &listener_tag) {
		accept_some(server);
	} else if (event->data.ptr == &input_tag) {
		input_ready(server);
	} else {
		handle_client(server, event->data.ptr, event->events);
	}
}

static void
run_server(struct raw_server *server)
{
	struct epoll_event events[EVENTS];

	while (!server->done) {
		int n = epoll_wait(server->epoll_fd, events, EVENTS, poll_ms(server));

		server->now = sku_now();
		for (int i = 0; i < n && !server->done; i++) {
			handle_event(server, &events[i]);
			if (events[i].data.ptr == &input_tag)
				break; /* the receiver of another event may be gone now */
		}
		run_timers(server);
		progress_update(&server->progress, server->progress_bytes, server->now);
	}
}

static int
open_server(struct raw_server *server)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = &signals_tag };
	const struct source *source = server->source;
	int64_t total = source->length,
		times = server->listener != NULL ? server->config->connections : 1;

	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll_fd == -1 ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, run.cancel_fd, &event) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "prepare the event loop");
	if (source->length != SIZE_UNKNOWN)
		counter_set(&transfer_stats.size, (uint64_t)source->length);
	if (times == -1 || total == SIZE_UNKNOWN || __builtin_mul_overflow(total, times, &total))
		total = SIZE_UNKNOWN;
	progress_begin(&server->progress, server->config->progress, total);
	return STATUS_OK;
}

/* Whatever is still open was not served to its end: it is reset. */
static void
close_server(struct raw_server *server)
{
	progress_end(&server->progress, server->progress_bytes);
	server->done = true;
	while (server->all != NULL)
		remove_client(server, server->all, true);
	timers_free(&server->timers);
	if (server->epoll_fd != -1)
		(void)close(server->epoll_fd);
}

static void
add_first_client(struct raw_server *server, struct sku_sock *sock)
{
	struct sku_address peer;
	struct raw_client *client;

	if (sku_getpeername(sock, &peer) == -1)
		peer.len = 0;
	sku_address_unmap(&peer);
	if (sku_settimeout(sock, 0) == -1) {
		stop_server(
		    server, msg_error_errno(STATUS_FAILED, errno, "prepare the connection"));
		return;
	}
	client = add_client(server, sock, &peer);
	if (client == NULL)
		stop_server(server, msg_error_errno(STATUS_FAILED, ENOMEM, "send"));
	else
		send_some(server, client);
}

int
raw_send(const struct send_config *config, struct source *source, struct sku_sock *sock)
{
	struct raw_server server = {
		.config = config, .source = source, .epoll_fd = -1, .now = sku_now()
	};

	server.status = open_server(&server);
	if (server.status == STATUS_OK) {
		add_first_client(&server, sock);
		run_server(&server);
	}
	close_server(&server);
	return server.status;
}

int
raw_serve(const struct send_config *config, struct source *source, struct listener *listener)
{
	struct raw_server server = { .config = config,
		.source = source,
		.listener = listener,
		.epoll_fd = -1,
		.now = sku_now() };

	run_raise_descriptor_limit();
	(void)sku_setdefaulttimeout(0); /* accepted sockets inherit it */
	server.idle_since_ns = server.now;
	server.status = open_server(&server);
	if (server.status == STATUS_OK) {
		if (listener->connected)
			add_first_client(&server, &listener->sock);
		else
			update_accepting(&server);
		run_server(&server);
	}
	close_server(&server);
	return server.status;
}

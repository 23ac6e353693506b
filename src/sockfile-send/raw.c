/* raw.c - the file's bytes and nothing else, to one receiver or to many at once.
 * Row tool.
 *
 * One thread, level-triggered epoll; each receiver takes the file at its own pace.  A TCP
 * connection is set to end in a reset (SO_LINGER with 0) until its last byte is on its way, so that
 * a sender that fails or is killed never looks like the end of the file. */
#include "sockfile-send/raw.h"

#include "net/accept.h"
#include "run/descriptors.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/timers.h"
#include "transfer/tally.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define EVENTS 64
#define AT_ONCE ((size_t)4 * 1024 * 1024) /* for one receiver before the next has its turn */
#define CLOSE_PATIENCE (10 * SKU_SECOND)  /* for the peer's close, without --timeout */
#define LOOK_AGAIN (5 * SKU_MS)		  /* has the peer acknowledged all? */
#define ACCEPT_PAUSE (100 * SKU_MS)

enum outgoing_state {
	SENDING,
	CLOSING, /* our end is shut: the peer's close is waited for */
};

struct outgoing {
	struct sku_sock sock;
	struct sku_address peer;
	enum outgoing_state state;
	int64_t sent;
	bool peer_ended; /* it sends no more */
	bool blocked;	 /* its socket is full */
	bool starved;	 /* the source has nothing to read yet */
	uint32_t watched;
	struct cli_pace pace;
	int64_t started_ns;
	int64_t idle_at_ns; /* --timeout, or the end of the wait for the close */
	struct cli_timer timer;
	struct outgoing *next, *prev;
};

struct loop {
	const struct send_config *config;
	struct source *source;
	struct cli_end_signals *signals;
	struct cli_listener *listener; /* NULL: there is one connection */
	int epoll_fd;
	struct cli_timers timers;
	struct cli_progress progress;
	struct outgoing *all;
	int64_t now;
	int64_t active, served;
	int64_t shown; /* bytes, for the bar: of receivers that broke off they do not count */
	int64_t idle_since_ns;
	int64_t accept_again_ns;
	bool accepting, watching_input, consumed, done;
	int status;
};

static char listener_tag, signals_tag, input_tag;

static void
end(struct loop *loop, int status)
{
	loop->done = true;
	if (loop->status == CLI_OK)
		loop->status = status;
}

/* ---- what epoll looks for ------------------------------------------------------------------ */

static void
watch(struct loop *loop, struct outgoing *o)
{
	struct epoll_event event = { .data.ptr = o };

	/* Both halves are shut: epoll would report that for ever, and the timer looks. */
	if (o->peer_ended && o->state == CLOSING) {
		if (o->watched != 0)
			(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, sku_fileno(&o->sock), NULL);
		o->watched = 0;
		return;
	}
	event.events = (o->peer_ended ? 0 : EPOLLIN) | (o->blocked ? EPOLLOUT : 0) | EPOLLERR;
	if (event.events == o->watched)
		return;
	if (epoll_ctl(loop->epoll_fd, o->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		sku_fileno(&o->sock), &event) == 0)
		o->watched = event.events;
}

static void
watch_input(struct loop *loop, bool wanted)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &input_tag };

	if (wanted == loop->watching_input)
		return;
	if (epoll_ctl(loop->epoll_fd, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, loop->source->fd,
		&event) == 0)
		loop->watching_input = wanted;
}

/* May another receiver be taken?  A source that can be read once has one, if any byte is gone. */
static bool
wants_more(const struct loop *loop)
{
	int64_t most = loop->config->connections;

	if (loop->listener == NULL || loop->done || loop->accept_again_ns != 0)
		return false;
	if (!loop->source->seekable && (loop->active > 0 || loop->consumed))
		return false;
	return most == -1 || loop->served + loop->active < most;
}

static void
update_accepting(struct loop *loop)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &listener_tag };
	bool wanted = wants_more(loop);

	if (wanted != loop->accepting &&
	    epoll_ctl(loop->epoll_fd, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
		sku_fileno(&loop->listener->sock), &event) == 0)
		loop->accepting = wanted;
}

/* ---- receivers come and go ----------------------------------------------------------------- */

static void
set_linger(struct outgoing *o, bool reset)
{
	const struct linger linger = { .l_onoff = reset, .l_linger = 0 };

	/* Where it means nothing (AF_UNIX) a part cannot be told from the whole: in the manual. */
	(void)sku_setsockopt(&o->sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static struct outgoing *
add_receiver(struct loop *loop, struct sku_sock *sock, const struct sku_address *peer)
{
	struct outgoing *o = calloc(1, sizeof(*o));

	if (o == NULL) {
		(void)sku_reset(sock);
		return NULL;
	}
	o->sock = *sock;
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	o->peer = *peer;
	o->pace.rate = loop->config->limit_rate;
	o->started_ns = loop->now;
	o->idle_at_ns = INT64_MAX;
	set_linger(o, true);
	o->next = loop->all;
	if (loop->all != NULL)
		loop->all->prev = o;
	loop->all = o;
	loop->active++;
	cli_count_up(&transfer_tally.connections, 1);
	return o;
}

static void
remove_receiver(struct loop *loop, struct outgoing *o, bool reset)
{
	cli_timer_clear(&loop->timers, &o->timer);
	if (o->starved)
		watch_input(loop, false);
	if (o->prev != NULL)
		o->prev->next = o->next;
	else
		loop->all = o->next;
	if (o->next != NULL)
		o->next->prev = o->prev;
	if (reset)
		(void)sku_reset(&o->sock);
	else
		(void)sku_close(&o->sock); /* the peer has all: nothing can be lost here */
	free(o);
	loop->active--;
	cli_count_down(&transfer_tally.connections, 1);
	if (loop->active == 0)
		loop->idle_since_ns = loop->now;
	update_accepting(loop);
}

/* The receiver is lost.  With --listen the next may come; else that is the end. */
static void
break_off(struct loop *loop, struct outgoing *o, int errnum, const char *message)
{
	struct transfer_failure failure = { .status = CLI_OK };
	char peer[CLI_PEER_TEXT_MAX];

	(void)transfer_fail(&failure, cli_status_of_errno(errnum), errnum, message, "send to %s",
	    cli_peer_text(&o->peer, peer));
	transfer_failure_add(&failure, "%lld bytes were sent", (long long)o->sent);
	if (o->sent > 0)
		loop->consumed = true;
	if (loop->listener == NULL || (loop->consumed && !loop->source->seekable) ||
	    loop->listener->connected)
		end(loop, transfer_failure_error(&failure));
	else
		transfer_failure_note(&failure, &o->peer);
	loop->shown -= o->sent;
	remove_receiver(loop, o, true);
}

static void
lost(struct loop *loop, struct outgoing *o, int errnum)
{
	break_off(loop, o, errnum, NULL);
}

static void
timed_out(struct loop *loop, struct outgoing *o)
{
	if (loop->config->link.limits.timeout_ns == 0)
		break_off(loop, o, EAGAIN, NULL);
	else if (o->state == CLOSING)
		break_off(
		    loop, o, ETIMEDOUT, "timed out before the peer had acknowledged all of it");
	else
		break_off(loop, o, ETIMEDOUT, NULL);
}

static void
finished(struct loop *loop, struct outgoing *o)
{
	const struct transfer_result result = { .event = "sent",
		.name = loop->source->name,
		.peer = &o->peer,
		.bytes = o->sent,
		.ns = loop->now - o->started_ns,
		.remark = "" };

	source_note_growth(loop->source);
	transfer_report(&result);
	cli_count_up(&transfer_tally.transfers, 1);
	loop->served++;
	if (loop->listener == NULL || loop->listener->connected || !loop->source->seekable ||
	    loop->served == loop->config->connections)
		loop->done = true;
	remove_receiver(loop, o, false);
}

/* ---- sending ------------------------------------------------------------------------------- */

/* --timeout begins anew; not while it is we who wait (for input, or for --limit-rate). */
static void
arm(struct loop *loop, struct outgoing *o)
{
	int64_t timeout_ns = loop->config->link.limits.timeout_ns, at;

	o->idle_at_ns =
	    o->blocked && timeout_ns != SKU_NO_TIMEOUT ? loop->now + timeout_ns : INT64_MAX;
	at = o->idle_at_ns;
	if (!o->blocked && !o->starved)
		at = o->pace.paid_until_ns; /* its next turn, also where that has come */
	cli_timer_clear(&loop->timers, &o->timer);
	if (at != INT64_MAX && cli_timer_set(&loop->timers, &o->timer, at) == -1)
		lost(loop, o, ENOMEM);
}

/* Has the peer, by whatever sign, everything? */
static bool
all_acknowledged(const struct outgoing *o)
{
	int left = 0;

	return ioctl(sku_fileno(&o->sock), SIOCOUTQ, &left) == 0 && left == 0;
}

static void
begin_closing(struct loop *loop, struct outgoing *o)
{
	int64_t timeout_ns = loop->config->link.limits.timeout_ns;

	if (source_check_end(loop->source, o->sent) != CLI_OK) {
		end(loop, CLI_MISMATCH);
		return;
	}
	set_linger(o, false);
	if (sku_shutdown(&o->sock, SHUT_WR) == -1) {
		lost(loop, o, errno);
		return;
	}
	o->state = CLOSING;
	o->blocked = o->starved = false;
	watch_input(loop, false);
	o->idle_at_ns = loop->now + (timeout_ns == SKU_NO_TIMEOUT ? CLOSE_PATIENCE : timeout_ns);
	watch(loop, o);
	if (cli_timer_set(&loop->timers, &o->timer,
		o->peer_ended ? loop->now + LOOK_AGAIN : o->idle_at_ns) == -1)
		lost(loop, o, ENOMEM);
}

static void
read_failed(struct loop *loop, int errnum)
{
	end(loop, cli_error_errno(CLI_FAILED, errnum, "read %s", loop->source->name));
}

static void
account(struct loop *loop, struct outgoing *o, int64_t sent)
{
	o->sent += sent;
	loop->shown += sent;
	cli_count_up(&transfer_tally.bytes, (uint64_t)sent);
	cli_pace_pay(&o->pace, (size_t)sent, loop->now);
}

static void
send_some(struct loop *loop, struct outgoing *o)
{
	size_t most = cli_pace_room(&o->pace, AT_ONCE, loop->now);
	enum source_news news = SOURCE_SENT;
	int64_t sent = 0;
	int errnum = 0;

	o->blocked = o->starved = false;
	if (most > 0) {
		news = source_send(loop->source, &o->sock, o->sent, most, &sent);
		errnum = errno;
		account(loop, o, sent);
	}
	switch (news) {
	case SOURCE_SENT:
		/* With room left in its socket, its next turn comes at once. */
		o->blocked = o->pace.rate == CLI_NO_RATE;
		break;
	case SOURCE_BLOCKED:
		o->blocked = true;
		break;
	case SOURCE_EMPTY:
		o->starved = true;
		break;
	case SOURCE_ENDED:
		begin_closing(loop, o);
		return;
	case SOURCE_READ_FAILED:
		read_failed(loop, errnum);
		return;
	case SOURCE_PEER_FAILED:
		lost(loop, o, errnum);
		return;
	}
	watch_input(loop, o->starved);
	watch(loop, o);
	if (o->blocked && news == SOURCE_BLOCKED && sent == 0 &&
	    loop->config->link.limits.timeout_ns == 0)
		timed_out(loop, o);
	else
		arm(loop, o);
}

/* What a receiver sends is none of our business, but left unread it would turn our end into a
 * reset that takes bytes of ours with it.  False: the receiver is gone. */
static bool
read_away(struct loop *loop, struct outgoing *o)
{
	static char rubbish[64 * 1024];
	ssize_t n = sku_recv(&o->sock, rubbish, sizeof(rubbish), 0);

	if (n > 0 || (n == -1 && errno == EAGAIN))
		return true;
	if (n == -1) {
		lost(loop, o, errno);
		return false;
	}
	o->peer_ended = true;
	if (o->state == CLOSING) {
		finished(loop, o);
		return false;
	}
	watch(loop, o);
	return true;
}

static int
pending_error(struct outgoing *o)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (sku_getsockopt(&o->sock, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return errno;
	return error;
}

static void
handle_receiver(struct loop *loop, struct outgoing *o, uint32_t events)
{
	int error;

	if ((events & EPOLLIN) != 0) {
		if (!read_away(loop, o))
			return;
	} else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		error = pending_error(o);
		lost(loop, o, error != 0 ? error : EPIPE);
		return;
	}
	if (o->state == SENDING && (events & EPOLLOUT) != 0)
		send_some(loop, o);
}

/* The peer's half ended before ours: only the acknowledgements tell. */
static void
look_again(struct loop *loop, struct outgoing *o)
{
	int error = pending_error(o);

	if (error != 0)
		lost(loop, o, error);
	else if (all_acknowledged(o))
		finished(loop, o);
	else if (loop->now >= o->idle_at_ns)
		timed_out(loop, o);
	else if (cli_timer_set(&loop->timers, &o->timer, loop->now + LOOK_AGAIN) == -1)
		lost(loop, o, ENOMEM);
}

static void
wake(struct loop *loop, struct outgoing *o)
{
	if (o->state == CLOSING && o->peer_ended)
		look_again(loop, o);
	else if (o->state == CLOSING && all_acknowledged(o))
		finished(loop, o); /* it stays open, but it has everything */
	else if (loop->now >= o->idle_at_ns)
		timed_out(loop, o);
	else
		send_some(loop, o);
}

/* ---- accepting ----------------------------------------------------------------------------- */

static void
accept_some(struct loop *loop)
{
	struct sku_sock sock;
	struct sku_address peer;

	while (loop->accepting && !loop->done) {
		struct outgoing *o;

		switch (
		    cli_accept(loop->listener, &loop->config->link.listen.access, &sock, &peer)) {
		case CLI_ACCEPT_NONE:
			return;
		case CLI_ACCEPT_FAILED:
			cli_note("accept: %s; the rest wait", strerror(errno));
			loop->accept_again_ns = loop->now + ACCEPT_PAUSE;
			update_accepting(loop);
			return;
		case CLI_ACCEPT_REFUSED:
			loop->idle_since_ns = loop->now;
			continue;
		case CLI_ACCEPT_TAKEN:
			break;
		}
		loop->idle_since_ns = loop->now;
		cli_log_peer(&peer, "accepted");
		o = add_receiver(loop, &sock, &peer);
		update_accepting(loop);
		if (o != NULL)
			send_some(loop, o);
	}
}

/* ---- time ---------------------------------------------------------------------------------- */

static int64_t
accept_deadline(const struct loop *loop)
{
	int64_t timeout_ns = loop->config->link.listen.accept_timeout_ns;

	if (loop->listener == NULL || loop->active > 0 || timeout_ns == SKU_NO_TIMEOUT)
		return INT64_MAX;
	return loop->idle_since_ns + timeout_ns;
}

static void
run_timers(struct loop *loop)
{
	struct cli_timer *timer;

	while (!loop->done && (timer = cli_timers_first(&loop->timers)) != NULL &&
	       timer->at_ns <= loop->now) {
		cli_timer_clear(&loop->timers, timer);
		wake(loop,
		    (struct outgoing *)(void *)((char *)timer - offsetof(struct outgoing, timer)));
	}
	if (loop->done)
		return;
	if (loop->now >= loop->config->link.limits.run.at_ns)
		end(loop, cli_error(CLI_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)", "send %s",
			      loop->source->name));
	else if (loop->now >= accept_deadline(loop) &&
		 loop->config->link.listen.accept_timeout_ns == 0)
		end(loop, cli_error_errno(CLI_FAILED, EAGAIN, "accept"));
	else if (loop->now >= accept_deadline(loop))
		end(loop,
		    cli_error(CLI_TIMED_OUT, ETIMEDOUT, "timed out (--accept-timeout)", "accept"));
	if (loop->accept_again_ns != 0 && loop->now >= loop->accept_again_ns) {
		loop->accept_again_ns = 0;
		update_accepting(loop);
	}
}

static int
poll_ms(const struct loop *loop)
{
	const struct cli_timer *timer = cli_timers_first(&loop->timers);
	int64_t at = loop->config->link.limits.run.at_ns;

	if (accept_deadline(loop) < at)
		at = accept_deadline(loop);
	if (timer != NULL && timer->at_ns < at)
		at = timer->at_ns;
	if (loop->accept_again_ns != 0 && loop->accept_again_ns < at)
		at = loop->accept_again_ns;
	if (loop->progress.next_ns < at && loop->active > 0)
		at = loop->progress.next_ns;
	return sku_deadline_poll_ms((struct sku_deadline){ at });
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* Of the one receiver that waited for input. */
static void
input_came(struct loop *loop)
{
	for (struct outgoing *o = loop->all; o != NULL; o = o->next) {
		if (o->starved) {
			send_some(loop, o);
			return;
		}
	}
}

static void
handle_event(struct loop *loop, const struct epoll_event *event)
{
	if (event->data.ptr == &signals_tag) {
		cli_end_signals_read(loop->signals);
		loop->done = true;
	} else if (event->data.ptr == &listener_tag) {
		accept_some(loop);
	} else if (event->data.ptr == &input_tag) {
		input_came(loop);
	} else {
		handle_receiver(loop, event->data.ptr, event->events);
	}
}

static void
run(struct loop *loop)
{
	struct epoll_event events[EVENTS];

	while (!loop->done) {
		int n = epoll_wait(loop->epoll_fd, events, EVENTS, poll_ms(loop));

		loop->now = sku_now();
		for (int i = 0; i < n && !loop->done; i++) {
			handle_event(loop, &events[i]);
			if (events[i].data.ptr == &input_tag)
				break; /* the receiver of another event may be gone now */
		}
		run_timers(loop);
		cli_progress_update(&loop->progress, loop->shown, loop->now);
	}
}

static int
open_loop(struct loop *loop)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &signals_tag };
	const struct source *source = loop->source;
	int64_t total = source->length,
		times = loop->listener != NULL ? loop->config->connections : 1;

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd == -1 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->signals->fd, &event) == -1)
		return cli_error_errno(CLI_FAILED, errno, "prepare the event loop");
	if (source->length != SOURCE_UNKNOWN)
		cli_counter_set(&transfer_tally.size, (uint64_t)source->length);
	if (times == -1 || total == SOURCE_UNKNOWN || __builtin_mul_overflow(total, times, &total))
		total = CLI_TOTAL_UNKNOWN;
	cli_progress_begin(&loop->progress, loop->config->progress, total);
	return CLI_OK;
}

/* Whatever is still open was not served to its end: it is reset. */
static void
close_loop(struct loop *loop)
{
	cli_progress_end(&loop->progress, loop->shown);
	loop->done = true;
	while (loop->all != NULL)
		remove_receiver(loop, loop->all, true);
	cli_timers_free(&loop->timers);
	if (loop->epoll_fd != -1)
		(void)close(loop->epoll_fd);
}

static void
start_with(struct loop *loop, struct sku_sock *sock)
{
	struct sku_address peer;
	struct outgoing *o;

	if (sku_getpeername(sock, &peer) == -1)
		peer.len = 0;
	sku_address_unmap(&peer);
	if (sku_settimeout(sock, 0) == -1) {
		end(loop, cli_error_errno(CLI_FAILED, errno, "prepare the connection"));
		return;
	}
	o = add_receiver(loop, sock, &peer);
	if (o == NULL)
		end(loop, cli_error_errno(CLI_FAILED, ENOMEM, "send"));
	else
		send_some(loop, o);
}

int
raw_send(const struct send_config *config, struct source *source, struct sku_sock *sock,
    struct cli_end_signals *signals)
{
	struct loop loop = { .config = config,
		.source = source,
		.signals = signals,
		.epoll_fd = -1,
		.now = sku_now() };

	loop.status = open_loop(&loop);
	if (loop.status == CLI_OK) {
		start_with(&loop, sock);
		run(&loop);
	}
	close_loop(&loop);
	return loop.status;
}

int
raw_serve(const struct send_config *config, struct source *source, struct cli_listener *listener,
    struct cli_end_signals *signals)
{
	struct loop loop = { .config = config,
		.source = source,
		.signals = signals,
		.listener = listener,
		.epoll_fd = -1,
		.now = sku_now() };

	cli_raise_descriptor_limit();
	(void)sku_setdefaulttimeout(0); /* accepted sockets inherit it */
	loop.idle_since_ns = loop.now;
	loop.status = open_loop(&loop);
	if (loop.status == CLI_OK) {
		if (listener->connected)
			start_with(&loop, &listener->sock);
		else
			update_accepting(&loop);
		run(&loop);
	}
	close_loop(&loop);
	return loop.status;
}

/* lobby.c - where callers wait until their first bytes say what they are.
 * Row tool. */
#include "sockfile-recv/lobby.h"

#include "net/accept.h"
#include "run/message.h"
#include "sockfile-recv/caller.h"
#include "sockfile-recv/raw.h"
#include "sockfile-recv/reception.h"
#include "transfer/tally.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define SEATS 64
#define THREADS_MAX 32 /* each has ten seconds to show that it is no stranger */
#define ACCEPT_PAUSE (100 * SKU_MS)

struct lobby {
	const struct recv_config *config;
	struct cli_listener *listener;	     /* NULL: we connect */
	const struct lobby_dialler *dialler; /* NULL: we listen */
	struct target *target;
	struct cli_end_signals *signals;
	struct cli_progress progress;
	struct transfer_waits waits;	     /* of a raw transfer, which is done here */
	struct transfer_waits session_waits; /* of the threads, which do not draw */
	struct transfer_failure failure;
	struct reception reception;   /* what is verified */
	struct caller callers[SEATS]; /* in the order in which they came */
	size_t count;
	int64_t idle_since_ns;	 /* nobody is here */
	int64_t accept_again_ns; /* out of descriptors until then */
	bool done;
	int status;
};

static void
end(struct lobby *lobby, int status)
{
	lobby->done = true;
	lobby->status = status;
}

/* ---- callers come and go ------------------------------------------------------------------- */

static void
dismiss(struct lobby *lobby, size_t i, bool reset)
{
	if (reset)
		(void)sku_reset(&lobby->callers[i].sock);
	else
		(void)sku_close(&lobby->callers[i].sock); /* it has ended: nothing is lost */
	lobby->count--;
	(void)memmove(&lobby->callers[i], &lobby->callers[i + 1],
	    (lobby->count - i) * sizeof(lobby->callers[0]));
	cli_count_down(&transfer_tally.connections, 1);
	if (lobby->count == 0)
		lobby->idle_since_ns = sku_now();
}

/* It cannot be attended to.  Where it is the only one that there is, that is the end. */
static void
turn_away(struct lobby *lobby, size_t i, int errnum)
{
	if (lobby->listener == NULL || lobby->listener->connected)
		end(lobby, cli_error(CLI_FAILED, errnum, strerror(errnum), "%s",
			       "prepare the connection"));
	else
		cli_note("%s: turned away: %s", lobby->callers[i].text, strerror(errnum));
	dismiss(lobby, i, true);
}

/* A thread talks to it from here on, and may be at the end already; its seat is free. */
static void
hand_over(struct lobby *lobby, size_t i)
{
	if (reception_start(&lobby->reception, &lobby->callers[i], lobby->listener == NULL) == -1) {
		turn_away(lobby, i, errno);
		return;
	}
	lobby->callers[i].sock = (struct sku_sock)SKU_SOCK_INIT;
	dismiss(lobby, i, false);
	cli_count_up(&transfer_tally.connections, 1);
	if (!lobby->progress.active)
		cli_progress_begin(&lobby->progress, lobby->config->progress, CLI_TOTAL_UNKNOWN);
}

static size_t
threads(struct lobby *lobby)
{
	size_t n;

	(void)pthread_mutex_lock(&lobby->reception.crew.lock);
	n = lobby->reception.crew.count;
	(void)pthread_mutex_unlock(&lobby->reception.crew.lock);
	return n;
}

/* Somebody new; when every seat is taken, whoever has been silent longest gives up his. */
static void
seat(struct lobby *lobby, struct sku_sock *sock, const struct sku_address *peer)
{
	if (lobby->count == SEATS) {
		cli_note("%s: said nothing, and its place is needed", lobby->callers[0].text);
		dismiss(lobby, 0, true);
	}
	cli_count_up(&transfer_tally.connections, 1);
	if (caller_init(&lobby->callers[lobby->count++], sock, peer) == -1)
		turn_away(lobby, lobby->count - 1, errno);
	else if (lobby->config->verify)
		hand_over(lobby, lobby->count - 1); /* whatever it is, it must know the protocol */
}

static void
accept_some(struct lobby *lobby)
{
	struct sku_sock sock;
	struct sku_address peer;

	while (threads(lobby) < THREADS_MAX) {
		switch (
		    cli_accept(lobby->listener, &lobby->config->link.listen.access, &sock, &peer)) {
		case CLI_ACCEPT_NONE:
			return;
		case CLI_ACCEPT_FAILED:
			cli_note("accept: %s; the rest wait", strerror(errno));
			lobby->accept_again_ns = sku_now() + ACCEPT_PAUSE;
			return;
		case CLI_ACCEPT_REFUSED:
			lobby->idle_since_ns = sku_now();
			break;
		case CLI_ACCEPT_TAKEN:
			cli_log_peer(&peer, "accepted");
			seat(lobby, &sock, &peer);
			break;
		}
	}
}

/* The one connection that there is. */
static void
seat_only(struct lobby *lobby, struct sku_sock *sock)
{
	struct sku_address peer;

	if (sku_getpeername(sock, &peer) == -1)
		peer.len = 0;
	seat(lobby, sock, &peer);
}

static void
dial(struct lobby *lobby, bool again)
{
	struct sku_sock sock = SKU_SOCK_INIT;
	int status = lobby->dialler->dial(lobby->dialler->arg, &sock, again);

	if (status != CLI_OK)
		end(lobby, status);
	else
		seat_only(lobby, &sock);
}

/* ---- what a caller turns out to be --------------------------------------------------------- */

/* This is the one: whoever else is here, or comes now, is not kept waiting for nothing. */
static void
take_raw(struct lobby *lobby, size_t i)
{
	struct caller caller = lobby->callers[i];
	int64_t total = lobby->config->size;

	lobby->callers[i].sock = (struct sku_sock)SKU_SOCK_INIT;
	while (lobby->count > 0)
		dismiss(lobby, 0, true);
	cli_counter_set(&transfer_tally.connections, 1);
	if (lobby->listener != NULL && lobby->config->link.listen.fd == -1)
		(void)sku_shutdown(&lobby->listener->sock, SHUT_RDWR);
	if (total != NO_LIMIT)
		cli_counter_set(&transfer_tally.size, (uint64_t)total);
	cli_progress_begin(&lobby->progress, lobby->config->progress,
	    total == NO_LIMIT ? CLI_TOTAL_UNKNOWN : total);
	if (target_open_part(lobby->target, true, &lobby->failure) == CLI_OK &&
	    raw_receive(lobby->config, &caller, lobby->target, &lobby->waits, &lobby->failure) ==
		CLI_OK) {
		end(lobby, CLI_OK);
		return;
	}
	(void)sku_reset(&caller.sock);
	cli_progress_end(&lobby->progress, lobby->target->written);
	end(lobby, transfer_failure_error(&lobby->failure));
}

static void
receive_raw(struct lobby *lobby, size_t i)
{
	if (threads(lobby) > 0) {
		cli_note("%s: turned away: another transfer is under way", lobby->callers[i].text);
		dismiss(lobby, i, true);
		return;
	}
	take_raw(lobby, i);
}

/* A probe, or a lost race of Happy Eyeballs: no transfer. */
static void
came_to_nothing(struct lobby *lobby, size_t i, int errnum)
{
	struct caller *caller = &lobby->callers[i];

	if (lobby->listener != NULL && !lobby->listener->connected) {
		cli_note("%s: ended without a byte%s%s: the next one is awaited", caller->text,
		    errnum != 0 ? ": " : "", errnum != 0 ? strerror(errnum) : "");
		dismiss(lobby, i, false);
		return;
	}
	if (errnum != 0)
		(void)transfer_fail_peer(&lobby->failure, errnum, &lobby->config->link.limits.run,
		    "receive from %s", caller->text);
	else
		(void)transfer_fail(&lobby->failure, CLI_MISMATCH, 0,
		    "it ended without a byte (--size 0 says that an empty file is meant)",
		    "receive from %s", caller->text);
	end(lobby, transfer_failure_error(&lobby->failure));
}

static void
attend(struct lobby *lobby, size_t i)
{
	switch (caller_look(&lobby->callers[i])) {
	case CALLER_SILENT:
	case CALLER_BEGUN:
		return;
	case CALLER_VERIFIED:
		hand_over(lobby, i);
		return;
	case CALLER_EMPTY:
		if (lobby->config->size == 0)
			receive_raw(lobby, i);
		else
			came_to_nothing(lobby, i, 0);
		return;
	case CALLER_LOST:
		came_to_nothing(lobby, i, errno);
		return;
	case CALLER_RAW:
		receive_raw(lobby, i);
		return;
	}
}

/* ---- time ---------------------------------------------------------------------------------- */

static int64_t
silence_ends_at(const struct lobby *lobby)
{
	int64_t timeout_ns = lobby->config->link.limits.timeout_ns;

	if (lobby->count == 0 || timeout_ns == SKU_NO_TIMEOUT)
		return INT64_MAX;
	return lobby->callers[0].since_ns + timeout_ns;
}

/* Of nobody but him, it is the end; while another transfer goes on, it is only his. */
static void
silent_too_long(struct lobby *lobby, int errnum)
{
	const char *who = lobby->callers[0].text;

	if (threads(lobby) == 0) {
		end(lobby, cli_error_peer(errnum, "receive from %s", who));
		return;
	}
	cli_note("%s: said nothing, and is turned away", who);
	dismiss(lobby, 0, true);
}

static int64_t
accept_deadline(struct lobby *lobby)
{
	int64_t timeout_ns = lobby->config->link.listen.accept_timeout_ns;

	if (lobby->listener == NULL || lobby->listener->connected || lobby->count > 0 ||
	    timeout_ns == SKU_NO_TIMEOUT || threads(lobby) > 0)
		return INT64_MAX;
	return lobby->idle_since_ns + timeout_ns;
}

static void
run_deadlines(struct lobby *lobby)
{
	const struct cli_limits *limits = &lobby->config->link.limits;
	int64_t now = sku_now();

	if (now >= limits->run.at_ns && threads(lobby) == 0) {
		end(lobby, cli_error(CLI_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)", "%s",
			       "wait for a sender"));
	} else if (now >= accept_deadline(lobby)) {
		end(lobby, lobby->config->link.listen.accept_timeout_ns == 0 ?
			       cli_error_errno(CLI_FAILED, EAGAIN, "accept") :
			       cli_error(CLI_TIMED_OUT, ETIMEDOUT, "timed out (--accept-timeout)",
				   "accept"));
	} else if (now >= silence_ends_at(lobby)) {
		silent_too_long(lobby, limits->timeout_ns == 0 ? EAGAIN : ETIMEDOUT);
	}
	if (now >= lobby->accept_again_ns)
		lobby->accept_again_ns = 0;
	for (size_t i = lobby->count; i-- > 0 && !lobby->done;) {
		if (lobby->callers[i].look_at_ns != 0 && now >= lobby->callers[i].look_at_ns) {
			lobby->callers[i].look_at_ns = 0;
			attend(lobby, i);
		}
	}
}

static int
poll_ms(struct lobby *lobby)
{
	int64_t at = accept_deadline(lobby);

	if (threads(lobby) == 0 && lobby->config->link.limits.run.at_ns < at)
		at = lobby->config->link.limits.run.at_ns;
	if (silence_ends_at(lobby) < at)
		at = silence_ends_at(lobby);
	if (lobby->accept_again_ns != 0 && lobby->accept_again_ns < at)
		at = lobby->accept_again_ns;
	if (lobby->progress.next_ns < at && threads(lobby) > 0)
		at = lobby->progress.next_ns;
	if (reception_over_at(&lobby->reception) < at)
		at = reception_over_at(&lobby->reception);
	for (size_t i = 0; i < lobby->count; i++) {
		if (lobby->callers[i].look_at_ns != 0 && lobby->callers[i].look_at_ns < at)
			at = lobby->callers[i].look_at_ns;
	}
	return sku_deadline_poll_ms((struct sku_deadline){ at });
}

/* ---- verified transfers, which go on in threads --------------------------------------------- */

static void
draw(struct lobby *lobby)
{
	uint64_t size = cli_counter_value(&transfer_tally.size);

	if (!lobby->progress.active)
		return;
	lobby->progress.total = size == CLI_COUNTER_UNKNOWN ? CLI_TOTAL_UNKNOWN : (int64_t)size;
	cli_progress_update(
	    &lobby->progress, (int64_t)cli_counter_value(&transfer_tally.bytes), sku_now());
}

/* Has a connection ended, and with it what is wanted? */
static void
take_stock(struct lobby *lobby)
{
	struct reception *r = &lobby->reception;
	bool over, again;
	size_t count;

	crew_heard(&r->crew);
	(void)pthread_mutex_lock(&r->crew.lock);
	count = r->crew.count;
	if (sku_now() >= r->over_at_ns && count == 0)
		r->over = true;
	over = r->over && count == 0;
	again = r->again;
	(void)pthread_mutex_unlock(&r->crew.lock);
	cli_counter_set(&transfer_tally.connections, lobby->count + count);
	if (count == 0 && lobby->count == 0)
		lobby->idle_since_ns = sku_now();
	if (over)
		end(lobby, r->status);
	else if (count == 0 && lobby->count == 0 && again && lobby->dialler != NULL)
		dial(lobby, true);
	else if (count == 0 && lobby->count == 0 &&
		 (lobby->dialler != NULL || lobby->listener->connected))
		end(lobby, r->status != CLI_OK ? r->status : (int)CLI_NO_PEER);
}

/* ---- the loop ------------------------------------------------------------------------------ */

enum { SIGNALS, LISTENER, THREADS, CALLERS };

static void
take_events(struct lobby *lobby, const struct pollfd *pfds)
{
	size_t gone = 0, count = lobby->count;

	if (pfds[SIGNALS].revents != 0) {
		lobby->done = true; /* and the program dies of it */
		return;
	}
	for (size_t i = 0; i < count && !lobby->done; i++) {
		size_t before = lobby->count;

		if (pfds[CALLERS + i].revents != 0)
			attend(lobby, i - gone);
		gone += before - lobby->count;
	}
	if (pfds[LISTENER].revents != 0 && !lobby->done)
		accept_some(lobby);
	if (pfds[THREADS].revents != 0 && !lobby->done)
		take_stock(lobby);
}

static void
run(struct lobby *lobby)
{
	struct pollfd pfds[CALLERS + SEATS];

	while (!lobby->done) {
		bool accepting = lobby->listener != NULL && !lobby->listener->connected &&
				 lobby->accept_again_ns == 0 && threads(lobby) < THREADS_MAX;
		int n;

		pfds[SIGNALS] = (struct pollfd){ lobby->signals->fd, POLLIN, 0 };
		pfds[LISTENER] =
		    (struct pollfd){ accepting ? sku_fileno(&lobby->listener->sock) : -1, POLLIN,
			    0 };
		pfds[THREADS] = (struct pollfd){ lobby->reception.crew.wake_fd, POLLIN, 0 };
		for (size_t i = 0; i < lobby->count; i++) {
			const struct caller *c = &lobby->callers[i];

			pfds[CALLERS + i] =
			    (struct pollfd){ c->look_at_ns == 0 ? sku_fileno(&c->sock) : -1, POLLIN,
				    0 };
		}
		n = poll(pfds, CALLERS + lobby->count, poll_ms(lobby));
		if (n > 0)
			take_events(lobby, pfds);
		if (!lobby->done)
			run_deadlines(lobby);
		if (!lobby->done && sku_now() >= reception_over_at(&lobby->reception))
			take_stock(lobby);
		draw(lobby);
	}
}

static int
serve(struct lobby *lobby)
{
	const struct cli_limits *limits = &lobby->config->link.limits;
	int status;

	lobby->waits = (struct transfer_waits){ .limits = limits,
		.signal_fd = lobby->signals->fd,
		.progress = &lobby->progress,
		.done = &transfer_tally.bytes };
	lobby->session_waits =
	    (struct transfer_waits){ .limits = limits, .signal_fd = lobby->signals->fd };
	lobby->progress.next_ns = INT64_MAX;
	lobby->idle_since_ns = sku_now();
	status =
	    reception_open(&lobby->reception, lobby->config, lobby->target, &lobby->session_waits);
	if (status == CLI_OK) {
		if (lobby->dialler != NULL)
			dial(lobby, false);
		else if (lobby->listener->connected)
			seat_only(lobby, &lobby->listener->sock);
		run(lobby);
	} else {
		end(lobby, status);
	}
	while (lobby->count > 0)
		dismiss(lobby, 0, true);
	reception_close(&lobby->reception);
	cli_progress_end(&lobby->progress, (int64_t)cli_counter_value(&transfer_tally.bytes));
	cli_end_signals_read(lobby->signals);
	return lobby->status;
}

int
lobby_serve(const struct recv_config *config, struct cli_listener *listener, struct target *target,
    struct cli_end_signals *signals)
{
	struct lobby lobby = {
		.config = config, .listener = listener, .target = target, .signals = signals
	};

	(void)sku_setdefaulttimeout(0); /* accepted sockets inherit it */
	return serve(&lobby);
}

int
lobby_call(const struct recv_config *config, const struct lobby_dialler *dialler,
    struct target *target, struct cli_end_signals *signals)
{
	struct lobby lobby = {
		.config = config, .dialler = dialler, .target = target, .signals = signals
	};

	return serve(&lobby);
}

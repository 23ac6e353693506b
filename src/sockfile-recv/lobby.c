/* lobby.c - where callers wait until their first bytes say what they are.
 * Row tool. */
#include "lobby.h"

#include "accept.h"
#include "caller.h"
#include "raw.h"
#include "tally.h"

#include <errno.h>
#include <string.h>

#define SEATS 64
#define ACCEPT_PAUSE (100 * SKU_MS)

struct lobby {
	const struct recv_config *config;
	struct cli_listener *listener; /* NULL: there is one caller */
	struct target *target;
	struct cli_end_signals *signals;
	struct cli_progress progress;
	struct transfer_waits waits;
	struct transfer_failure failure;
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
		dismiss(lobby, lobby->count - 1, true);
}

static void
accept_some(struct lobby *lobby)
{
	struct sku_sock sock;
	struct sku_address peer;

	for (;;) {
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

/* ---- what a caller turns out to be --------------------------------------------------------- */

/* This is the one: whoever else is here, or comes now, is not kept waiting for nothing. */
static void
receive_raw(struct lobby *lobby, size_t i)
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
	cli_progress_begin(&lobby->progress, lobby->config->progress, "",
	    total == NO_LIMIT ? CLI_TOTAL_UNKNOWN : total, 0);
	if (raw_receive(lobby->config, &caller, lobby->target, &lobby->waits, &lobby->failure) ==
	    CLI_OK) {
		end(lobby, CLI_OK);
		return;
	}
	cli_progress_end(&lobby->progress, lobby->target->written);
	end(lobby, transfer_failure_error(&lobby->failure));
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

static int64_t
accept_deadline(const struct lobby *lobby)
{
	int64_t timeout_ns = lobby->config->link.listen.accept_timeout_ns;

	if (lobby->listener == NULL || lobby->count > 0 || timeout_ns == SKU_NO_TIMEOUT)
		return INT64_MAX;
	return lobby->idle_since_ns + timeout_ns;
}

static void
run_deadlines(struct lobby *lobby)
{
	const struct cli_limits *limits = &lobby->config->link.limits;
	int64_t now = sku_now();

	if (now >= limits->run.at_ns) {
		end(lobby, cli_error(CLI_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)", "%s",
			       "wait for a sender"));
	} else if (now >= accept_deadline(lobby)) {
		end(lobby, lobby->config->link.listen.accept_timeout_ns == 0 ?
			       cli_error_errno(CLI_FAILED, EAGAIN, "accept") :
			       cli_error(CLI_TIMED_OUT, ETIMEDOUT, "timed out (--accept-timeout)",
				   "accept"));
	} else if (now >= silence_ends_at(lobby)) {
		int errnum = limits->timeout_ns == 0 ? EAGAIN : ETIMEDOUT;

		end(lobby, cli_error_peer(errnum, "receive from %s", lobby->callers[0].text));
	}
	if (now >= lobby->accept_again_ns)
		lobby->accept_again_ns = 0;
}

static int
poll_ms(const struct lobby *lobby)
{
	int64_t at = lobby->config->link.limits.run.at_ns;

	if (accept_deadline(lobby) < at)
		at = accept_deadline(lobby);
	if (silence_ends_at(lobby) < at)
		at = silence_ends_at(lobby);
	if (lobby->accept_again_ns != 0 && lobby->accept_again_ns < at)
		at = lobby->accept_again_ns;
	return sku_deadline_poll_ms((struct sku_deadline){ at });
}

/* ---- the loop ------------------------------------------------------------------------------ */

enum { SIGNALS, LISTENER, CALLERS };

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
}

static void
run(struct lobby *lobby)
{
	struct pollfd pfds[CALLERS + SEATS];

	while (!lobby->done) {
		bool accepting = lobby->listener != NULL && !lobby->listener->connected &&
				 lobby->accept_again_ns == 0;
		int n;

		pfds[SIGNALS] = (struct pollfd){ lobby->signals->fd, POLLIN, 0 };
		pfds[LISTENER] =
		    (struct pollfd){ accepting ? sku_fileno(&lobby->listener->sock) : -1, POLLIN,
			    0 };
		for (size_t i = 0; i < lobby->count; i++)
			pfds[CALLERS + i] =
			    (struct pollfd){ sku_fileno(&lobby->callers[i].sock), POLLIN, 0 };
		n = poll(pfds, CALLERS + lobby->count, poll_ms(lobby));
		if (n > 0)
			take_events(lobby, pfds);
		if (!lobby->done)
			run_deadlines(lobby);
	}
}

static int
serve(struct lobby *lobby)
{
	lobby->waits = (struct transfer_waits){ .limits = &lobby->config->link.limits,
		.signal_fd = lobby->signals->fd,
		.progress = &lobby->progress,
		.done = &transfer_tally.bytes };
	lobby->progress.next_ns = INT64_MAX;
	lobby->idle_since_ns = sku_now();
	run(lobby);
	while (lobby->count > 0)
		dismiss(lobby, 0, true);
	cli_end_signals_read(lobby->signals);
	return lobby->status;
}

static void
seat_only(struct lobby *lobby, struct sku_sock *sock)
{
	struct sku_address peer;

	if (sku_getpeername(sock, &peer) == -1)
		peer.len = 0;
	seat(lobby, sock, &peer);
	if (lobby->count == 0)
		end(lobby, cli_error_errno(CLI_FAILED, errno, "prepare the connection"));
}

int
lobby_serve(const struct recv_config *config, struct cli_listener *listener, struct target *target,
    struct cli_end_signals *signals)
{
	struct lobby lobby = {
		.config = config, .listener = listener, .target = target, .signals = signals
	};

	(void)sku_setdefaulttimeout(0); /* accepted sockets inherit it */
	if (listener->connected)
		seat_only(&lobby, &listener->sock);
	return serve(&lobby);
}

int
lobby_serve_one(const struct recv_config *config, struct sku_sock *sock, struct target *target,
    struct cli_end_signals *signals)
{
	struct lobby lobby = { .config = config, .target = target, .signals = signals };

	seat_only(&lobby, sock);
	return serve(&lobby);
}

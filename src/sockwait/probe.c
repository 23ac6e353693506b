/* probe.c - one try of a TARGET: connect, send TEXT, wait for TEXT, and stay connected.
 * Row tool. */
#include "sockwait/probe.h"

#include "net/closing.h"
#include "run/escape.h"
#include "run/peer.h"
#include "run/uninitialized.h"
#include "run/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the verdict --------------------------------------------------------------------------- */

static void
finish(struct probe *probe, const struct failure *failure)
{
	loop_unwatch(probe->loop, &probe->io);
	loop_clear_timer(probe->loop, &probe->timer);
	probe->done(probe, failure);
}

static const char *
peer_of(const struct probe *probe, char buf[PEER_TEXT_MAX])
{
	return probe->endpoint->path != NULL ? probe->endpoint->path : peer_text(&probe->peer, buf);
}

static void
fail(struct probe *probe, int errnum)
{
	struct failure failure;
	char peer[PEER_TEXT_MAX];

	failure_clear(&failure);
	(void)failure_peer(&failure, errnum, "talk to %s", peer_of(probe, peer));
	finish(probe, &failure);
}

static bool
has_matched(const struct probe *probe)
{
	return probe->matched == probe->options->match.len;
}

static void
describe_said(const struct probe *probe, const char *how, char *text, size_t size)
{
	char *said = escape_text(probe->said, probe->said_len, ESCAPE_LINE, NULL);

	if (probe->said_len > 0 && said != NULL)
		(void)snprintf(text, size, "it said '%s' %s", said, how);
	else
		(void)snprintf(text, size, "it said nothing %s", how);
	free(said);
}

void
probe_describe(const struct probe *probe, char *text, size_t size)
{
	*text = '\0';
	if (probe->connected_ns == 0)
		return;
	if (!has_matched(probe))
		describe_said(probe, "so far", text, size);
	else if (probe->sent < probe->options->send.len)
		(void)snprintf(text, size, "it accepted, and has not taken all of TEXT so far");
	else
		(void)snprintf(text, size, "it accepted, and must stay connected for %g s",
		    (double)probe->options->steady_ns / (double)SKU_SECOND);
}

/* The try failed: TEXT of --match has not come. */
static void
fail_match(struct probe *probe, enum status status, const char *how)
{
	struct failure failure;
	char peer[PEER_TEXT_MAX], message[PROBE_TEXT_MAX];

	failure_clear(&failure);
	describe_said(probe, how, message, sizeof(message));
	(void)failure_set(
	    &failure, status, 0, message, "wait for TEXT from %s", peer_of(probe, peer));
	finish(probe, &failure);
}

/* The try failed: the service closed the connection. */
static void
fail_closed(struct probe *probe)
{
	struct failure failure;
	char peer[PEER_TEXT_MAX];

	failure_clear(&failure);
	if (!has_matched(probe)) {
		fail_match(probe, STATUS_NO_PEER, "and closed the connection");
		return;
	}
	(void)failure_set(&failure, STATUS_NO_PEER, 0, "it accepted and closed the connection",
	    "stay connected to %s", peer_of(probe, peer));
	finish(probe, &failure);
}

/* ---- the conversation ---------------------------------------------------------------------- */

/* What is still to be done of send, match and steady, in this order. */
static void
proceed(struct probe *probe)
{
	const struct probe_options *options = probe->options;
	bool sends = probe->sent < options->send.len;
	int64_t limit = options->connect.connect_timeout_ns;
	struct sku_deadline until = { probe->connected_ns + options->steady_ns };

	if (sends || !has_matched(probe)) {
		until = limit == SKU_NO_TIMEOUT ? sku_deadline_never() :
						  (struct sku_deadline){ probe->begun_ns + limit };
	} else if (sku_deadline_passed(until)) {
		finish(probe, NULL);
		return;
	}
	/* Once TEXT has matched, nothing is read: EPOLLRDHUP reports the end of the stream although
	 * bytes are unread. */
	if (loop_watch(probe->loop, &probe->io,
		EPOLLRDHUP | (sends ? EPOLLOUT : 0) | (has_matched(probe) ? 0 : EPOLLIN)) == -1 ||
	    loop_set_timer(probe->loop, &probe->timer, until.at_ns) == -1)
		fail(probe, errno);
}

static void
send_more(struct probe *probe)
{
	const struct text *text = &probe->options->send;
	ssize_t n = sku_send(&probe->sock, text->bytes + probe->sent, text->len - probe->sent, 0);

	if (n == -1 && errno != EAGAIN) {
		fail(probe, errno);
		return;
	}
	if (n > 0)
		probe->sent += (size_t)n;
	proceed(probe);
}

static void
receive_more(struct probe *probe)
{
	char bytes[4096] UNINITIALIZED;
	ssize_t n = sku_recv(&probe->sock, bytes, sizeof(bytes), 0);
	size_t room = sizeof(probe->said) - probe->said_len;

	if (n == -1 && errno == EAGAIN)
		return;
	if (n == -1) {
		fail(probe, errno);
		return;
	}
	if (n == 0) {
		fail_closed(probe);
		return;
	}
	room = (size_t)n < room ? (size_t)n : room;
	memcpy(probe->said + probe->said_len, bytes, room);
	probe->said_len += room;
	if (text_find(&probe->options->match, &probe->matched, bytes, (size_t)n))
		proceed(probe);
}

static void
ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct probe *probe = LOOP_OWNER(io, struct probe, io);

	(void)loop;
	if (!has_matched(probe) && (events & ~(uint32_t)EPOLLOUT) != 0)
		receive_more(probe);
	else if ((events & EPOLLERR) != 0)
		fail(probe, closing_cause(&probe->sock));
	else if ((events & (EPOLLHUP | EPOLLRDHUP)) != 0)
		fail_closed(probe);
	else
		send_more(probe);
}

static void
due(struct loop *loop, struct loop_timer *timer)
{
	struct probe *probe = LOOP_OWNER(timer, struct probe, timer);

	(void)loop;
	if (!has_matched(probe))
		fail_match(probe, STATUS_TIMED_OUT, "within the time of one try");
	else if (probe->sent < probe->options->send.len)
		fail(probe, ETIMEDOUT);
	else if (run_is_ready(probe->sock.fd, POLLRDHUP))
		/* It came at the limit: whichever end closed first decides. */
		ready(loop, &probe->io, EPOLLRDHUP);
	else
		finish(probe, NULL);
}

static void
connected(struct connector *connector, struct sku_sock *sock, const struct failure *failure)
{
	struct probe *probe = LOOP_OWNER(connector, struct probe, connector);

	if (sock == NULL) {
		finish(probe, failure);
		return;
	}
	probe->sock = *sock;
	probe->io = (struct loop_io){ .ready = ready, .fd = sku_fileno(sock) };
	probe->connected_ns = probe->loop->now;
	probe->peer = connector->peer;
	if (probe->options->send.len > 0)
		send_more(probe);
	else
		proceed(probe);
}

/* The failure of the try that has just ended: it is reported at once. */
static struct failure last_failure;

/* ---- from the beginning to the end --------------------------------------------------------- */

int
probe_start(struct loop *loop, struct probe *probe)
{
	probe->loop = loop;
	probe->begun_ns = sku_now();
	probe->sock = (struct sku_sock)SKU_SOCK_INIT;
	probe->timer.due = due;
	probe->connector.done = connected;
	probe->connector.failure = &last_failure;
	probe->connector.is_one_of_many = true;
	return connector_start(loop, &probe->connector, probe->endpoint, &probe->options->connect);
}

void
probe_end(struct probe *probe, bool orderly)
{
	connector_cancel(&probe->connector);
	loop_unwatch(probe->loop, &probe->io);
	loop_clear_timer(probe->loop, &probe->timer);
	if (orderly)
		(void)sku_close(&probe->sock);
	else
		(void)sku_reset(&probe->sock);
}

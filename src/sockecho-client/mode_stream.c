/* mode_stream.c - standard input goes out, what comes back goes to standard output, both at once.
 * Row tool. */
#include "run/escape.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "run/wait.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes on their way: those from start to end. */
struct buffer {
	char *bytes;
	size_t start, end, capacity;
};

struct stream {
	struct peer_connection connection;
	struct expect_state expect;
	struct output output;
	struct buffer out; /* from standard input to the peer */
	struct buffer in;  /* from the peer to standard output */
	bool input_ended, output_shut, peer_ended;
	struct sku_deadline idle; /* --timeout, armed anew whenever the peer takes or gives */
};

static bool
is_empty(const struct buffer *b)
{
	return b->start == b->end;
}

static void
restart_timeout(struct stream *s)
{
	s->idle = run_operation_deadline();
}

/* ---- one step in each direction; each returns STATUS_OK or the status of a reported error -------
 */

static int
read_input(struct stream *s)
{
	size_t max = s->out.capacity, room = expect_allowance(&s->expect);
	ssize_t n = read(STDIN_FILENO, s->out.bytes, max < room ? max : room);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR ?
			   STATUS_OK :
			   msg_error_errno(STATUS_FAILED, errno, "read standard input");
	s->out.start = 0;
	s->out.end = (size_t)n;
	if (n == 0)
		s->input_ended = true;
	return STATUS_OK;
}

static int
send_output(struct stream *s)
{
	const char *bytes = s->out.bytes + s->out.start;
	ssize_t n = sku_send(&s->connection.sock, bytes, s->out.end - s->out.start, 0);

	if (n == -1 && errno == EAGAIN)
		return STATUS_OK;
	if (n == -1)
		return peer_send_failed(&s->connection, errno, "all of the input was sent");
	expect_sent(&s->expect, bytes, (size_t)n);
	s->out.start += (size_t)n;
	counter_add(&peer_counters.bytes_out, (uint64_t)n);
	restart_timeout(s);
	return STATUS_OK;
}

static int
end_output(struct stream *s)
{
	s->output_shut = true;
	restart_timeout(s);
	if (sku_shutdown(&s->connection.sock, SHUT_WR) == -1 && errno != ENOTCONN)
		return peer_failed(&s->connection, "send to", errno);
	return STATUS_OK;
}

static int
check_received(struct stream *s, const char *bytes, size_t len)
{
	char text[80];

	if (expect_received(&s->expect, bytes, len))
		return STATUS_OK;
	(void)snprintf(text, sizeof(text), "the reply differs at byte %llu",
	    (unsigned long long)s->expect.differs_at);
	return msg_error(STATUS_MISMATCH, 0, text, "receive from %s", s->connection.peer);
}

/* A terminal is shown the bytes escaped; they need more room then. */
static int
escape_received(struct stream *s, size_t len)
{
	size_t escaped_len;
	char *escaped = escape_text(s->in.bytes, len, ESCAPE_TEXT, &escaped_len);

	if (escaped == NULL)
		return msg_error_errno(STATUS_FAILED, ENOMEM, "show what came");
	free(s->in.bytes);
	s->in.bytes = escaped;
	s->in.end = escaped_len;
	s->in.capacity = escaped_len + 1;
	return STATUS_OK;
}

static int
restore_buffer(struct stream *s)
{
	char *bytes;

	if (s->in.capacity == s->connection.config->stream.bufsize)
		return STATUS_OK;
	bytes = realloc(s->in.bytes, s->connection.config->stream.bufsize);
	if (bytes == NULL)
		return msg_error_errno(STATUS_FAILED, ENOMEM, "get a buffer");
	s->in.bytes = bytes;
	s->in.capacity = s->connection.config->stream.bufsize;
	return STATUS_OK;
}

static int
receive_input(struct stream *s)
{
	int status = restore_buffer(s), checked;
	ssize_t n;

	if (status != STATUS_OK)
		return status;
	n = sku_recv(&s->connection.sock, s->in.bytes, s->in.capacity, 0);
	if (n == -1)
		return errno == EAGAIN ? STATUS_OK :
					 peer_failed(&s->connection, "receive from", errno);
	restart_timeout(s);
	if (n == 0) {
		s->peer_ended = true;
		return STATUS_OK;
	}
	counter_add(&peer_counters.bytes_in, (uint64_t)n);
	checked = check_received(s, s->in.bytes, (size_t)n);
	s->in.start = 0;
	s->in.end = (size_t)n;
	if (s->output.terminal)
		status = escape_received(s, (size_t)n);
	return checked != STATUS_OK ? checked : status;
}

static int
write_received(struct stream *s)
{
	ssize_t n = output_write(&s->output, s->in.bytes + s->in.start, s->in.end - s->in.start);

	if (n == -1)
		return errno == EAGAIN ?
			   STATUS_OK :
			   msg_error_errno(STATUS_FAILED, errno, "write to standard output");
	s->in.start += (size_t)n;
	return STATUS_OK;
}

/* ---- the ends ------------------------------------------------------------------------------ */

/* The peer has ended: was all of the input sent?  What standard input has not shown by now is not
 * waited for: with an open one it was not all. */
static int
check_end(struct stream *s)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	int status = STATUS_OK;

	if (is_empty(&s->out) && !s->input_ended && poll(&pfd, 1, 0) == 1)
		status = read_input(s);
	if (status == STATUS_OK && (!is_empty(&s->out) || !s->input_ended))
		status = peer_closed_early(&s->connection, "all of the input was sent");
	if (status == STATUS_OK && !expect_is_complete(&s->expect))
		status = peer_closed_early(&s->connection, "everything had come back");
	return status;
}

static int
timed_out(const struct stream *s)
{
	if (!is_empty(&s->out))
		return peer_wait_failed(&s->connection, "send to", ETIMEDOUT);
	return peer_wait_failed(&s->connection, "receive from", ETIMEDOUT);
}

/* ---- the loop ------------------------------------------------------------------------------ */

enum { INPUT, SOCKET, OUTPUT, ENDS };

static void
set_poll_events(const struct stream *s, struct pollfd pfds[ENDS])
{
	bool read_input_now =
	    is_empty(&s->out) && !s->input_ended && expect_allowance(&s->expect) > 0;
	short events = 0;

	if (!is_empty(&s->out))
		events |= POLLOUT;
	if (is_empty(&s->in) && !s->peer_ended)
		events |= POLLIN;
	pfds[INPUT] = (struct pollfd){ read_input_now ? STDIN_FILENO : -1, POLLIN, 0 };
	/* A socket that is not waited for must not wake us with its hang-up either. */
	pfds[SOCKET] =
	    (struct pollfd){ events != 0 ? sku_fileno(&s->connection.sock) : -1, events, 0 };
	/* Without anything to write, a reader that went away is still news (POLLERR). */
	pfds[OUTPUT] = (struct pollfd){ s->output.can_wait || !is_empty(&s->in) ? s->output.fd : -1,
		is_empty(&s->in) ? 0 : POLLOUT, 0 };
}

static int
take_events(struct stream *s, const struct pollfd pfds[ENDS])
{
	int status = STATUS_OK;

	if (pfds[OUTPUT].revents != 0) {
		if (!is_empty(&s->in))
			status = write_received(s);
		else if ((pfds[OUTPUT].revents & (POLLERR | POLLNVAL)) != 0)
			status = msg_error_errno(STATUS_FAILED, EPIPE, "write to standard output");
	}
	/* First what the peer says: an end in order comes before the failure to send after it. */
	if (status == STATUS_OK && pfds[SOCKET].revents != 0 && is_empty(&s->in) && !s->peer_ended)
		status = receive_input(s);
	if (status == STATUS_OK && s->peer_ended && is_empty(&s->in))
		return STATUS_OK;
	if (status == STATUS_OK && pfds[SOCKET].revents != 0 && !is_empty(&s->out))
		status = send_output(s);
	if (status == STATUS_OK && pfds[INPUT].revents != 0)
		status = read_input(s);
	if (status == STATUS_OK && s->input_ended && is_empty(&s->out) && !s->output_shut)
		status = end_output(s);
	return status;
}

static int
transfer_both_ways(struct stream *s)
{
	struct pollfd pfds[ENDS];
	int status = STATUS_OK;

	restart_timeout(s);
	while (status == STATUS_OK && !(s->peer_ended && is_empty(&s->in))) {
		/* A standard output that takes nothing is not the peer's doing. */
		struct sku_deadline deadline = is_empty(&s->in) ? s->idle : run.timeouts.run;
		int n;

		set_poll_events(s, pfds);
		n = poll(pfds, ENDS, sku_deadline_poll_ms(deadline));
		if (n == -1 && errno != EINTR)
			return msg_error_errno(STATUS_FAILED, errno, "wait");
		if (n > 0)
			status = take_events(s, pfds);
		else if (sku_deadline_passed(deadline))
			return timed_out(s);
	}
	return status == STATUS_OK ? check_end(s) : status;
}

/* After an error, what came before it still goes out, as far as it does without waiting. */
static void
write_what_is_left(struct stream *s)
{
	while (!is_empty(&s->in)) {
		ssize_t n =
		    output_write(&s->output, s->in.bytes + s->in.start, s->in.end - s->in.start);

		if (n <= 0)
			return;
		s->in.start += (size_t)n;
	}
}

static int
open_stream(struct stream *s, const struct client_config *config)
{
	s->in.bytes = malloc(config->stream.bufsize);
	s->out.bytes = malloc(config->stream.bufsize);
	s->in.capacity = s->out.capacity = config->stream.bufsize;
	if (s->in.bytes == NULL || s->out.bytes == NULL || !expect_init(&s->expect, config->expect))
		return msg_error_errno(STATUS_FAILED, ENOMEM, "get buffers (--bufsize)");
	output_open(&s->output, STDOUT_FILENO);
	return peer_open(&s->connection, config);
}

int
run_stream(const struct client_config *config)
{
	struct stream s = { .connection = { .sock = SKU_SOCK_INIT },
		.output = { .fd = STDOUT_FILENO } };
	int status = open_stream(&s, config);

	if (status == STATUS_OK)
		status = transfer_both_ways(&s);
	write_what_is_left(&s);
	if (status == STATUS_OK && run.verbose > 0)
		msg_text("send %llu bytes\n",
		    (unsigned long long)counter_value(&peer_counters.bytes_out));
	peer_close(&s.connection);
	output_close(&s.output);
	expect_free(&s.expect);
	free(s.in.bytes);
	free(s.out.bytes);
	return status;
}

/* mode_stream.c - standard input is sent, and what comes back is written to standard output, both
 * at once.
 * Row tool. */
#include "run/escape.h"
#include "run/failure.h"
#include "run/loop.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "run/wait.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_PATIENCE (5 * SKU_SECOND)

/* A buffer: the bytes from start to end are still to be passed on. */
struct buffer {
	char *bytes;
	size_t start, end, capacity;
};

struct stream {
	struct loop loop;
	struct loop_io input_io, socket_io, output_io;
	struct loop_timer idle_timer; /* --timeout, restarted by every progress */
	struct loop_timer keepalive_timer;
	struct loop_timer input_timer; /* INPUT_PATIENCE, once the peer has ended */
	struct peer_connection connection;
	struct expect_state expect;
	struct output output;
	struct buffer out;	 /* from standard input to the peer */
	struct buffer in;	 /* from the peer to standard output */
	struct escape_rest rest; /* the first bytes of a character, for a terminal */
	bool input_ended, output_shut, peer_ended;
	struct failure *failure; /* why the loop stopped with -1 */
};

static bool
is_empty(const struct buffer *b)
{
	return b->start == b->end;
}

static bool
is_over(const struct stream *s)
{
	return s->peer_ended && is_empty(&s->in);
}

static void
restart_timeout(struct stream *s)
{
	int64_t at_ns = sku_deadline_in(run.timeouts.operation_ns).at_ns;

	(void)loop_set_timer(&s->loop, &s->idle_timer, at_ns); /* set before: cannot fail */
}

/* ---- one step in each direction ------------------------------------------------------------ */

static int
read_input(struct stream *s)
{
	size_t max = s->out.capacity, room = expect_allowance(&s->expect);
	ssize_t n = read(STDIN_FILENO, s->out.bytes, max < room ? max : room);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR ?
			   0 :
			   failure_errno(s->failure, errno, "read standard input");
	s->out.start = 0;
	s->out.end = (size_t)n;
	if (n == 0)
		s->input_ended = true;
	return 0;
}

static int
send_output(struct stream *s)
{
	const char *bytes = s->out.bytes + s->out.start;
	ssize_t n = sku_send(&s->connection.sock, bytes, s->out.end - s->out.start, 0);

	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n == -1)
		return peer_send_failed(
		    &s->connection, errno, "all of the input was sent", s->failure);
	expect_sent(&s->expect, bytes, (size_t)n);
	s->out.start += (size_t)n;
	counter_add(&peer_counters.bytes_out, (uint64_t)n);
	restart_timeout(s);
	return 0;
}

static int
end_output(struct stream *s)
{
	s->output_shut = true;
	restart_timeout(s);
	if (sku_shutdown(&s->connection.sock, SHUT_WR) == -1 && errno != ENOTCONN)
		return peer_failed(&s->connection, "send to", errno, s->failure);
	return 0;
}

static int
check_received(struct stream *s, const char *bytes, size_t len)
{
	if (expect_received(&s->expect, bytes, len))
		return 0;
	return peer_differs_at(&s->connection, s->expect.differs_at, s->failure);
}

/* Escape the bytes for a terminal; they need more room then. */
static int
escape_received(struct stream *s, size_t len)
{
	size_t escaped_len;
	char *escaped = escape_piece(&s->rest, s->in.bytes, len, s->peer_ended, &escaped_len);

	if (escaped == NULL)
		return failure_errno(s->failure, ENOMEM, "show what came");
	free(s->in.bytes);
	s->in.bytes = escaped;
	s->in.start = 0;
	s->in.end = escaped_len;
	s->in.capacity = escaped_len + 1;
	return 0;
}

static int
restore_buffer(struct stream *s)
{
	char *bytes;

	if (s->in.capacity == s->connection.config->stream.bufsize)
		return 0;
	bytes = realloc(s->in.bytes, s->connection.config->stream.bufsize);
	if (bytes == NULL)
		return failure_errno(s->failure, ENOMEM, "get a buffer");
	s->in.bytes = bytes;
	s->in.capacity = s->connection.config->stream.bufsize;
	return 0;
}

/* Receive once.  Bytes that differ from what was expected are shown, too. */
static int
receive_input(struct stream *s)
{
	int result;
	ssize_t n;

	if (restore_buffer(s) == -1)
		return -1;
	n = sku_recv(&s->connection.sock, s->in.bytes, s->in.capacity, 0);
	if (n == -1)
		return errno == EAGAIN ?
			   0 :
			   peer_failed(&s->connection, "receive from", errno, s->failure);
	if (n == 0) {
		s->peer_ended = true;
		return s->rest.len > 0 ? escape_received(s, 0) : 0;
	}
	counter_add(&peer_counters.bytes_in, (uint64_t)n);
	result = check_received(s, s->in.bytes, (size_t)n);
	s->in.start = 0;
	s->in.end = (size_t)n;
	if (s->output.terminal && escape_received(s, (size_t)n) == -1)
		return -1;
	return result;
}

static int
write_received(struct stream *s)
{
	ssize_t n = output_write(&s->output, s->in.bytes + s->in.start, s->in.end - s->in.start);

	if (n == -1)
		return errno == EAGAIN ?
			   0 :
			   failure_errno(s->failure, errno, "write to standard output");
	s->in.start += (size_t)n;
	if (is_empty(&s->in))
		restart_timeout(s);
	return 0;
}

static int
take_from_peer(struct stream *s)
{
	if (is_empty(&s->in) && !s->peer_ended && receive_input(s) == -1)
		return -1;
	return is_empty(&s->in) ? 0 : write_received(s);
}

static int
give_to_peer(struct stream *s)
{
	return is_empty(&s->out) || is_over(s) ? 0 : send_output(s);
}

/* ---- the ends ------------------------------------------------------------------------------ */

/* The peer has ended: was all of the input sent, and has it come back? */
static int
check_end(struct stream *s)
{
	if (!is_empty(&s->out))
		return peer_closed_early(&s->connection, "all of the input was sent", s->failure);
	if (!expect_is_complete(&s->expect))
		return peer_closed_early(&s->connection, "everything had come back", s->failure);
	return 0;
}

/* Once the peer has ended: how long to wait for the next event of standard input, whose writer may
 * be about to end, too. */
static int64_t
patience_ns(void)
{
	int64_t limit = run.timeouts.operation_ns;

	return limit != SKU_NO_TIMEOUT && limit < INPUT_PATIENCE ? limit : INPUT_PATIENCE;
}

/* The peer has ended, but standard input has not: wait a while for its next event. */
static void
await_input(struct stream *s)
{
	if (s->input_timer.slot != 0)
		return;
	loop_unwatch(&s->loop, &s->socket_io);
	loop_unwatch(&s->loop, &s->output_io);
	loop_clear_timer(&s->loop, &s->idle_timer);
	loop_clear_timer(&s->loop, &s->keepalive_timer);
	if (loop_watch(&s->loop, &s->input_io, EPOLLIN) == -1 ||
	    loop_set_timer(&s->loop, &s->input_timer, sku_now() + patience_ns()) == -1)
		loop_stop(&s->loop, failure_errno(s->failure, errno, "wait"));
}

static void
peer_has_ended(struct stream *s)
{
	int result = check_end(s);

	if (result == 0 && !s->input_ended)
		await_input(s);
	else
		loop_stop(&s->loop, result);
}

/* What the stream waits for, for messages. */
static const char *
present_action(const struct stream *s)
{
	return is_empty(&s->out) ? "receive from" : "send to";
}

static int
timed_out(struct stream *s)
{
	return peer_wait_failed(&s->connection, present_action(s), ETIMEDOUT, s->failure);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int
watch_if(struct loop *loop, struct loop_io *io, bool wanted, uint32_t events)
{
	if (wanted)
		return loop_watch(loop, io, events);
	loop_unwatch(loop, io);
	return 0;
}

static int
watch_all(struct stream *s)
{
	bool input = is_empty(&s->out) && !s->input_ended && expect_allowance(&s->expect) > 0;
	uint32_t socket =
	    (is_empty(&s->out) ? 0 : EPOLLOUT) | (is_empty(&s->in) && !s->peer_ended ? EPOLLIN : 0);
	uint32_t output = is_empty(&s->in) ? 0 : EPOLLOUT;

	if (watch_if(&s->loop, &s->input_io, input, EPOLLIN) == -1)
		return -1;
	/* If nothing is wanted from the socket, its hang-up must not wake us either. */
	if (watch_if(&s->loop, &s->socket_io, socket != 0, socket) == -1)
		return -1;
	/* Even with nothing to write, watch for a reader of standard output that goes away. */
	return watch_if(&s->loop, &s->output_io, s->output.can_wait || !is_empty(&s->in), output);
}

/* Call it after each step, or its failure: what comes next? */
static void
apply(struct stream *s, int result)
{
	if (result == 0 && is_over(s)) {
		peer_has_ended(s);
		return;
	}
	if (result == 0 && s->input_ended && is_empty(&s->out) && !s->output_shut &&
	    !s->connection.config->no_shutdown)
		result = end_output(s);
	/* If standard output is full, that is not the peer's fault. */
	if (!is_empty(&s->in))
		loop_clear_timer(&s->loop, &s->idle_timer);
	if (result == 0 && watch_all(s) == -1)
		result = failure_errno(s->failure, errno, "wait");
	if (result == -1)
		loop_stop(&s->loop, -1);
}

/* Both callbacks first read from the peer: its end in order must be seen before a failure to
 * send. */
static void
input_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct stream *s = LOOP_OWNER(io, struct stream, input_io);

	(void)loop;
	(void)events;
	apply(s, take_from_peer(s) == -1 || read_input(s) == -1 ? -1 : give_to_peer(s));
}

static void
socket_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct stream *s = LOOP_OWNER(io, struct stream, socket_io);

	(void)loop;
	(void)events;
	apply(s, take_from_peer(s) == -1 ? -1 : give_to_peer(s));
}

static void
output_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct stream *s = LOOP_OWNER(io, struct stream, output_io);
	int result = 0;

	(void)loop;
	if (!is_empty(&s->in))
		result = write_received(s);
	else if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		result = failure_errno(s->failure, EPIPE, "write to standard output");
	apply(s, result);
}

/* Standard input had no more input since the peer ended, although it is still open: all was
 * sent. */
static void
input_timer_due(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	msg_note("the peer ended while standard input was still open: all that came there was sent "
		 "(</dev/null: there is no input)");
	loop_stop(loop, 0);
}

static void
idle_timer_due(struct loop *loop, struct loop_timer *timer)
{
	loop_stop(loop, timed_out(LOOP_OWNER(timer, struct stream, idle_timer)));
}

/* --keepalive */
static void
keepalive_due(struct loop *loop, struct loop_timer *timer)
{
	struct stream *s = LOOP_OWNER(timer, struct stream, keepalive_timer);

	if (peer_check(&s->connection, present_action(s), loop->now, s->failure) == -1)
		loop_stop(loop, -1);
	else
		(void)loop_set_timer(
		    loop, timer, loop->now + peer_check_interval(s->connection.config));
}

static void
canceled(struct loop *loop)
{
	loop_stop(loop, timed_out(LOOP_OWNER(loop, struct stream, loop)));
}

static int
transfer_both_ways(struct stream *s)
{
	int result;

	s->loop.canceled = canceled;
	s->input_io = (struct loop_io){ .ready = input_ready, .fd = STDIN_FILENO };
	s->socket_io =
	    (struct loop_io){ .ready = socket_ready, .fd = sku_fileno(&s->connection.sock) };
	s->output_io = (struct loop_io){ .ready = output_ready, .fd = s->output.fd };
	s->idle_timer.due = idle_timer_due;
	s->keepalive_timer.due = keepalive_due;
	s->input_timer.due = input_timer_due;
	if (loop_open(&s->loop) == -1 ||
	    loop_set_timer(&s->loop, &s->idle_timer, LOOP_PARKED) == -1 ||
	    loop_set_timer(&s->loop, &s->keepalive_timer,
		sku_deadline_in(peer_check_interval(s->connection.config)).at_ns) == -1) {
		result = failure_errno(s->failure, errno, "prepare the transfer");
	} else {
		restart_timeout(s);
		apply(s, 0);
		result = loop_run(&s->loop);
	}
	loop_close(&s->loop);
	return result;
}

/* After an error, write what had come before it, as far as possible without waiting. */
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
		return failure_errno(s->failure, ENOMEM, "get buffers (--bufsize)");
	output_open(&s->output, STDOUT_FILENO);
	return peer_open(&s->connection, config, s->failure);
}

int
run_stream(const struct client_config *config)
{
	static ASIDE struct failure failure;
	struct stream s = { .connection = { .sock = SKU_SOCK_INIT },
		.output = { .fd = STDOUT_FILENO },
		.failure = &failure };
	int status = STATUS_OK;

	if (open_stream(&s, config) == -1 || transfer_both_ways(&s) == -1)
		status = failure_report(&failure);
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

/* mode_ping.c - round trips: probes on a schedule, on one connection or many.
 * Row tool.
 *
 * The schedule does not wait for answers: a probe that could not leave when it was due, since the
 * one before it was stuck, counts from when it was due, so that a stall is not left out. */
#include "net/datagram_peers.h"
#include "run/event.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/output.h"
#include "run/rate.h"
#include "run/run.h"
#include "run/wait.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/ping_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)64 * 1024)
#define ON_TIME_TOLERANCE (1 * SKU_MS) /* a timer that fires this late is on time */
#define MAX_OUTSTANDING ((uint64_t)1 << 20)
#define MIN_OUTSTANDING ((uint64_t)16)

struct ping {
	struct loop loop;
	struct loop_timer duration_timer; /* --duration */
	struct loop_timer keepalive_timer;
	struct loop_io ask_io; /* SIGQUIT */
	const struct client_config *config;
	struct ping_connection *connections;
	size_t count, open_connections;
	struct ping_stats *stats;
	struct datagram_peers peers;
	struct retry retry;	/* --wait for one that refuses datagrams */
	struct failure failure; /* of the last try */
	int64_t start_ns, stop_sending_ns;
	char *buffer;
	bool stopped; /* no more probes: --duration is over */
	int status;   /* of what ended a connection */
};

static bool
is_datagram(const struct ping *p)
{
	return p->config->connect.address.datagram;
}

/* ---- telling ------------------------------------------------------------------------------- */

static void
report_reply(const struct ping *p, const struct ping_connection *r, const struct probe *probe,
    int64_t rtt, const char *remark)
{
	if (run.quiet)
		return;
	if (run.json) {
		json_t *record = event_new("reply");

		event_number(record, "seq", probe->seq);
		event_number(record, "bytes", p->config->size);
		event_seconds(record, "seconds", rtt);
		if (p->count > 1)
			event_number(record, "client", r->number);
		if (*remark != '\0')
			event_add(record, "remark", json_string(remark + 1));
		event_emit(record);
		return;
	}
	output_print("%zu bytes from %s: seq=%llu time=%.3f ms", p->config->size,
	    r->connection.peer, (unsigned long long)probe->seq, (double)rtt / 1e6);
	if (p->count > 1)
		output_print(" client=%zu", r->number);
	output_print("%s\n", remark);
}

static void
report_lost(const struct ping *p, const struct ping_connection *r, uint64_t seq)
{
	if (run.quiet)
		return;
	if (run.json) {
		json_t *record = event_new("lost");

		event_number(record, "seq", seq);
		if (p->count > 1)
			event_number(record, "client", r->number);
		event_emit(record);
		return;
	}
	output_print("no answer from %s: seq=%llu", r->connection.peer, (unsigned long long)seq);
	if (p->count > 1)
		output_print(" client=%zu", r->number);
	output_print("\n");
}

/* ---- one connection ------------------------------------------------------------------------ */

static struct probe *
probe_slot(const struct ping_connection *r, uint64_t seq)
{
	return &r->probes[seq & (r->window - 1)];
}

static void
mark_lost(struct ping *p, struct ping_connection *r, struct probe *probe)
{
	probe->state = PROBE_LOST;
	counter_add(&peer_counters.lost, 1);
	report_lost(p, r, probe->seq);
}

/* How long a probe is waited for. */
static int64_t
probe_timeout(void)
{
	return run.timeouts.operation_ns == SKU_NO_TIMEOUT ? INT64_MAX : run.timeouts.operation_ns;
}

static int64_t
expires_at(const struct probe *probe)
{
	return probe_timeout() == INT64_MAX ? INT64_MAX : probe->from_ns + probe_timeout();
}

/* Give up the probes whose time is over; oldest moves past everything that is decided. */
static void
expire_probes(struct ping *p, struct ping_connection *r)
{
	for (; r->oldest <= r->sent; r->oldest++) {
		struct probe *probe = probe_slot(r, r->oldest);

		if (probe->state == PROBE_WAITING && p->loop.now < expires_at(probe))
			return;
		if (probe->state == PROBE_WAITING)
			mark_lost(p, r, probe);
	}
}

static bool
is_back_to_back(const struct ping *p)
{
	return p->config->interval_ns == 0;
}

static bool
may_send_more(const struct ping *p, const struct ping_connection *r)
{
	return !p->stopped &&
	       (p->config->count == UNLIMITED || r->sent < (uint64_t)p->config->count);
}

static bool
is_waiting(const struct ping_connection *r)
{
	return r->oldest <= r->sent;
}

static bool
is_sending(const struct ping *p, const struct ping_connection *r)
{
	return r->out_offset < p->config->size;
}

static void
close_ping_connection(struct ping *p, struct ping_connection *r)
{
	for (; r->oldest <= r->sent; r->oldest++) {
		if (probe_slot(r, r->oldest)->state == PROBE_WAITING)
			mark_lost(p, r, probe_slot(r, r->oldest));
	}
	r->closed = true;
	loop_clear_timer(&p->loop, &r->timer);
	loop_unwatch(&p->loop, &r->io);
	peer_close(&r->connection);
	if (--p->open_connections == 0)
		loop_stop(&p->loop, STATUS_OK);
}

/* The connection is lost: say so and go on with the others. */
static void
close_failed(struct ping *p, struct ping_connection *r, int status)
{
	if (p->status == STATUS_OK)
		p->status = status;
	close_ping_connection(p, r);
}

/* When the probe after the present one is due. */
static void
schedule(struct ping *p, struct ping_connection *r)
{
	if (!may_send_more(p, r))
		r->due_ns = INT64_MAX;
	else if (is_back_to_back(p))
		r->due_ns = is_waiting(r) || is_sending(p, r) ? INT64_MAX : p->loop.now;
	else
		r->due_ns = r->start_ns + (int64_t)r->sent * p->config->interval_ns;
	if (r->due_ns < r->not_before_ns)
		r->due_ns = r->not_before_ns;
	if (r->due_ns >= p->stop_sending_ns)
		r->due_ns = INT64_MAX;
}

static int
use_open_socket(struct ping *p, struct ping_connection *r, struct failure *failure)
{
	struct sku_sock sock = SKU_SOCK_INIT;
	int fd = p->config->connect.fd;

	if (sku_socket_from_fd(&sock, fd) == -1)
		return failure_errno(failure, errno, "use descriptor %d", fd);
	return peer_use_socket(&r->connection, p->config, &sock, failure);
}

/* A datagram socket for the next of the addresses that can be connected to. */
static int
open_next_address(struct ping *p, struct ping_connection *r, struct failure *failure)
{
	struct sku_sock sock = SKU_SOCK_INIT;

	while (r->next_peer < p->peers.count) {
		const struct sku_address *peer = &p->peers.addresses[r->next_peer++];

		failure_clear(failure);
		if (datagram_peers_open(&sock, &p->config->connect, peer, failure) == 0)
			return peer_use_socket(&r->connection, p->config, &sock, failure);
	}
	return -1;
}

static int
resolve_peers(struct ping *p, struct failure *failure)
{
	return datagram_peers_resolve(
	    &p->peers, &p->config->connect, &p->config->endpoint, &p->retry, failure);
}

/* Before the loop runs: it may be waited for until there is a way to the peer. */
static int
open_datagram(struct ping *p, struct ping_connection *r, struct failure *failure)
{
	if (p->config->connect.fd != -1)
		return use_open_socket(p, r, failure);
	for (;;) {
		struct failure now = { .status = STATUS_OK };

		if (p->peers.count > 0 && open_next_address(p, r, &now) == 0)
			return 0;
		if (p->peers.count > 0 && retry_pause(&p->retry, failure, &now) == -1)
			return -1;
		r->next_peer = 0;
		if (resolve_peers(p, failure) == -1)
			return -1;
	}
}

/* The probes that wait begin anew, from that instant on. */
static void
begin_anew(struct ping *p, struct ping_connection *r, int64_t at_ns)
{
	p->stats->transmitted -= r->sent + 1 - r->oldest;
	r->sent = r->oldest - 1;
	r->out_offset = p->config->size;
	r->not_before_ns = at_ns;
	r->start_ns = at_ns - (int64_t)r->sent * p->config->interval_ns;
	schedule(p, r);
}

/* Every address refused: shall the first one be asked again, after a pause (--wait)? */
static bool
should_retry(struct ping *p, struct ping_connection *r, int errnum)
{
	struct failure now = { .status = STATUS_OK };

	(void)failure_peer(&now, errnum, "send to %s", r->connection.peer);
	if (!retry_again(&p->retry, &p->failure, &now))
		return false;
	retry_say(&p->retry, &p->failure, p->failure.action);
	retry_try(&p->retry);
	datagram_peers_update_port(&p->peers, &p->config->endpoint);
	r->next_peer = 0;
	return true;
}

static int
reopen(struct ping *p, struct ping_connection *r, struct failure *failure)
{
	loop_unwatch(&p->loop, &r->io);
	peer_close(&r->connection);
	if (open_next_address(p, r, failure) == -1)
		return -1;
	r->io.fd = sku_fileno(&r->connection.sock);
	if (loop_watch(&p->loop, &r->io, EPOLLIN) == -1)
		return failure_errno(failure, errno, "wait for %s", r->connection.peer);
	if (!p->retry.wanted)
		peer_introduce(&r->connection);
	return 0;
}

/* A datagram was refused before anybody answered: the probes that wait begin anew, with the next
 * address, or with --wait with the first one again.  False: there is none, or it is another
 * failure. */
static bool
try_next_address(struct ping *p, struct ping_connection *r, int errnum)
{
	struct failure failure = { .status = STATUS_OK };
	int64_t at_ns = p->loop.now;

	if (!is_datagram(p) || r->answered || !peer_is_refusal(errnum))
		return false;
	if (r->next_peer >= p->peers.count) {
		if (!p->retry.wanted)
			return false;
		if (!should_retry(p, r, errnum)) {
			close_failed(p, r, failure_report(&p->failure));
			return true;
		}
		at_ns = p->retry.next_at.at_ns;
	}
	if (reopen(p, r, &failure) == -1)
		close_failed(p, r, failure_report(&failure));
	else
		begin_anew(p, r, at_ns);
	return true;
}

static void
start_probe(struct ping *p, struct ping_connection *r)
{
	struct probe *probe = probe_slot(r, r->sent + 1);
	int64_t now = sku_now();

	/* So many under way that one must be forgotten: it is lost. */
	if (r->sent + 1 - r->oldest >= r->window) {
		if (probe->state == PROBE_WAITING)
			mark_lost(p, r, probe);
		r->oldest++;
	}
	r->sent++;
	*probe = (struct probe){ r->sent, now - r->due_ns > ON_TIME_TOLERANCE ? r->due_ns : now,
		PROBE_WAITING };
	r->out_offset = 0;
	p->stats->transmitted++;
	counter_add(&peer_counters.messages, 1);
	schedule(p, r);
}

/* Some of the present probe; true: all of it is sent. */
static bool
send_chunk(struct ping *p, struct ping_connection *r)
{
	size_t len = p->config->size - r->out_offset;
	ssize_t n;

	if (!is_datagram(p) && len > BUFFER_SIZE)
		len = BUFFER_SIZE;
	probe_fill(p->buffer, len, r->sent, r->out_offset);
	n = sku_send(&r->connection.sock, p->buffer, len, 0);
	if (n == -1 && (errno == EAGAIN || try_next_address(p, r, errno)))
		return false;
	if (n == -1 && is_datagram(p) && p->stats->received > 0) {
		r->out_offset = p->config->size; /* it is lost; the next may not be */
		return true;
	}
	if (n == -1) {
		close_failed(
		    p, r, peer_send_failed(&r->connection, errno, "every probe was answered"));
		return false;
	}
	r->out_offset += (size_t)n;
	counter_add(&peer_counters.bytes_out, (uint64_t)n);
	return !is_sending(p, r);
}

static void
send_due(struct ping *p, struct ping_connection *r)
{
	while (!r->closed) {
		if (is_sending(p, r) && !send_chunk(p, r))
			return;
		if (is_sending(p, r))
			continue;
		if (r->due_ns > p->loop.now || !may_send_more(p, r))
			return;
		start_probe(p, r);
	}
}

/* An answer to probe seq has come, all of it. */
static void
take_answer(struct ping *p, struct ping_connection *r, uint64_t seq)
{
	struct probe *probe = probe_slot(r, seq);
	int64_t rtt = sku_now() - probe->from_ns;

	counter_add(&peer_counters.replies, 1);
	r->answered = true;
	if (probe->seq != seq || probe->state == PROBE_LOST) {
		p->stats->late++;
		if (probe->seq == seq)
			report_reply(p, r, probe, rtt, " (late)");
		return;
	}
	if (probe->state == PROBE_ANSWERED) {
		p->stats->duplicates++;
		report_reply(p, r, probe, rtt, " (duplicate)");
		return;
	}
	probe->state = PROBE_ANSWERED;
	ping_stats_add(p->stats, rtt);
	report_reply(p, r, probe, rtt, "");
	expire_probes(p, r);
	if (is_back_to_back(p))
		schedule(p, r);
}

/* Is this what probe seq has from offset on (as --expect asks)? */
static bool
check_bytes(struct ping *p, struct ping_connection *r, const char *bytes, size_t len, uint64_t seq,
    size_t offset)
{
	char expected[512];

	if (p->config->expect == EXPECT_ANY)
		return true;
	/* Probes are upper case: echo and upper call for the same. */
	for (size_t done = 0; done < len;) {
		size_t n = len - done < sizeof(expected) ? len - done : sizeof(expected);
		int64_t at;

		probe_fill(expected, n, seq, offset + done);
		at = expect_difference(EXPECT_ECHO, expected, n, bytes + done, n);
		if (at != -1) {
			close_failed(p, r,
			    msg_error(STATUS_MISMATCH, 0, "the reply differs",
				"receive from %s, probe %llu, byte %llu", r->connection.peer,
				(unsigned long long)seq,
				(unsigned long long)(offset + done) + (unsigned long long)at));
			return false;
		}
		done += n;
	}
	return true;
}

static void
take_stream(struct ping *p, struct ping_connection *r, const char *bytes, size_t len)
{
	while (len > 0 && !r->closed) {
		size_t n = p->config->size - r->in_offset;

		if (n > len)
			n = len;
		if (r->in_seq > r->sent) {
			close_failed(p, r,
			    msg_error(STATUS_MISMATCH, 0, "more came back than was sent",
				"receive from %s", r->connection.peer));
			return;
		}
		if (!check_bytes(p, r, bytes, n, r->in_seq, r->in_offset))
			return;
		r->in_offset += n;
		bytes += n;
		len -= n;
		if (r->in_offset == p->config->size) {
			take_answer(p, r, r->in_seq++);
			r->in_offset = 0;
		}
	}
}

static void
take_datagram(struct ping *p, struct ping_connection *r, const char *bytes, size_t len)
{
	uint64_t seq = probe_number(bytes, len);

	if (seq == 0 || seq > r->sent) {
		if (p->config->expect != EXPECT_ANY)
			close_failed(p, r,
			    msg_error(STATUS_MISMATCH, 0, "an answer to no probe",
				"receive from %s", r->connection.peer));
		return;
	}
	if (p->config->expect != EXPECT_ANY && len != p->config->size) {
		close_failed(p, r,
		    msg_error(STATUS_MISMATCH, 0, "the answer has another length",
			"receive from %s, probe %llu", r->connection.peer,
			(unsigned long long)seq));
		return;
	}
	if (check_bytes(p, r, bytes, len, seq, 0))
		take_answer(p, r, seq);
}

static void
receive_failed(struct ping *p, struct ping_connection *r, int errnum)
{
	if (try_next_address(p, r, errnum))
		return;
	/* One that refuses a datagram may be there for the next, if it ever was. */
	if (is_datagram(p) && p->stats->received > 0)
		return;
	close_failed(p, r, peer_failed(&r->connection, "receive from", errnum));
}

static void
receive(struct ping *p, struct ping_connection *r)
{
	while (!r->closed) {
		ssize_t n = sku_recv(&r->connection.sock, p->buffer, BUFFER_SIZE, 0);

		if (n == -1) {
			if (errno != EAGAIN)
				receive_failed(p, r, errno);
			return;
		}
		if (n == 0 && !is_datagram(p)) {
			close_failed(
			    p, r, peer_closed_early(&r->connection, "every probe was answered"));
			return;
		}
		counter_add(&peer_counters.bytes_in, (uint64_t)n);
		if (is_datagram(p))
			take_datagram(p, r, p->buffer, (size_t)n);
		else
			take_stream(p, r, p->buffer, (size_t)n);
		if (!is_datagram(p) && (size_t)n < BUFFER_SIZE)
			return; /* there is no more, or epoll says so */
	}
}

/* When r must be looked at again, whatever comes. */
static int64_t
next_deadline(const struct ping *p, const struct ping_connection *r)
{
	int64_t at = is_sending(p, r) ? INT64_MAX : r->due_ns; /* one probe after the other */

	if (is_waiting(r) && expires_at(probe_slot(r, r->oldest)) < at)
		at = expires_at(probe_slot(r, r->oldest));
	return at;
}

/* After something happened: what comes next, or is it done? */
static void
update_connection(struct ping *p, struct ping_connection *r)
{
	int64_t at_ns;

	if (r->closed)
		return;
	expire_probes(p, r);
	if (is_sending(p, r) && probe_slot(r, r->sent)->state == PROBE_LOST) {
		close_failed(p, r, peer_wait_failed(&r->connection, "send to", ETIMEDOUT));
		return;
	}
	if (is_back_to_back(p) || !may_send_more(p, r))
		schedule(p, r);
	if (!may_send_more(p, r) && !is_waiting(r)) {
		close_ping_connection(p, r);
		return;
	}
	at_ns = next_deadline(p, r);
	/* It was set before, so that it cannot fail. */
	(void)loop_set_timer(&p->loop, &r->timer, at_ns < LOOP_PARKED ? at_ns : LOOP_PARKED);
	(void)loop_watch(&p->loop, &r->io, EPOLLIN | (is_sending(p, r) ? EPOLLOUT : 0));
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void
timer_due(struct loop *loop, struct loop_timer *timer)
{
	struct ping *p = LOOP_OWNER(loop, struct ping, loop);
	struct ping_connection *r = LOOP_OWNER(timer, struct ping_connection, timer);

	expire_probes(p, r);
	if (is_back_to_back(p))
		schedule(p, r);
	send_due(p, r);
	update_connection(p, r);
}

static void
socket_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct ping *p = LOOP_OWNER(loop, struct ping, loop);
	struct ping_connection *r = LOOP_OWNER(io, struct ping_connection, io);

	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		receive(p, r);
	if (!r->closed)
		send_due(p, r);
	update_connection(p, r);
}

/* --duration is over: those who wait for nothing are done. */
static void
duration_is_over(struct loop *loop, struct loop_timer *timer)
{
	struct ping *p = LOOP_OWNER(loop, struct ping, loop);

	(void)timer;
	p->stopped = true;
	for (size_t i = 0; i < p->count; i++)
		update_connection(p, &p->connections[i]);
}

/* --keepalive */
static void
keepalive_due(struct loop *loop, struct loop_timer *timer)
{
	struct ping *p = LOOP_OWNER(loop, struct ping, loop);

	for (size_t i = 0; i < p->count; i++) {
		struct ping_connection *r = &p->connections[i];
		int status =
		    r->closed ? STATUS_OK : peer_check(&r->connection, "receive from", loop->now);

		if (status != STATUS_OK)
			close_failed(p, r, status);
	}
	(void)loop_set_timer(loop, timer, loop->now + peer_check_interval(p->config));
}

static void
flush_results(struct loop *loop)
{
	int status = msg_flush();

	if (status != STATUS_OK)
		loop_stop(loop, status);
}

/* A probe whose time has not passed is neither answered nor lost. */
static void
count_pending(struct ping *p)
{
	p->stats->pending = 0;
	for (size_t i = 0; i < p->count; i++) {
		struct ping_connection *r = &p->connections[i];

		if (r->closed)
			continue;
		expire_probes(p, r);
		for (uint64_t seq = r->oldest; seq <= r->sent; seq++)
			p->stats->pending += probe_slot(r, seq)->state == PROBE_WAITING;
	}
}

static void
print_summary(struct ping *p, bool is_final)
{
	count_pending(p);
	ping_stats_print(p->stats, sku_now() - p->start_ns, p->config->histogram, is_final);
}

/* SIGQUIT: the summary so far. */
static void
asked(struct loop *loop, struct loop_io *io, uint32_t events)
{
	uint64_t times;

	(void)events;
	if (read(io->fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
		print_summary(LOOP_OWNER(loop, struct ping, loop), false);
}

/* SIGINT and --max-time are the ordinary end. */
static void
canceled(struct loop *loop)
{
	loop_stop(loop, STATUS_OK);
}

/* ---- opening ------------------------------------------------------------------------------- */

static uint64_t
window_size(const struct client_config *config)
{
	uint64_t max = MAX_OUTSTANDING / (uint64_t)config->clients, want = MIN_OUTSTANDING,
		 size = 1;

	if (config->interval_ns > 0 && run.timeouts.operation_ns > 0)
		want += 2 * (uint64_t)(run.timeouts.operation_ns / config->interval_ns);
	else if (config->interval_ns > 0)
		want = max;
	if (want > max)
		want = max;
	if (want < MIN_OUTSTANDING)
		want = MIN_OUTSTANDING;
	while (size < want)
		size *= 2;
	return size;
}

static int
open_peer(struct ping *p, struct ping_connection *r)
{
	if (!is_datagram(p))
		return peer_open(&r->connection, p->config);
	if (open_datagram(p, r, &p->failure) == -1)
		return failure_report(&p->failure);
	peer_introduce(&r->connection);
	return STATUS_OK;
}

static int
open_ping_connection(struct ping *p, size_t i)
{
	struct ping_connection *r = &p->connections[i];
	int status = open_peer(p, r);

	if (status != STATUS_OK)
		return status;
	r->number = i + 1;
	r->oldest = 1;
	r->in_seq = 1;
	r->out_offset = p->config->size;
	r->window = (size_t)window_size(p->config);
	r->probes = calloc(r->window, sizeof(*r->probes));
	if (r->probes == NULL)
		return msg_error_errno(STATUS_FAILED, ENOMEM, "prepare --ping");
	p->open_connections++;
	return STATUS_OK;
}

static int
open_ping(struct ping *p)
{
	int status = STATUS_OK;

	run_raise_descriptor_limit();
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* wake when the probe is due */
	retry_begin(&p->retry, p->config->connect.wait_ns);
	p->buffer = malloc(BUFFER_SIZE);
	p->stats = calloc(1, sizeof(*p->stats));
	p->connections = calloc((size_t)p->config->clients, sizeof(*p->connections));
	if (p->buffer == NULL || p->stats == NULL || p->connections == NULL)
		return msg_error_errno(STATUS_FAILED, ENOMEM, "prepare --ping");
	for (size_t i = 0; i < (size_t)p->config->clients; i++)
		p->connections[i].connection.sock = (struct sku_sock)SKU_SOCK_INIT;
	p->count = (size_t)p->config->clients;
	for (size_t i = 0; status == STATUS_OK && i < p->count; i++)
		status = open_ping_connection(p, i);
	return status;
}

/* Everybody begins; with an interval, one after the other within it, not all at once. */
static int
start_probing(struct ping *p)
{
	p->start_ns = sku_now();
	for (size_t i = 0; i < p->count; i++) {
		struct ping_connection *r = &p->connections[i];

		r->timer.due = timer_due;
		r->io = (struct loop_io){ .ready = socket_ready,
			.fd = sku_fileno(&r->connection.sock) };
		r->start_ns = p->start_ns + p->config->interval_ns / (int64_t)p->count * (int64_t)i;
		r->due_ns = r->start_ns;
		if (loop_watch(&p->loop, &r->io, EPOLLIN) == -1 ||
		    loop_set_timer(&p->loop, &r->timer, r->due_ns) == -1)
			return -1;
	}
	p->keepalive_timer.due = keepalive_due;
	if (loop_set_timer(&p->loop, &p->keepalive_timer,
		sku_deadline_in(peer_check_interval(p->config)).at_ns) == -1)
		return -1;
	if (p->config->duration_ns == UNLIMITED)
		return 0;
	p->stop_sending_ns = p->start_ns + p->config->duration_ns;
	p->duration_timer.due = duration_is_over;
	return loop_set_timer(&p->loop, &p->duration_timer, p->stop_sending_ns);
}

/* From here on SIGINT ends the run with its summary; before, it just ends. */
static int
start_ping(struct ping *p)
{
	struct failure failure = { .status = STATUS_OK };

	if (run_catch_signals(RUN_SIGINT_ALONE | RUN_ENDS_BY_SIGNAL | RUN_SIGQUIT_ASKS, &failure) ==
	    -1)
		return failure_report(&failure);
	p->loop.canceled = canceled;
	p->loop.turn = flush_results;
	p->ask_io = (struct loop_io){ .ready = asked, .fd = run.ask_fd };
	if (loop_open(&p->loop) == -1 || loop_watch(&p->loop, &p->ask_io, EPOLLIN) == -1 ||
	    start_probing(p) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "prepare --ping");
	return STATUS_OK;
}

static int
exit_status(const struct ping *p)
{
	uint64_t lost = ping_stats_lost(p->stats);

	if (p->status != STATUS_OK)
		return p->status;
	if (lost == 0)
		return p->stats->received > 0 ? STATUS_OK : STATUS_FAILED;
	if (run.timeouts.operation_ns == 0)
		return peer_wait_failed(&p->connections[0].connection, "receive from", ETIMEDOUT);
	return p->stats->received == 0 ? STATUS_TIMED_OUT : STATUS_FAILED;
}

static void
close_ping(struct ping *p)
{
	for (size_t i = 0; p->connections != NULL && i < p->count; i++) {
		peer_close(&p->connections[i].connection);
		free(p->connections[i].probes);
	}
	loop_close(&p->loop);
	datagram_peers_free(&p->peers);
	free(p->connections);
	free(p->stats);
	free(p->buffer);
}

int
run_ping(const struct client_config *config)
{
	struct ping p = { .loop.epoll_fd = -1, .config = config, .stop_sending_ns = INT64_MAX };
	int status = open_ping(&p);

	if (status == STATUS_OK)
		status = start_ping(&p);
	if (status == STATUS_OK) {
		status = loop_run(&p.loop);
		print_summary(&p, true);
		if (status == STATUS_OK)
			status = exit_status(&p);
	}
	close_ping(&p);
	return status;
}

/* ping_connection.c - one connection of --ping: its probes, their schedule and their answers.
 * Row tool.
 *
 * The schedule does not wait for answers.  A probe that is sent late, because the one before it was
 * stuck, is timed from when it was due, so that a stall is not left out. */
#include "sockecho-client/ping_connection.h"

#include "run/event.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/output.h"
#include "run/rate.h"
#include "run/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define ON_TIME_TOLERANCE (1 * SKU_MS) /* a timer that fires this late is on time */
#define STALL (500 * SKU_MS)	       /* report probes that are so late, */
#define STALL_PAUSE SKU_SECOND	       /* at most so often */

/* Bytes of probe seq from offset on: its number, a blank, then letters over and over. */
static void
probe_fill(char *buf, size_t len, uint64_t seq, size_t offset)
{
	char head[24];
	size_t head_len = (size_t)snprintf(head, sizeof(head), "%llu ", (unsigned long long)seq);

	for (size_t i = 0; i < len; i++) {
		size_t at = offset + i;

		buf[i] = at < head_len ? head[at] : (char)('A' + (at - head_len) % 26);
	}
}

/* The number that a datagram begins with; 0: it is not a probe of this run. */
static uint64_t
probe_number(const char *bytes, size_t len)
{
	uint64_t seq = 0;
	size_t i;

	for (i = 0; i < len && i < 19 && bytes[i] >= '0' && bytes[i] <= '9'; i++)
		seq = seq * 10 + (uint64_t)(bytes[i] - '0');
	return i > 0 && i < len && bytes[i] == ' ' ? seq : 0;
}

static bool
is_datagram(const struct ping *p)
{
	return p->config->connect.address.datagram;
}

/* ---- telling ------------------------------------------------------------------------------- */

/* The number of the connection, if there are several. */
static struct event_field
client_field(const struct ping *p, const struct ping_connection *r)
{
	return p->count > 1 ? (struct event_field)EVENT_NUMBER("client", r->number) :
			      (struct event_field)EVENT_TEXT("client", NULL);
}

static void
report_reply(const struct ping *p, struct ping_connection *r, const struct probe *probe, size_t len,
    int64_t rtt, const char *remark)
{
	if (run.quiet)
		return;
	if (run.json) {
		EVENT_RECORD("reply", EVENT_NUMBER("seq", probe->seq), EVENT_NUMBER("bytes", len),
		    EVENT_SECONDS("seconds", rtt), client_field(p, r),
		    EVENT_TEXT("remark", *remark != '\0' ? remark + 1 : NULL));
		return;
	}
	output_print("%zu bytes from %s: seq=%llu time=%.3f ms", len, peer_name(&r->connection),
	    (unsigned long long)probe->seq, (double)rtt / 1e6);
	if (p->count > 1)
		output_print(" client=%zu", r->number);
	output_print("%s\n", remark);
}

static void
report_lost(const struct ping *p, struct ping_connection *r, uint64_t seq)
{
	if (run.quiet)
		return;
	if (run.json) {
		EVENT_RECORD("lost", EVENT_NUMBER("seq", seq), client_field(p, r));
		return;
	}
	output_print(
	    "no answer from %s: seq=%llu", peer_name(&r->connection), (unsigned long long)seq);
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

/* How long to wait for the answer to a probe. */
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

/* Give up the probes whose time is over, and move oldest past those that are decided. */
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
	return p->config->count == UNLIMITED || r->sent < (uint64_t)p->config->count;
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

void
ping_lose(struct ping *p, struct ping_connection *r, const struct failure *failure)
{
	int status = failure_report(failure);

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
		return failure_errno(failure, errno, "use descriptor %d", fd_given(fd));
	return peer_use_socket(&r->connection, p->config, &sock, NULL, failure);
}

/* An address failed, and the next one is tried.  The failure of the first is kept. */
static void
note_failure(struct ping *p, const struct failure *failure)
{
	if (p->retry.wanted)
		return;
	if (p->peers.count > 1)
		msg_verbose(1, "%s: %s", failure->action, failure->message);
	if (p->first_failure.status == STATUS_OK)
		p->first_failure = *failure;
}

/* Every address has failed: fill the failure with that of the first. */
static int
fail_to_all(const struct ping *p, struct failure *failure)
{
	*failure = p->first_failure;
	failure_tried(failure, p->peers.count);
	return -1;
}

/* Open a datagram socket for the next address that can be connected to. */
static int
open_next_address(struct ping *p, struct ping_connection *r, struct failure *failure)
{
	struct sku_sock sock = SKU_SOCK_INIT;

	while (r->next_peer < p->peers.count) {
		const struct sku_address *peer = &p->peers.addresses[r->next_peer++];

		failure_clear(failure);
		if (datagram_peers_open(&sock, &p->config->connect, peer, failure) == 0 &&
		    peer_use_socket(&r->connection, p->config, &sock, NULL, failure) == 0)
			return 0;
		peer_close(&r->connection);
		note_failure(p, failure);
	}
	return -1;
}

static int
resolve_peers(struct ping *p, struct failure *failure)
{
	return datagram_peers_resolve(
	    &p->peers, &p->config->connect, &p->config->endpoint, &p->retry, failure);
}

/* Open the socket before the loop runs.  With --wait, wait until there is a route to the peer. */
static int
open_datagram(struct ping *p, struct ping_connection *r, struct failure *failure)
{
	if (p->config->connect.fd != -1)
		return use_open_socket(p, r, failure);
	failure_clear(&p->first_failure);
	for (;;) {
		struct failure now;

		failure_clear(&now);
		if (p->peers.count > 0 && open_next_address(p, r, &now) == 0)
			return 0;
		if (p->peers.count > 0 && !p->retry.wanted)
			return fail_to_all(p, failure);
		if (p->peers.count > 0 && retry_pause(&p->retry, failure, &now) == -1)
			return -1;
		r->next_peer = 0;
		if (resolve_peers(p, failure) == -1)
			return -1;
	}
}

/* Start over at at_ns with the probes that still wait. */
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

/* Every address refused: start again with the first one, after a pause (--wait)? */
static bool
should_retry(struct ping *p, struct ping_connection *r, const struct failure *failure)
{
	if (!retry_again(&p->retry, &p->failure, failure))
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
		return failure_errno(failure, errno, "wait for %s", peer_name(&r->connection));
	if (!p->retry.wanted)
		peer_introduce(&r->connection);
	return 0;
}

static void
lose_to_all(struct ping *p, struct ping_connection *r)
{
	struct failure failure;

	(void)fail_to_all(p, &failure);
	ping_lose(p, r, &failure);
}

/* A datagram was refused before any answer came: start over with the next address, or with --wait
 * with the first one again.  False: there is none, or it is another failure. */
static bool
try_next_address(struct ping *p, struct ping_connection *r, int errnum)
{
	struct failure failure;
	int64_t at_ns = p->loop.now;

	failure_clear(&failure);
	if (!is_datagram(p) || r->answered || !peer_is_refusal(errnum))
		return false;
	(void)failure_peer(&failure, errnum, "send to %s", peer_name(&r->connection));
	note_failure(p, &failure);
	if (r->next_peer >= p->peers.count) {
		if (!p->retry.wanted) {
			lose_to_all(p, r);
			return true;
		}
		if (!should_retry(p, r, &failure)) {
			ping_lose(p, r, &p->failure);
			return true;
		}
		at_ns = p->retry.next_at.at_ns;
	}
	if (reopen(p, r, &failure) == 0)
		begin_anew(p, r, at_ns);
	else if (p->retry.wanted)
		ping_lose(p, r, &failure);
	else
		lose_to_all(p, r);
	return true;
}

static void
start_probe(struct ping *p, struct ping_connection *r)
{
	struct probe *probe = probe_slot(r, r->sent + 1);
	int64_t now = sku_now();

	/* Too many are under way: forget the oldest, which is lost. */
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

/* Send some of the present probe; true: all of it is sent. */
static bool
send_chunk(struct ping *p, struct ping_connection *r)
{
	size_t len = p->config->size - r->out_offset;
	struct failure failure;
	ssize_t n;

	if (!is_datagram(p) && len > PING_BUFFER)
		len = PING_BUFFER;
	probe_fill(p->buffer, len, r->sent, r->out_offset);
	n = sku_send(&r->connection.sock, p->buffer, len, 0);
	if (n == -1 && (errno == EAGAIN || try_next_address(p, r, errno)))
		return false;
	if (n == -1 && is_datagram(p) && p->stats->received > 0) {
		r->out_offset = p->config->size; /* this probe is lost; the next may arrive */
		return true;
	}
	if (n == -1) {
		failure_clear(&failure);
		(void)peer_send_failed(&r->connection, errno, "every probe was answered", &failure);
		ping_lose(p, r, &failure);
		return false;
	}
	r->out_offset += (size_t)n;
	counter_add(&peer_counters.bytes_out, (uint64_t)n);
	return !is_sending(p, r);
}

/* Probes are late, although no earlier one is stuck: tell the user that the peer is not the
 * cause. */
static void
note_stall(struct ping *p, const struct ping_connection *r)
{
	int64_t now = p->loop.now, late = now - r->due_ns;
	uint64_t first = r->sent + 1, last;

	if (late < STALL || is_back_to_back(p) || now < p->stall_told_until_ns)
		return;
	p->stall_told_until_ns = now + STALL_PAUSE;
	last = first + (uint64_t)(late / p->config->interval_ns);
	if (p->config->count > 0 && last > (uint64_t)p->config->count)
		last = (uint64_t)p->config->count;
	if (last > first)
		msg_note("probes %llu to %llu left up to %.1f s late: this end was busy or stopped",
		    (unsigned long long)first, (unsigned long long)last, (double)late / 1e9);
	else
		msg_note("probe %llu left %.1f s late: this end was busy or stopped",
		    (unsigned long long)first, (double)late / 1e9);
}

/* Start not more than that at once: with an interval shorter than a probe takes, the next is always
 * due, and answers, limits and signals must have their turn. */
#define PROBES_AT_ONCE 64

static void
send_due(struct ping *p, struct ping_connection *r)
{
	int started = 0;

	if (!is_sending(p, r) && r->due_ns <= p->loop.now && may_send_more(p, r))
		note_stall(p, r);
	while (!r->closed) {
		if (is_sending(p, r) && !send_chunk(p, r))
			return;
		if (is_sending(p, r))
			continue;
		if (r->due_ns > p->loop.now || !may_send_more(p, r) || started++ == PROBES_AT_ONCE)
			return;
		start_probe(p, r);
	}
}

/* The whole answer to probe seq has come: len bytes. */
static void
take_answer(struct ping *p, struct ping_connection *r, uint64_t seq, size_t len)
{
	struct probe *probe = probe_slot(r, seq);
	int64_t rtt = sku_now() - probe->from_ns;

	counter_add(&peer_counters.replies, 1);
	r->answered = true;
	if (probe->seq != seq || probe->state == PROBE_LOST) {
		p->stats->late++;
		if (probe->seq == seq)
			report_reply(p, r, probe, len, rtt, " (late)");
		return;
	}
	if (probe->state == PROBE_ANSWERED) {
		p->stats->duplicates++;
		report_reply(p, r, probe, len, rtt, " (duplicate)");
		return;
	}
	probe->state = PROBE_ANSWERED;
	ping_stats_add(p->stats, rtt);
	report_reply(p, r, probe, len, rtt, "");
	expire_probes(p, r);
	if (is_back_to_back(p))
		schedule(p, r);
}

/* The connection failed: what came was not asked for. */
__attribute__((format(printf, 4, 5))) static void
lose_for_mismatch(
    struct ping *p, struct ping_connection *r, const char *message, const char *where_format, ...)
{
	struct failure failure;
	char where[80];
	va_list args;

	va_start(args, where_format);
	(void)vsnprintf(where, sizeof(where), where_format, args);
	va_end(args);
	failure_clear(&failure);
	(void)failure_set(&failure, STATUS_MISMATCH, 0, message, "receive from %s%s",
	    peer_name(&r->connection), where);
	ping_lose(p, r, &failure);
}

/* Are these bytes what probe seq has from offset on (as --expect asks)? */
static bool
check_bytes(struct ping *p, struct ping_connection *r, const char *bytes, size_t len, uint64_t seq,
    size_t offset)
{
	char expected[512];

	if (p->config->expect == EXPECT_ANY)
		return true;
	/* Probes are upper case: echo and upper are the same. */
	for (size_t done = 0; done < len;) {
		size_t n = len - done < sizeof(expected) ? len - done : sizeof(expected);
		int64_t at;

		probe_fill(expected, n, seq, offset + done);
		at = expect_difference(EXPECT_ECHO, expected, n, bytes + done, n);
		if (at != -1) {
			lose_for_mismatch(p, r, "the reply differs", ", probe %llu, byte %llu",
			    (unsigned long long)seq,
			    (unsigned long long)(offset + done) + (unsigned long long)at);
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
			lose_for_mismatch(p, r, "more came back than was sent", "%s", "");
			return;
		}
		if (!check_bytes(p, r, bytes, n, r->in_seq, r->in_offset))
			return;
		r->in_offset += n;
		bytes += n;
		len -= n;
		if (r->in_offset == p->config->size) {
			take_answer(p, r, r->in_seq++, p->config->size);
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
			lose_for_mismatch(p, r, "an answer to no probe", "%s", "");
		return;
	}
	if (p->config->expect != EXPECT_ANY && len != p->config->size) {
		lose_for_mismatch(
		    p, r, "the answer has another length", ", probe %llu", (unsigned long long)seq);
		return;
	}
	if (check_bytes(p, r, bytes, len, seq, 0))
		take_answer(p, r, seq, len);
}

static void
receive_failed(struct ping *p, struct ping_connection *r, int errnum)
{
	struct failure failure;

	if (try_next_address(p, r, errnum))
		return;
	/* A peer that was there before may accept the next datagram. */
	if (is_datagram(p) && p->stats->received > 0)
		return;
	failure_clear(&failure);
	(void)peer_failed(&r->connection, "receive from", errnum, &failure);
	ping_lose(p, r, &failure);
}

static void
peer_has_ended(struct ping *p, struct ping_connection *r)
{
	struct failure failure;

	failure_clear(&failure);
	(void)peer_closed_early(&r->connection, "every probe was answered", &failure);
	ping_lose(p, r, &failure);
}

/* Not more than that at once: a peer that sends without end must not keep the timers from being
 * due.  The loop reports what is left. */
#define RECEIVES_AT_ONCE 64

static void
receive(struct ping *p, struct ping_connection *r)
{
	for (int i = 0; i < RECEIVES_AT_ONCE && !r->closed; i++) {
		ssize_t n = sku_recv(&r->connection.sock, p->buffer, PING_BUFFER, 0);

		if (n == -1) {
			if (errno != EAGAIN)
				receive_failed(p, r, errno);
			return;
		}
		if (n == 0 && !is_datagram(p)) {
			peer_has_ended(p, r);
			return;
		}
		counter_add(&peer_counters.bytes_in, (uint64_t)n);
		if (is_datagram(p))
			take_datagram(p, r, p->buffer, (size_t)n);
		else
			take_stream(p, r, p->buffer, (size_t)n);
		if (!is_datagram(p) && (size_t)n < PING_BUFFER)
			return; /* there is no more, or epoll will report it */
	}
}

/* When to call update() at the latest. */
static int64_t
next_deadline(const struct ping *p, const struct ping_connection *r)
{
	int64_t at = is_sending(p, r) ? INT64_MAX : r->due_ns; /* one probe at a time */

	if (is_waiting(r) && expires_at(probe_slot(r, r->oldest)) < at)
		at = expires_at(probe_slot(r, r->oldest));
	return at;
}

/* After something happened: what comes next, or is it done? */
static void
update(struct ping *p, struct ping_connection *r)
{
	struct failure failure;
	int64_t at_ns;

	if (r->closed)
		return;
	expire_probes(p, r);
	if (is_sending(p, r) && probe_slot(r, r->sent)->state == PROBE_LOST) {
		failure_clear(&failure);
		(void)peer_wait_failed(&r->connection, "send to", ETIMEDOUT, &failure);
		ping_lose(p, r, &failure);
		return;
	}
	if (is_back_to_back(p) || !may_send_more(p, r))
		schedule(p, r);
	if (!may_send_more(p, r) && !is_waiting(r)) {
		close_ping_connection(p, r);
		return;
	}
	at_ns = next_deadline(p, r);
	if (at_ns <= p->loop.now) /* what has come meanwhile is seen before the next probes leave */
		at_ns = p->loop.now + 1;
	/* It was set before, so it cannot fail. */
	(void)loop_set_timer(&p->loop, &r->timer, at_ns < LOOP_PARKED ? at_ns : LOOP_PARKED);
	(void)loop_watch(&p->loop, &r->io, EPOLLIN | (is_sending(p, r) ? EPOLLOUT : 0));
}

void
ping_due(struct ping *p, struct ping_connection *r)
{
	expire_probes(p, r);
	if (is_back_to_back(p))
		schedule(p, r);
	send_due(p, r);
	update(p, r);
}

void
ping_ready(struct ping *p, struct ping_connection *r, uint32_t events)
{
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		receive(p, r);
	if (!r->closed)
		send_due(p, r);
	update(p, r);
}

uint64_t
ping_pending(struct ping *p, struct ping_connection *r)
{
	uint64_t pending = 0;

	if (r->closed)
		return 0;
	expire_probes(p, r);
	for (uint64_t seq = r->oldest; seq <= r->sent; seq++)
		pending += probe_slot(r, seq)->state == PROBE_WAITING;
	return pending;
}

int
ping_open_peer(struct ping *p, struct ping_connection *r)
{
	if (!is_datagram(p))
		return peer_open(&r->connection, p->config, &p->failure);
	if (open_datagram(p, r, &p->failure) == -1)
		return -1;
	failure_clear(&p->failure); /* of earlier tries */
	peer_introduce(&r->connection);
	return 0;
}

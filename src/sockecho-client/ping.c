/* ping.c - round trips: probes on a schedule, on one connection or many.
 * Row tool.
 *
 * The schedule does not wait for answers: a probe that could not leave when it was due, since the
 * one before it was stuck, counts from when it was due, so that a stall is not left out. */
#include "run/descriptors.h"
#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define PIECE ((size_t)64 * 1024)
#define PUNCTUAL (1 * SKU_MS) /* a timer that fires this late is on time */
#define PROBES_KEPT ((uint64_t)1 << 20)
#define FEWEST_KEPT ((uint64_t)16)

struct ping {
	const struct client_config *config;
	struct prober *probers;
	size_t count, alive;
	struct cli_timers timers;
	struct ping_stats *stats;
	struct cli_datagram_peers peers;
	int epoll_fd, signal_fd;
	int64_t now, start_ns, stop_sending_ns;
	char *piece;
	bool stopped; /* no more probes: --duration is over */
	bool interrupted;
	int status; /* of what ended a connection */
};

static bool
is_datagram(const struct ping *p)
{
	return p->config->dial.address.datagram;
}

/* ---- telling ------------------------------------------------------------------------------- */

static void
tell_reply(const struct ping *p, const struct prober *r, const struct probe *probe, int64_t rtt,
    const char *remark)
{
	if (cli_voice.quiet)
		return;
	if (cli_voice.json) {
		json_t *record = cli_record("reply");

		cli_record_number(record, "seq", probe->seq);
		cli_record_number(record, "bytes", p->config->size);
		cli_record_seconds(record, "seconds", rtt);
		if (p->count > 1)
			cli_record_number(record, "client", r->number);
		if (*remark != '\0')
			cli_record_add(record, "remark", json_string(remark + 1));
		cli_record_emit(record);
		return;
	}
	cli_print("%zu bytes from %s: seq=%llu time=%.3f ms", p->config->size, r->session.peer,
	    (unsigned long long)probe->seq, (double)rtt / 1e6);
	if (p->count > 1)
		cli_print(" client=%zu", r->number);
	cli_print("%s\n", remark);
}

static void
tell_lost(const struct ping *p, const struct prober *r, uint64_t seq)
{
	if (cli_voice.quiet)
		return;
	if (cli_voice.json) {
		json_t *record = cli_record("lost");

		cli_record_number(record, "seq", seq);
		if (p->count > 1)
			cli_record_number(record, "client", r->number);
		cli_record_emit(record);
		return;
	}
	cli_print("no answer from %s: seq=%llu", r->session.peer, (unsigned long long)seq);
	if (p->count > 1)
		cli_print(" client=%zu", r->number);
	cli_print("\n");
}

/* ---- one connection ------------------------------------------------------------------------ */

static struct probe *
probe_slot(const struct prober *r, uint64_t seq)
{
	return &r->probes[seq & (r->window - 1)];
}

static void
lose(struct ping *p, struct prober *r, struct probe *probe)
{
	probe->state = PROBE_LOST;
	cli_count_up(&session_counters.lost, 1);
	tell_lost(p, r, probe->seq);
}

/* How long a probe is waited for. */
static int64_t
patience(const struct ping *p)
{
	return p->config->limits.timeout_ns == SKU_NO_TIMEOUT ? INT64_MAX :
								p->config->limits.timeout_ns;
}

static int64_t
expires_at(const struct ping *p, const struct probe *probe)
{
	return patience(p) == INT64_MAX ? INT64_MAX : probe->from_ns + patience(p);
}

/* Give up the probes whose time is over; oldest moves past everything that is decided. */
static void
expire(struct ping *p, struct prober *r)
{
	for (; r->oldest <= r->sent; r->oldest++) {
		struct probe *probe = probe_slot(r, r->oldest);

		if (probe->state == PROBE_WAITING && p->now < expires_at(p, probe))
			return;
		if (probe->state == PROBE_WAITING)
			lose(p, r, probe);
	}
}

static bool
is_back_to_back(const struct ping *p)
{
	return p->config->interval_ns == 0;
}

static bool
may_send_more(const struct ping *p, const struct prober *r)
{
	return !p->interrupted && !p->stopped &&
	       (p->config->count == NO_LIMIT || r->sent < (uint64_t)p->config->count);
}

static bool
is_waiting(const struct prober *r)
{
	return r->oldest <= r->sent;
}

static bool
is_sending(const struct ping *p, const struct prober *r)
{
	return r->out_offset < p->config->size;
}

static void
bury(struct ping *p, struct prober *r)
{
	for (; r->oldest <= r->sent; r->oldest++) {
		if (probe_slot(r, r->oldest)->state == PROBE_WAITING)
			lose(p, r, probe_slot(r, r->oldest));
	}
	r->dead = true;
	p->alive--;
	cli_timer_clear(&p->timers, &r->timer);
	session_close(&r->session);
}

/* The connection is lost: say so and go on with the others. */
static void
fail(struct ping *p, struct prober *r, int status)
{
	if (p->status == CLI_OK)
		p->status = status;
	bury(p, r);
}

/* When the probe after the present one is due. */
static void
schedule(struct ping *p, struct prober *r)
{
	if (!may_send_more(p, r))
		r->due_ns = INT64_MAX;
	else if (is_back_to_back(p))
		r->due_ns = is_waiting(r) || is_sending(p, r) ? INT64_MAX : p->now;
	else
		r->due_ns = r->start_ns + (int64_t)r->sent * p->config->interval_ns;
	if (r->due_ns >= p->stop_sending_ns)
		r->due_ns = INT64_MAX;
}

static void
begin_probe(struct ping *p, struct prober *r)
{
	struct probe *probe = probe_slot(r, r->sent + 1);
	int64_t now = sku_now();

	/* So many under way that one must be forgotten: it is lost. */
	if (r->sent + 1 - r->oldest >= r->window) {
		if (probe->state == PROBE_WAITING)
			lose(p, r, probe);
		r->oldest++;
	}
	r->sent++;
	*probe =
	    (struct probe){ r->sent, now - r->due_ns > PUNCTUAL ? r->due_ns : now, PROBE_WAITING };
	r->out_offset = 0;
	p->stats->transmitted++;
	cli_count_up(&session_counters.messages, 1);
	schedule(p, r);
}

/* Some of the present probe; true: all of it is sent. */
static bool
send_piece(struct ping *p, struct prober *r)
{
	size_t len = p->config->size - r->out_offset;
	ssize_t n;

	if (!is_datagram(p) && len > PIECE)
		len = PIECE;
	probe_fill(p->piece, len, r->sent, r->out_offset);
	n = sku_send(&r->session.sock, p->piece, len, 0);
	if (n == -1 && errno == EAGAIN)
		return false;
	if (n == -1 && is_datagram(p) && p->stats->received > 0) {
		r->out_offset = p->config->size; /* it is lost; the next may not be */
		return true;
	}
	if (n == -1) {
		fail(p, r, session_failed(&r->session, "send to", errno));
		return false;
	}
	r->out_offset += (size_t)n;
	cli_count_up(&session_counters.bytes_out, (uint64_t)n);
	return !is_sending(p, r);
}

static void
send_due(struct ping *p, struct prober *r)
{
	while (!r->dead) {
		if (is_sending(p, r) && !send_piece(p, r))
			return;
		if (is_sending(p, r))
			continue;
		if (r->due_ns > p->now || !may_send_more(p, r))
			return;
		begin_probe(p, r);
	}
}

/* An answer to probe seq has come, all of it. */
static void
take_answer(struct ping *p, struct prober *r, uint64_t seq)
{
	struct probe *probe = probe_slot(r, seq);
	int64_t rtt = sku_now() - probe->from_ns;

	cli_count_up(&session_counters.replies, 1);
	if (probe->seq != seq || probe->state == PROBE_LOST) {
		p->stats->late++;
		if (probe->seq == seq)
			tell_reply(p, r, probe, rtt, " (late)");
		return;
	}
	if (probe->state == PROBE_ANSWERED) {
		p->stats->duplicates++;
		tell_reply(p, r, probe, rtt, " (duplicate)");
		return;
	}
	probe->state = PROBE_ANSWERED;
	ping_stats_add(p->stats, rtt);
	tell_reply(p, r, probe, rtt, "");
	expire(p, r);
	if (is_back_to_back(p))
		schedule(p, r);
}

/* Is this what probe seq has from offset on (as --expect asks)? */
static bool
check(struct ping *p, struct prober *r, const char *bytes, size_t len, uint64_t seq, size_t offset)
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
			fail(p, r,
			    cli_error(CLI_MISMATCH, 0, "the reply differs",
				"receive from %s, probe %llu, byte %llu", r->session.peer,
				(unsigned long long)seq,
				(unsigned long long)(offset + done) + (unsigned long long)at));
			return false;
		}
		done += n;
	}
	return true;
}

static void
take_stream(struct ping *p, struct prober *r, const char *bytes, size_t len)
{
	while (len > 0 && !r->dead) {
		size_t n = p->config->size - r->in_offset;

		if (n > len)
			n = len;
		if (r->in_seq > r->sent) {
			fail(p, r,
			    cli_error(CLI_MISMATCH, 0, "more came back than was sent",
				"receive from %s", r->session.peer));
			return;
		}
		if (!check(p, r, bytes, n, r->in_seq, r->in_offset))
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
take_datagram(struct ping *p, struct prober *r, const char *bytes, size_t len)
{
	uint64_t seq = probe_number(bytes, len);

	if (seq == 0 || seq > r->sent) {
		if (p->config->expect != EXPECT_ANY)
			fail(p, r,
			    cli_error(CLI_MISMATCH, 0, "an answer to no probe", "receive from %s",
				r->session.peer));
		return;
	}
	if (p->config->expect != EXPECT_ANY && len != p->config->size) {
		fail(p, r,
		    cli_error(CLI_MISMATCH, 0, "the answer has another length",
			"receive from %s, probe %llu", r->session.peer, (unsigned long long)seq));
		return;
	}
	if (check(p, r, bytes, len, seq, 0))
		take_answer(p, r, seq);
}

static void
receive_failed(struct ping *p, struct prober *r, int errnum)
{
	/* One that refuses a datagram may be there for the next, if it ever was. */
	if (is_datagram(p) && p->stats->received > 0)
		return;
	fail(p, r, session_failed(&r->session, "receive from", errnum));
}

static void
receive(struct ping *p, struct prober *r)
{
	while (!r->dead) {
		ssize_t n = sku_recv(&r->session.sock, p->piece, PIECE, 0);

		if (n == -1) {
			if (errno != EAGAIN)
				receive_failed(p, r, errno);
			return;
		}
		if (n == 0 && !is_datagram(p)) {
			fail(p, r, session_closed_early(&r->session, "every probe was answered"));
			return;
		}
		cli_count_up(&session_counters.bytes_in, (uint64_t)n);
		if (is_datagram(p))
			take_datagram(p, r, p->piece, (size_t)n);
		else
			take_stream(p, r, p->piece, (size_t)n);
		if (!is_datagram(p) && (size_t)n < PIECE)
			return; /* there is no more, or epoll says so */
	}
}

/* When r must be looked at again, whatever comes. */
static int64_t
wakes_at(const struct ping *p, const struct prober *r)
{
	int64_t at = is_sending(p, r) ? INT64_MAX : r->due_ns; /* one probe after the other */

	if (is_waiting(r) && expires_at(p, probe_slot(r, r->oldest)) < at)
		at = expires_at(p, probe_slot(r, r->oldest));
	return at;
}

/* After something happened: what comes next, or is it done? */
static void
settle(struct ping *p, struct prober *r)
{
	struct epoll_event event = { .data.ptr = r };

	if (r->dead)
		return;
	expire(p, r);
	if (is_sending(p, r) && probe_slot(r, r->sent)->state == PROBE_LOST) {
		fail(p, r, session_timed_out(&r->session, "send to"));
		return;
	}
	if (is_back_to_back(p) || !may_send_more(p, r))
		schedule(p, r);
	if (!may_send_more(p, r) && !is_waiting(r)) {
		bury(p, r);
		return;
	}
	if (wakes_at(p, r) != INT64_MAX)
		(void)cli_timer_set(&p->timers, &r->timer, wakes_at(p, r)); /* it has room */
	else
		cli_timer_clear(&p->timers, &r->timer);
	event.events = EPOLLIN | (is_sending(p, r) ? EPOLLOUT : 0);
	if (event.events != r->watched &&
	    epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, sku_fileno(&r->session.sock), &event) == 0)
		r->watched = event.events;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static struct prober *
prober_of(struct cli_timer *timer)
{
	return (struct prober *)(void *)((char *)timer - offsetof(struct prober, timer));
}

/* Wait to the nanosecond where the kernel can: a millisecond would be most of a round trip. */
static int
wait_for_events(const struct ping *p, struct epoll_event *events)
{
	const struct cli_timer *timer = cli_timers_first(&p->timers);
	struct sku_deadline at = p->config->limits.run;
	int64_t left;

	if (timer != NULL)
		at = sku_deadline_earlier(at, (struct sku_deadline){ timer->at_ns });
	if (!p->stopped)
		at = sku_deadline_earlier(at, (struct sku_deadline){ p->stop_sending_ns });
	left = sku_deadline_left(at);
#ifdef HAVE_EPOLL_PWAIT2
	{
		const struct timespec ts = { (time_t)(left / SKU_SECOND),
			(long)(left % SKU_SECOND) };
		int n = epoll_pwait2(
		    p->epoll_fd, events, EVENTS, left == SKU_NO_TIMEOUT ? NULL : &ts, NULL);

		if (n >= 0 || errno != ENOSYS)
			return n;
	}
#endif
	return epoll_wait(p->epoll_fd, events, EVENTS, sku_deadline_poll_ms(at));
}

static void
run_timers(struct ping *p)
{
	struct cli_timer *timer;

	while ((timer = cli_timers_first(&p->timers)) != NULL && timer->at_ns <= p->now) {
		struct prober *r = prober_of(timer);

		cli_timer_clear(&p->timers, timer);
		expire(p, r);
		if (is_back_to_back(p))
			schedule(p, r);
		send_due(p, r);
		settle(p, r);
	}
}

static void
handle(struct ping *p, struct prober *r, uint32_t events)
{
	if (r->dead)
		return;
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		receive(p, r);
	if (!r->dead)
		send_due(p, r);
	settle(p, r);
}

/* --duration is over: those who wait for nothing are done. */
static void
stop_sending(struct ping *p)
{
	p->stopped = true;
	for (size_t i = 0; i < p->count; i++)
		settle(p, &p->probers[i]);
}

static int
run(struct ping *p)
{
	struct epoll_event events[EVENTS];

	while (p->alive > 0 && !p->interrupted) {
		int n = wait_for_events(p, events);

		p->now = sku_now();
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				p->interrupted = true;
			else
				handle(p, events[i].data.ptr, events[i].events);
		}
		run_timers(p);
		if (!p->stopped && p->now >= p->stop_sending_ns)
			stop_sending(p);
		if (cli_flush() != CLI_OK)
			return CLI_FAILED;
		if (p->alive > 0 && p->now >= p->config->limits.run.at_ns)
			return cli_error(CLI_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)",
			    "ping %s", p->probers[0].session.peer);
	}
	return CLI_OK;
}

/* ---- opening ------------------------------------------------------------------------------- */

static uint64_t
window_size(const struct client_config *config)
{
	uint64_t most = PROBES_KEPT / (uint64_t)config->clients, want = FEWEST_KEPT, size = 1;

	if (config->interval_ns > 0 && config->limits.timeout_ns > 0)
		want += 2 * (uint64_t)(config->limits.timeout_ns / config->interval_ns);
	else if (config->interval_ns > 0)
		want = most;
	if (want > most)
		want = most;
	if (want < FEWEST_KEPT)
		want = FEWEST_KEPT;
	while (size < want)
		size *= 2;
	return size;
}

static int
open_datagram(struct ping *p, struct prober *r)
{
	struct sku_sock sock = SKU_SOCK_INIT;
	int status;

	if (p->config->dial.fd != -1) {
		if (sku_socket_from_fd(&sock, p->config->dial.fd) == -1)
			return cli_error_errno(
			    CLI_FAILED, errno, "use descriptor %d", p->config->dial.fd);
		return session_adopt(&r->session, p->config, &sock);
	}
	for (size_t i = 0; i < p->peers.count; i++) {
		if (cli_dial_datagram(&p->config->dial, &p->peers.addresses[i], &sock) == 0)
			return session_adopt(&r->session, p->config, &sock);
		status = errno;
		sku_autoclose(&sock);
		if (i + 1 == p->peers.count)
			return cli_error_peer(status, "connect to %s",
			    cli_peer_text(&p->peers.addresses[i], r->session.peer));
	}
	return CLI_FAILED;
}

static int
open_prober(struct ping *p, size_t i)
{
	struct prober *r = &p->probers[i];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = r };
	int status = is_datagram(p) ? open_datagram(p, r) : session_open(&r->session, p->config);

	if (status != CLI_OK)
		return status;
	r->number = i + 1;
	r->oldest = 1;
	r->in_seq = 1;
	r->out_offset = p->config->size;
	r->watched = EPOLLIN;
	r->window = (size_t)window_size(p->config);
	r->probes = calloc(r->window, sizeof(*r->probes));
	if (r->probes == NULL || cli_timer_set(&p->timers, &r->timer, INT64_MAX) == -1)
		return cli_error_errno(CLI_FAILED, ENOMEM, "prepare --ping");
	if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, sku_fileno(&r->session.sock), &event) == -1)
		return cli_error_errno(CLI_FAILED, errno, "prepare --ping");
	p->alive++;
	return CLI_OK;
}

/* From here on SIGINT ends the run with its summary; before, it just ends.  A script's `&` must not
 * have it ignored. */
static int
open_signal(struct ping *p)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)signal(SIGINT, SIG_DFL);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signal_fd == -1 || epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, p->signal_fd, &event) == -1)
		return cli_error_errno(CLI_FAILED, errno, "prepare --ping");
	return CLI_OK;
}

static int
open_ping(struct ping *p)
{
	int status = CLI_OK;

	cli_raise_descriptor_limit();
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* wake when the probe is due */
	p->piece = malloc(PIECE);
	p->stats = calloc(1, sizeof(*p->stats));
	p->probers = calloc((size_t)p->config->clients, sizeof(*p->probers));
	if (p->piece == NULL || p->stats == NULL || p->probers == NULL)
		return cli_error_errno(CLI_FAILED, ENOMEM, "prepare --ping");
	for (size_t i = 0; i < (size_t)p->config->clients; i++)
		p->probers[i].session.sock = (struct sku_sock)SKU_SOCK_INIT;
	if (is_datagram(p) && p->config->dial.fd == -1)
		status = cli_dial_resolve(
		    &p->config->dial, &p->config->endpoint, &p->config->limits, &p->peers);
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll_fd == -1)
		return cli_error_errno(CLI_FAILED, errno, "prepare --ping");
	p->count = (size_t)p->config->clients;
	for (size_t i = 0; status == CLI_OK && i < p->count; i++)
		status = open_prober(p, i);
	return status;
}

/* Everybody begins; with an interval, one after the other within it, not all at once. */
static void
begin(struct ping *p)
{
	p->now = p->start_ns = sku_now();
	if (p->config->duration_ns != NO_LIMIT)
		p->stop_sending_ns = p->now + p->config->duration_ns;
	for (size_t i = 0; i < p->count; i++) {
		struct prober *r = &p->probers[i];

		r->start_ns = p->start_ns + p->config->interval_ns / (int64_t)p->count * (int64_t)i;
		r->due_ns = r->start_ns;
		(void)cli_timer_set(&p->timers, &r->timer, r->due_ns);
	}
	run_timers(p);
}

static int
result(const struct ping *p)
{
	if (p->status != CLI_OK)
		return p->status;
	if (p->stats->received == p->stats->transmitted)
		return CLI_OK;
	if (p->config->limits.timeout_ns == 0)
		return cli_error_errno(
		    CLI_FAILED, EAGAIN, "receive from %s", p->probers[0].session.peer);
	return p->stats->received == 0 ? CLI_TIMED_OUT : CLI_FAILED;
}

static void
close_ping(struct ping *p)
{
	for (size_t i = 0; p->probers != NULL && i < p->count; i++) {
		session_close(&p->probers[i].session);
		free(p->probers[i].probes);
	}
	cli_timers_free(&p->timers);
	cli_datagram_peers_free(&p->peers);
	if (p->epoll_fd != -1)
		(void)close(p->epoll_fd);
	if (p->signal_fd != -1)
		(void)close(p->signal_fd);
	free(p->probers);
	free(p->stats);
	free(p->piece);
}

int
run_ping(const struct client_config *config)
{
	struct ping p = {
		.config = config, .epoll_fd = -1, .signal_fd = -1, .stop_sending_ns = INT64_MAX
	};
	int status = open_ping(&p);

	if (status == CLI_OK)
		status = open_signal(&p);
	if (status == CLI_OK) {
		begin(&p);
		status = run(&p);
		if (status == CLI_OK)
			status = result(&p);
		ping_stats_print(p.stats, sku_now() - p.start_ns, config->histogram);
	}
	close_ping(&p);
	return status;
}

/* mode_ping.c - round trips: probes on a schedule, on one connection or many.
 * Row tool. */
#include "run/failure.h"
#include "run/message.h"
#include "run/rate.h"
#include "run/run.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/ping_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_OUTSTANDING ((uint64_t)1 << 20)
#define MIN_OUTSTANDING ((uint64_t)16)

/* ---- the loop ------------------------------------------------------------------------------ */

static void
timer_due(struct loop *loop, struct loop_timer *timer)
{
	struct ping *p = LOOP_OWNER(loop, struct ping, loop);
	struct ping_connection *r = LOOP_OWNER(timer, struct ping_connection, timer);

	ping_due(p, r);
}

static void
socket_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct ping *p = LOOP_OWNER(loop, struct ping, loop);
	struct ping_connection *r = LOOP_OWNER(io, struct ping_connection, io);

	ping_ready(p, r, events);
}

/* --duration is over: that is the ordinary end, whatever is under way. */
static void
duration_is_over(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop, STATUS_OK);
}

/* --keepalive */
static void
keepalive_due(struct loop *loop, struct loop_timer *timer)
{
	struct ping *p = LOOP_OWNER(loop, struct ping, loop);

	for (size_t i = 0; i < p->count; i++) {
		struct ping_connection *r = &p->connections[i];
		struct failure failure;

		failure_clear(&failure);
		if (!r->closed &&
		    peer_check(&r->connection, "receive from", loop->now, &failure) == -1)
			ping_lose(p, r, &failure);
	}
	(void)loop_set_timer(loop, timer, loop->now + peer_check_interval(p->config));
}

static void
flush_results(struct loop *loop)
{
	int status = failure_report_output();

	if (status != STATUS_OK)
		loop_stop(loop, status);
}

static void
count_pending(struct ping *p)
{
	p->stats->pending = 0;
	for (size_t i = 0; i < p->count; i++)
		p->stats->pending += ping_pending(p, &p->connections[i]);
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
open_ping_connection(struct ping *p, size_t i)
{
	struct ping_connection *r = &p->connections[i];

	if (ping_open_peer(p, r) == -1)
		return -1;
	r->number = i + 1;
	r->oldest = 1;
	r->in_seq = 1;
	r->out_offset = p->config->size;
	r->window = (size_t)window_size(p->config);
	r->probes = calloc(r->window, sizeof(*r->probes));
	if (r->probes == NULL)
		return failure_errno(&p->failure, ENOMEM, "prepare --ping");
	p->open_connections++;
	return 0;
}

static int
open_ping(struct ping *p)
{
	run_raise_descriptor_limit();
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* wake when the probe is due */
	retry_begin(&p->retry, p->config->connect.wait_ns);
	p->buffer = malloc(PING_BUFFER);
	p->stats = calloc(1, sizeof(*p->stats));
	p->connections = calloc((size_t)p->config->clients, sizeof(*p->connections));
	if (p->buffer == NULL || p->stats == NULL || p->connections == NULL)
		return failure_errno(&p->failure, ENOMEM, "prepare --ping");
	for (size_t i = 0; i < (size_t)p->config->clients; i++)
		p->connections[i].connection.sock = (struct sku_sock)SKU_SOCK_INIT;
	p->count = (size_t)p->config->clients;
	for (size_t i = 0; i < p->count; i++) {
		if (open_ping_connection(p, i) == -1)
			return -1;
	}
	return 0;
}

/* Start all connections; with an interval, one after the other within it, not all at once. */
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

/* From here on SIGINT ends the run with its summary; before, it just kills the program. */
static int
start_ping(struct ping *p)
{
	if (run_catch_signals(
		RUN_SIGINT_ALONE | RUN_ENDS_BY_SIGNAL | RUN_SIGQUIT_ASKS, &p->failure) == -1)
		return -1;
	p->loop.canceled = canceled;
	p->loop.turn = flush_results;
	p->ask_io = (struct loop_io){ .ready = asked, .fd = run.ask_fd };
	if (loop_open(&p->loop) == -1 || loop_watch(&p->loop, &p->ask_io, EPOLLIN) == -1 ||
	    start_probing(p) == -1)
		return failure_errno(&p->failure, errno, "prepare --ping");
	return 0;
}

static int
exit_status(const struct ping *p)
{
	uint64_t lost = ping_stats_lost(p->stats);
	struct failure failure;

	if (p->status != STATUS_OK)
		return p->status;
	if (lost == 0)
		return p->stats->received > 0 ? STATUS_OK : STATUS_FAILED;
	if (run.timeouts.operation_ns == 0) {
		failure_clear(&failure);
		(void)peer_wait_failed(
		    &p->connections[0].connection, "receive from", ETIMEDOUT, &failure);
		return failure_report(&failure);
	}
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
	int status;

	if (open_ping(&p) == -1 || start_ping(&p) == -1) {
		status = failure_report(&p.failure);
	} else {
		status = loop_run(&p.loop);
		print_summary(&p, true);
		if (status == STATUS_OK)
			status = exit_status(&p);
	}
	close_ping(&p);
	return status;
}

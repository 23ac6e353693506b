/* connection.c - one accepted connection: its bytes are sent back, until either end ends it.
 * Row tool. */
#include "sockecho-server/connection.h"

#include "run/run.h"
#include "sockecho-server/stats.h"

#include <errno.h>
#include <stdlib.h>

#define CLOSE_TIMEOUT (2 * SKU_SECOND)
#define RESET_TIMEOUT (1 * SKU_SECOND)

struct connection *
connection_new(
    struct sku_sock *sock, const struct sku_address *peer, const struct faults *faults, int64_t now)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->sock = *sock;
	c->peer = *peer;
	c->started_ns = now;
	c->until_ns = run.timeouts.operation_ns == SKU_NO_TIMEOUT ? INT64_MAX :
								    now + run.timeouts.operation_ns;
	if (flow_init(&c->flow, &c->sock, &c->sock, faults) == 0)
		return c;
	connection_discard(c);
	return NULL;
}

void
connection_discard(struct connection *c)
{
	flow_free(&c->flow);
	free(c);
}

void
connection_free(struct connection *c, bool reset)
{
	if (reset)
		(void)sku_reset(&c->sock);
	else
		(void)sku_close(&c->sock); /* the kernel has what was sent */
	connection_discard(c);
}

/* Bytes were received or sent: restart --timeout. */
static void
restart_timeout(struct connection *c, int64_t now)
{
	if (run.timeouts.operation_ns > 0)
		c->until_ns = now + run.timeouts.operation_ns;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* An end that takes too long is cut short. */
static enum connection_next
follow_closing(const struct connection *c, enum closing_next next, int64_t now)
{
	if (next == CLOSING_LOST)
		return CONNECTION_LOST;
	if (next == CLOSING_CONTINUES && now < c->until_ns)
		return CONNECTION_CONTINUES;
	return c->closing.how == CLOSING_BY_RESET ? CONNECTION_RESET : CONNECTION_ENDED;
}

static enum connection_next
begin_closing(struct connection *c, enum closing_how how, int64_t now)
{
	if (how == CLOSING_SOON)
		c->until_ns = INT64_MAX; /* the server has its own limit */
	else
		c->until_ns = now + (how == CLOSING_BY_RESET ? RESET_TIMEOUT : CLOSE_TIMEOUT);
	return follow_closing(c, closing_begin(&c->closing, &c->sock, how, c->flow.ended), now);
}

/* ---- events -------------------------------------------------------------------------------- */

/* The state of the flow before an event. */
struct mark {
	uint64_t bytes_in, bytes_out;
	bool ended;
};

static struct mark
mark(const struct connection *c)
{
	return (struct mark){ c->flow.bytes_in, c->flow.bytes_out, c->flow.ended };
}

/* Count the bytes that moved since, and do what the flow asks for. */
static enum connection_next
follow(struct connection *c, const struct mark *before, enum flow_next next, int64_t now)
{
	uint64_t in = c->flow.bytes_in - before->bytes_in,
		 out = c->flow.bytes_out - before->bytes_out;

	counter_add(&server_stats.bytes_in, in);
	counter_add(&server_stats.bytes_out, out);
	if (in > 0 || out > 0 || c->flow.ended != before->ended)
		restart_timeout(c, now);
	switch (next) {
	case FLOW_CLOSE:
		return begin_closing(c, CLOSING_IN_ORDER, now);
	case FLOW_RESET:
		return begin_closing(c, CLOSING_BY_RESET, now);
	case FLOW_LOST:
		return CONNECTION_LOST;
	case FLOW_NO_MEMORY:
		return CONNECTION_NO_MEMORY;
	case FLOW_CONTINUES:
		break;
	}
	if (!c->flow.over)
		return CONNECTION_CONTINUES;
	return c->flow.ended ? CONNECTION_ENDED : begin_closing(c, CLOSING_SOON, now);
}

enum connection_next
connection_ready(
    struct connection *c, const struct flow_buffer *buffer, uint32_t events, int64_t now)
{
	struct mark before = mark(c);

	if (c->closing.how != CLOSING_NOT)
		return follow_closing(c, closing_ready(&c->closing, &c->sock, events), now);
	if ((events & EPOLLIN) != 0)
		return follow(c, &before, flow_readable(&c->flow, buffer, now), now);
	if ((events & (EPOLLERR | EPOLLHUP)) == 0)
		return connection_advance(c, now);
	/* The peer went away while we were not reading: nothing can be delivered. */
	errno = closing_cause(&c->sock);
	return CONNECTION_LOST;
}

enum connection_next
connection_advance(struct connection *c, int64_t now)
{
	struct mark before = mark(c);

	if (c->closing.how != CLOSING_NOT)
		return follow_closing(c, closing_due(&c->closing, &c->sock), now);
	if (flow_is_holding_back(&c->flow)) /* --delay or --limit-rate: not the peer's fault */
		restart_timeout(c, now);
	else if (now >= c->until_ns)
		return CONNECTION_TIMED_OUT;
	return follow(c, &before, flow_advance(&c->flow, now), now);
}

static bool
has_unread_input(struct connection *c)
{
	char byte;

	return sku_recv(&c->sock, &byte, 1, MSG_PEEK) == 1;
}

enum connection_next
connection_stop(struct connection *c, int64_t now)
{
	struct mark before = mark(c);

	if (c->closing.how != CLOSING_NOT || c->flow.ended)
		return CONNECTION_CONTINUES;
	/* Nothing that a reset could destroy was sent, and an end in order would look like an
	 * answer. */
	if (c->flow.bytes_in == 0 && has_unread_input(c))
		return begin_closing(c, CLOSING_BY_RESET, now);
	return follow(c, &before, flow_stop(&c->flow, now), now);
}

bool
connection_is_unfinished(const struct connection *c)
{
	if (c->closing.how == CLOSING_NOT)
		return c->flow.bytes_out < c->flow.bytes_in;
	return c->closing.how == CLOSING_BY_RESET;
}

/* ---- what it waits for --------------------------------------------------------------------- */

static int64_t
deadline(const struct connection *c, int64_t now)
{
	if (c->closing.how != CLOSING_NOT)
		return closing_deadline(&c->closing, now, c->until_ns);
	return flow_is_holding_back(&c->flow) ? flow_deadline(&c->flow) : c->until_ns;
}

int
connection_watch(struct connection *c, const struct flow_buffer *buffer, struct loop *loop)
{
	int64_t at = deadline(c, loop->now);
	uint32_t events =
	    (flow_wants_input(&c->flow, buffer) ? EPOLLIN : 0) | (c->flow.blocked ? EPOLLOUT : 0);
	int result = c->closing.how != CLOSING_NOT ? closing_watch(&c->closing, loop, &c->io) :
						     loop_watch(loop, &c->io, events);

	/* A timer that is due too early will be set again then. */
	if (result == -1 || at == INT64_MAX || (c->timer.slot != 0 && at >= c->timer.at_ns))
		return result;
	return loop_set_timer(loop, &c->timer, at);
}

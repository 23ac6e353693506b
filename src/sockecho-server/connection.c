/* connection.c - one accepted connection: its bytes go back, until one of us ends it.
 * Row tool. */
#include "sockecho-server/connection.h"

#include "run/run.h"
#include "sockecho-server/stats.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define DRAIN_TIMEOUT (2 * SKU_SECOND)
#define RESET_TIMEOUT (1 * SKU_SECOND)
#define RESET_PAUSE (1 * SKU_MS)

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
		(void)sku_close(&c->sock); /* what was sent is the kernel's by now */
	connection_discard(c);
}

/* Something came or went: --timeout counts anew. */
static void
restart_timeout(struct connection *c, int64_t now)
{
	if (run.timeouts.operation_ns > 0)
		c->until_ns = now + run.timeouts.operation_ns;
}

/* ---- the end ------------------------------------------------------------------------------- */

static enum connection_next
begin_drain(struct connection *c, int64_t now)
{
	(void)sku_shutdown(&c->sock, SHUT_WR); /* a peer that is gone is found out by reading */
	if (c->flow.ended)
		return CONNECTION_ENDED;
	c->state = DRAINING;
	c->until_ns = now + DRAIN_TIMEOUT;
	return CONNECTION_CONTINUES;
}

/* A reset throws away what the peer has not acknowledged: wait until it has. */
static enum connection_next
continue_reset(struct connection *c, int64_t now)
{
	int unacknowledged = 0;

	return now >= c->until_ns || ioctl(sku_fileno(&c->sock), SIOCOUTQ, &unacknowledged) == -1 ||
		       unacknowledged == 0 ?
		   CONNECTION_RESET :
		   CONNECTION_CONTINUES;
}

static enum connection_next
begin_reset(struct connection *c, int64_t now)
{
	c->state = RESETTING;
	c->until_ns = now + RESET_TIMEOUT;
	return continue_reset(c, now);
}

/* ---- events -------------------------------------------------------------------------------- */

/* How far the flow was before an event. */
struct mark {
	uint64_t bytes_in, bytes_out;
	bool ended;
};

static struct mark
mark(const struct connection *c)
{
	return (struct mark){ c->flow.bytes_in, c->flow.bytes_out, c->flow.ended };
}

/* Count what moved since, and do what the flow says. */
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
		return begin_drain(c, now);
	case FLOW_RESET:
		return begin_reset(c, now);
	case FLOW_LOST:
		return CONNECTION_LOST;
	case FLOW_NO_MEMORY:
		return CONNECTION_NO_MEMORY;
	case FLOW_CONTINUES:
		break;
	}
	return c->flow.over ? CONNECTION_ENDED : CONNECTION_CONTINUES;
}

/* Our end is shut: what comes is thrown away, until the peer's end is there. */
static enum connection_next
drain(struct connection *c, const struct flow_buffer *buffer)
{
	ssize_t n = sku_recv(&c->sock, buffer->bytes, buffer->size, 0);

	if (n == -1)
		return errno == EAGAIN ? CONNECTION_CONTINUES : CONNECTION_LOST;
	return n == 0 ? CONNECTION_ENDED : CONNECTION_CONTINUES;
}

enum connection_next
connection_readable(struct connection *c, const struct flow_buffer *buffer, int64_t now)
{
	struct mark before = mark(c);

	if (c->state != SERVING)
		return drain(c, buffer);
	return follow(c, &before, flow_readable(&c->flow, buffer, now), now);
}

enum connection_next
connection_advance(struct connection *c, int64_t now)
{
	struct mark before = mark(c);

	if (c->state == RESETTING)
		return continue_reset(c, now);
	if (c->state == DRAINING)
		return now >= c->until_ns ? CONNECTION_ENDED : CONNECTION_CONTINUES;
	if (flow_is_holding_back(&c->flow)) /* a wait of our own making is none of the peer's */
		restart_timeout(c, now);
	else if (now >= c->until_ns)
		return CONNECTION_TIMED_OUT;
	return follow(c, &before, flow_advance(&c->flow, now), now);
}

enum connection_next
connection_stop(struct connection *c, int64_t now)
{
	char scratch[16 * 1024];
	enum connection_next next = CONNECTION_CONTINUES;
	struct mark before = mark(c);

	if (c->state == SERVING && !c->flow.ended)
		next = follow(c, &before, flow_stop(&c->flow, now), now);
	/* Closing on unread bytes would be a reset, and take back what the peer has not read. */
	if (next == CONNECTION_ENDED) {
		(void)sku_shutdown(&c->sock, SHUT_WR);
		for (int i = 0; i < 64 && sku_recv(&c->sock, scratch, sizeof(scratch), 0) > 0; i++)
			;
	}
	return next;
}

uint32_t
connection_interest(const struct connection *c, const struct flow_buffer *buffer)
{
	if (c->state != SERVING)
		return c->state == DRAINING ? EPOLLIN : 0;
	return (flow_wants_input(&c->flow, buffer) ? EPOLLIN : 0) |
	       (c->flow.blocked ? EPOLLOUT : 0);
}

int64_t
connection_deadline(const struct connection *c, int64_t now)
{
	if (c->state == RESETTING)
		return now + RESET_PAUSE;
	return flow_is_holding_back(&c->flow) && c->state == SERVING ? flow_deadline(&c->flow) :
								       c->until_ns;
}

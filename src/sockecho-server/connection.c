/* connection.c - one accepted connection: what it is owed, and when.
 * Row tool.
 *
 * An idle connection holds no buffer: what one recv brought goes back at once from the buffer that
 * all share, and only a rest that the peer does not take, or must wait for, is kept. */
#include "sockecho-server/connection.h"

#include "run/ascii.h"
#include "run/run.h"
#include "sockecho-server/stats.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#define DRAIN_TIMEOUT (2 * SKU_SECOND)
#define RESET_TIMEOUT (1 * SKU_SECOND)
#define RESET_PAUSE (1 * SKU_MS)

struct connection *
connection_new(struct sku_sock *sock, const struct sku_address *peer,
    const struct server_config *config, int64_t now)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->sock = *sock;
	c->peer = *peer;
	c->started_ns = now;
	c->last = &c->first;
	c->rate.bytes_per_second = config->limit_rate;
	c->until_ns = run.timeouts.operation_ns == SKU_NO_TIMEOUT ? INT64_MAX :
								    now + run.timeouts.operation_ns;
	return c;
}

void
connection_free(struct connection *c, bool reset)
{
	while (c->first != NULL) {
		struct pending *pending = c->first;

		c->first = pending->next;
		free(pending);
	}
	if (reset)
		(void)sku_reset(&c->sock);
	else
		(void)sku_close(&c->sock); /* what was sent is the kernel's by now */
	free(c);
}

/* Something came or went: --timeout counts anew. */
static void
restart_timeout(struct connection *c, int64_t now)
{
	if (run.timeouts.operation_ns > 0)
		c->until_ns = now + run.timeouts.operation_ns;
}

static bool
has_faults(const struct server_config *config)
{
	return config->delay_ns > 0 || config->limit_rate != UNLIMITED ||
	       config->close_after != UNLIMITED || config->reset_after != UNLIMITED;
}

/* ---- what waits to be sent ----------------------------------------------------------------- */

static int
queue_append(struct connection *c, const char *bytes, size_t len, int64_t due_ns)
{
	struct pending *pending = malloc(sizeof(*pending) + len);

	if (pending == NULL)
		return -1;
	*pending = (struct pending){ .due_ns = due_ns, .len = len };
	memcpy(pending->bytes, bytes, len);
	*c->last = pending;
	c->last = &pending->next;
	return 0;
}

static void
queue_drop_first(struct connection *c)
{
	struct pending *pending = c->first;

	c->first = pending->next;
	if (c->first == NULL)
		c->last = &c->first;
	free(pending);
}

static void
count_sent(struct connection *c, size_t n)
{
	c->bytes_out += n;
	counter_add(&server_stats.bytes_out, n);
}

/* After how many bytes in all it is over: --close-after or --reset-after. */
static int64_t
byte_limit(const struct server_config *config)
{
	return config->close_after != UNLIMITED ? config->close_after : config->reset_after;
}

static bool
limit_reached(const struct connection *c, const struct server_config *config)
{
	return byte_limit(config) != UNLIMITED && c->bytes_out >= (uint64_t)byte_limit(config);
}

/* How much of len may go now; 0 sets when more may. */
static size_t
allowance(struct connection *c, const struct server_config *config, size_t len, int64_t now)
{
	int64_t n = (int64_t)len;

	if (byte_limit(config) != UNLIMITED && n > byte_limit(config) - (int64_t)c->bytes_out)
		n = byte_limit(config) - (int64_t)c->bytes_out;
	return rate_allowance(&c->rate, (size_t)n, now);
}

/* A wait of our own making (--delay, --limit-rate) is none of the peer's. */
static bool
is_holding_back(const struct connection *c)
{
	return c->first != NULL && !c->blocked;
}

/* ---- the end ------------------------------------------------------------------------------- */

static enum connection_next
begin_drain(struct connection *c, int64_t now)
{
	(void)sku_shutdown(&c->sock, SHUT_WR); /* a peer that is gone is found out by reading */
	if (c->ended)
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

	if (now >= c->until_ns || ioctl(sku_fileno(&c->sock), SIOCOUTQ, &unacknowledged) == -1 ||
	    unacknowledged == 0)
		return CONNECTION_RESET;
	c->recheck_at_ns = now + RESET_PAUSE;
	return CONNECTION_CONTINUES;
}

static enum connection_next
begin_reset(struct connection *c, int64_t now)
{
	c->state = RESETTING;
	c->until_ns = now + RESET_TIMEOUT;
	return continue_reset(c, now);
}

/* Nothing is queued any more, or the peer has had all that it shall have. */
static enum connection_next
after_sending(struct connection *c, const struct server_config *config, int64_t now)
{
	if (limit_reached(c, config))
		return config->reset_after != UNLIMITED ? begin_reset(c, now) : begin_drain(c, now);
	return c->first == NULL && c->ended ? CONNECTION_ENDED : CONNECTION_CONTINUES;
}

/* ---- events -------------------------------------------------------------------------------- */

static enum connection_next
send_queued(struct connection *c, const struct server_config *config, int64_t now)
{
	c->blocked = false;
	while (c->first != NULL && c->first->due_ns <= now && !limit_reached(c, config)) {
		struct pending *pending = c->first;
		size_t len = allowance(c, config, pending->len - pending->sent, now);
		ssize_t n;

		if (len == 0)
			break;
		n = sku_send(&c->sock, pending->bytes + pending->sent, len, 0);
		if (n == -1) {
			c->blocked = errno == EAGAIN;
			return c->blocked ? CONNECTION_CONTINUES : CONNECTION_LOST;
		}
		count_sent(c, (size_t)n);
		rate_account(&c->rate, (size_t)n, now);
		restart_timeout(c, now);
		pending->sent += (size_t)n;
		if (pending->sent == pending->len)
			queue_drop_first(c);
	}
	return after_sending(c, config, now);
}

static enum connection_next
answer(struct connection *c, const struct server_config *config, const char *bytes, size_t len,
    int64_t now)
{
	ssize_t n = 0;

	if (!has_faults(config)) {
		n = sku_send(&c->sock, bytes, len, 0);
		if (n == (ssize_t)len) {
			count_sent(c, len);
			return CONNECTION_CONTINUES;
		}
		if (n == -1 && errno != EAGAIN)
			return CONNECTION_LOST;
		n = n == -1 ? 0 : n;
		count_sent(c, (size_t)n);
	}
	if (queue_append(c, bytes + n, len - (size_t)n, now + config->delay_ns) == -1)
		return CONNECTION_NO_MEMORY;
	return send_queued(c, config, now);
}

enum connection_next
connection_readable(
    struct connection *c, const struct server_config *config, char *buf, int64_t now)
{
	ssize_t n = sku_recv(&c->sock, buf, config->stream.bufsize, 0);

	if (n == -1)
		return errno == EAGAIN ? CONNECTION_CONTINUES : CONNECTION_LOST;
	if (c->state == SERVING)
		restart_timeout(c, now);
	if (n == 0) {
		c->ended = true;
		if (c->state == DRAINING)
			return CONNECTION_ENDED;
		return after_sending(c, config, now);
	}
	if (c->state != SERVING)
		return CONNECTION_CONTINUES;
	c->bytes_in += (size_t)n;
	counter_add(&server_stats.bytes_in, (size_t)n);
	if (config->upper)
		ascii_upper(buf, (size_t)n);
	return answer(c, config, buf, (size_t)n, now);
}

enum connection_next
connection_advance(struct connection *c, const struct server_config *config, int64_t now)
{
	if (c->state == RESETTING)
		return continue_reset(c, now);
	if (c->state == DRAINING)
		return now >= c->until_ns ? CONNECTION_ENDED : CONNECTION_CONTINUES;
	if (is_holding_back(c))
		restart_timeout(c, now);
	else if (now >= c->until_ns)
		return CONNECTION_TIMED_OUT;
	return send_queued(c, config, now);
}

enum connection_next
connection_stop(struct connection *c, const struct server_config *config, int64_t now)
{
	char scratch[16 * 1024];
	enum connection_next next = CONNECTION_CONTINUES;

	if (c->state == SERVING && !c->ended) {
		c->ended = true;
		next = send_queued(c, config, now);
	}
	/* Closing on unread bytes would be a reset, and take back what the peer has not read. */
	if (next == CONNECTION_ENDED) {
		(void)sku_shutdown(&c->sock, SHUT_WR);
		for (int i = 0; i < 64 && sku_recv(&c->sock, scratch, sizeof(scratch), 0) > 0; i++)
			;
	}
	return next;
}

uint32_t
connection_interest(const struct connection *c, const struct server_config *config)
{
	uint32_t interest = 0;
	size_t max = has_faults(config) ? config->stream.bufsize : 1;

	if (!c->ended && c->state != RESETTING &&
	    (c->state == DRAINING || c->bytes_in - c->bytes_out < max))
		interest |= EPOLLIN;
	if (c->blocked)
		interest |= EPOLLOUT;
	return interest;
}

int64_t
connection_deadline(const struct connection *c)
{
	if (c->state == RESETTING)
		return c->recheck_at_ns;
	if (c->state == DRAINING || !is_holding_back(c))
		return c->until_ns;
	return c->first->due_ns > c->rate.next_at_ns ? c->first->due_ns : c->rate.next_at_ns;
}

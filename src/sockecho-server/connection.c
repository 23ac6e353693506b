/* connection.c - one accepted connection: what it is owed, and when.
 * Row tool.
 *
 * An idle connection holds no buffer: what one recv brought goes back at once from the buffer that
 * all share, and only a rest that the peer does not take, or must wait for, is kept. */
#include "sockecho-server/connection.h"

#include "run/ascii.h"
#include "sockecho-server/stats.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#define DRAIN_PATIENCE (2 * SKU_SECOND)
#define RESET_PATIENCE (1 * SKU_SECOND)
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
	sku_address_unmap(&c->peer);
	c->started_ns = now;
	c->last = &c->first;
	c->pace.rate = config->limit_rate;
	c->state_until_ns = INT64_MAX;
	c->idle_at_ns = config->limits.timeout_ns == SKU_NO_TIMEOUT ?
			    INT64_MAX :
			    now + config->limits.timeout_ns;
	return c;
}

void
connection_free(struct connection *c, bool reset)
{
	while (c->first != NULL) {
		struct chunk *chunk = c->first;

		c->first = chunk->next;
		free(chunk);
	}
	if (reset)
		(void)sku_reset(&c->sock);
	else
		(void)sku_close(&c->sock); /* what was sent is the kernel's by now */
	free(c);
}

/* Something came or went: --timeout counts anew. */
static void
progress(struct connection *c, const struct server_config *config, int64_t now)
{
	if (config->limits.timeout_ns > 0)
		c->idle_at_ns = now + config->limits.timeout_ns;
}

static bool
misbehaves(const struct server_config *config)
{
	return config->delay_ns > 0 || config->limit_rate != NO_LIMIT ||
	       config->close_after != NO_LIMIT || config->reset_after != NO_LIMIT;
}

/* ---- what waits to be sent ----------------------------------------------------------------- */

static int
push(struct connection *c, const char *bytes, size_t len, int64_t due_ns)
{
	struct chunk *chunk = malloc(sizeof(*chunk) + len);

	if (chunk == NULL)
		return -1;
	*chunk = (struct chunk){ .due_ns = due_ns, .len = len };
	memcpy(chunk->bytes, bytes, len);
	*c->last = chunk;
	c->last = &chunk->next;
	c->queued += len;
	return 0;
}

static void
pop(struct connection *c)
{
	struct chunk *chunk = c->first;

	c->first = chunk->next;
	if (c->first == NULL)
		c->last = &c->first;
	free(chunk);
}

static void
count_sent(struct connection *c, size_t n)
{
	c->bytes_out += n;
	cli_count_up(&server_stats.bytes_out, n);
}

/* After how many bytes in all it is over: --close-after or --reset-after. */
static int64_t
last_byte(const struct server_config *config)
{
	return config->close_after != NO_LIMIT ? config->close_after : config->reset_after;
}

static bool
all_given(const struct connection *c, const struct server_config *config)
{
	return last_byte(config) != NO_LIMIT && c->bytes_out >= (uint64_t)last_byte(config);
}

/* How much of len may go now; 0 sets when more may. */
static size_t
allowance(struct connection *c, const struct server_config *config, size_t len, int64_t now)
{
	int64_t n = (int64_t)len;

	if (last_byte(config) != NO_LIMIT && n > last_byte(config) - (int64_t)c->bytes_out)
		n = last_byte(config) - (int64_t)c->bytes_out;
	return cli_pace_room(&c->pace, (size_t)n, now);
}

/* ---- the end ------------------------------------------------------------------------------- */

static enum connection_news
shut_down(struct connection *c, int64_t now)
{
	(void)sku_shutdown(&c->sock, SHUT_WR); /* a peer that is gone is found out by reading */
	if (c->ended)
		return CONNECTION_ENDED;
	c->state = DRAINING;
	c->state_until_ns = now + DRAIN_PATIENCE;
	return CONNECTION_GOES_ON;
}

/* A reset throws away what the peer has not acknowledged: wait until it has. */
static enum connection_news
go_on_resetting(struct connection *c, int64_t now)
{
	int unacknowledged = 0;

	if (now >= c->state_until_ns ||
	    ioctl(sku_fileno(&c->sock), SIOCOUTQ, &unacknowledged) == -1 || unacknowledged == 0)
		return CONNECTION_RESET;
	c->look_again_ns = now + RESET_PAUSE;
	return CONNECTION_GOES_ON;
}

static enum connection_news
begin_reset(struct connection *c, int64_t now)
{
	c->state = RESETTING;
	c->state_until_ns = now + RESET_PATIENCE;
	return go_on_resetting(c, now);
}

/* Nothing is queued any more, or the peer has had all that it shall have. */
static enum connection_news
after_sending(struct connection *c, const struct server_config *config, int64_t now)
{
	if (all_given(c, config))
		return config->reset_after != NO_LIMIT ? begin_reset(c, now) : shut_down(c, now);
	return c->first == NULL && c->ended ? CONNECTION_ENDED : CONNECTION_GOES_ON;
}

/* ---- events -------------------------------------------------------------------------------- */

static enum connection_news
send_queued(struct connection *c, const struct server_config *config, int64_t now)
{
	c->blocked = false;
	while (c->first != NULL && c->first->due_ns <= now && !all_given(c, config)) {
		struct chunk *chunk = c->first;
		size_t len = allowance(c, config, chunk->len - chunk->sent, now);
		ssize_t n;

		if (len == 0)
			break;
		n = sku_send(&c->sock, chunk->bytes + chunk->sent, len, 0);
		if (n == -1) {
			c->blocked = errno == EAGAIN;
			return c->blocked ? CONNECTION_GOES_ON : CONNECTION_LOST;
		}
		count_sent(c, (size_t)n);
		cli_pace_pay(&c->pace, (size_t)n, now);
		progress(c, config, now);
		chunk->sent += (size_t)n;
		c->queued -= (size_t)n;
		if (chunk->sent == chunk->len)
			pop(c);
	}
	return after_sending(c, config, now);
}

static enum connection_news
answer(struct connection *c, const struct server_config *config, const char *bytes, size_t len,
    int64_t now)
{
	ssize_t n = 0;

	if (!misbehaves(config)) {
		n = sku_send(&c->sock, bytes, len, 0);
		if (n == (ssize_t)len) {
			count_sent(c, len);
			return CONNECTION_GOES_ON;
		}
		if (n == -1 && errno != EAGAIN)
			return CONNECTION_LOST;
		n = n == -1 ? 0 : n;
		count_sent(c, (size_t)n);
	}
	if (push(c, bytes + n, len - (size_t)n, now + config->delay_ns) == -1)
		return CONNECTION_NO_MEMORY;
	return send_queued(c, config, now);
}

enum connection_news
connection_readable(
    struct connection *c, const struct server_config *config, char *buf, int64_t now)
{
	ssize_t n = sku_recv(&c->sock, buf, config->stream.bufsize, 0);

	if (n == -1)
		return errno == EAGAIN ? CONNECTION_GOES_ON : CONNECTION_LOST;
	progress(c, config, now);
	if (n == 0) {
		c->ended = true;
		if (c->state == DRAINING)
			return CONNECTION_ENDED;
		return after_sending(c, config, now);
	}
	if (c->state != SERVING)
		return CONNECTION_GOES_ON;
	c->bytes_in += (size_t)n;
	cli_count_up(&server_stats.bytes_in, (size_t)n);
	if (config->upper)
		cli_upper(buf, (size_t)n);
	return answer(c, config, buf, (size_t)n, now);
}

enum connection_news
connection_proceed(struct connection *c, const struct server_config *config, int64_t now)
{
	if (c->state == RESETTING)
		return go_on_resetting(c, now);
	if (c->state == DRAINING)
		return now >= c->state_until_ns ? CONNECTION_ENDED : CONNECTION_GOES_ON;
	if (now >= c->idle_at_ns) {
		/* A wait of our own making (--delay, --limit-rate) is none of the peer's. */
		if (c->first == NULL || c->blocked)
			return CONNECTION_TIMED_OUT;
		progress(c, config, now);
	}
	return send_queued(c, config, now);
}

enum connection_news
connection_finish(struct connection *c, const struct server_config *config, int64_t now)
{
	char scratch[16 * 1024];
	enum connection_news news = CONNECTION_GOES_ON;

	if (c->state == SERVING && !c->ended) {
		c->ended = true;
		news = send_queued(c, config, now);
	}
	/* Closing on unread bytes would be a reset, and take back what the peer has not read. */
	if (news == CONNECTION_ENDED) {
		(void)sku_shutdown(&c->sock, SHUT_WR);
		for (int i = 0; i < 64 && sku_recv(&c->sock, scratch, sizeof(scratch), 0) > 0; i++)
			;
	}
	return news;
}

uint32_t
connection_interest(const struct connection *c, const struct server_config *config)
{
	uint32_t interest = 0;
	size_t most = misbehaves(config) ? config->stream.bufsize : 1;

	if (!c->ended && c->state != RESETTING && (c->state == DRAINING || c->queued < most))
		interest |= EPOLLIN;
	if (c->blocked)
		interest |= EPOLLOUT;
	return interest;
}

int64_t
connection_wakes_at(const struct connection *c)
{
	int64_t at = c->idle_at_ns;

	if (c->state == RESETTING)
		return c->look_again_ns;
	if (c->state == DRAINING)
		return c->state_until_ns;
	if (c->first != NULL && !c->blocked) {
		int64_t send_at = c->first->due_ns > c->pace.paid_until_ns ? c->first->due_ns :
									     c->pace.paid_until_ns;
		if (send_at < at)
			at = send_at;
	}
	return at;
}

/* incoming.c - a connection, and what its first bytes say it is.
 * Row tool. */
#include "sockfile-recv/incoming.h"

#include "transfer/wire.h"

#include <errno.h>
#include <poll.h>

#define POLL_INTERVAL (20 * SKU_MS)

int
incoming_init(struct incoming *incoming, struct sku_sock *sock, const struct sku_address *peer)
{
	*incoming = (struct incoming){ .sock = *sock, .peer = *peer, .since_ns = sku_now() };
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	sku_address_unmap(&incoming->peer);
	(void)peer_text(&incoming->peer, incoming->text);
	return sku_settimeout(&incoming->sock, 0);
}

/* The end of the stream behind these few bytes: they are all that it has. */
static bool
has_ended(struct incoming *incoming)
{
	struct pollfd pfd = { .fd = sku_fileno(&incoming->sock), .events = POLLRDHUP };

	return poll(&pfd, 1, 0) == 1;
}

enum incoming_kind
incoming_detect(struct incoming *incoming)
{
	uint8_t first[WIRE_MAGIC_SIZE];
	ssize_t n = sku_recv(&incoming->sock, first, sizeof(first), MSG_PEEK);

	if (n == 0)
		return INCOMING_CLOSED;
	if (n == -1)
		return errno == EAGAIN ? INCOMING_SILENT : INCOMING_FAILED;
	if (!wire_may_be_greeting(first, (size_t)n))
		return INCOMING_RAW;
	if (n == (ssize_t)sizeof(first))
		return INCOMING_VERIFIED;
	if (has_ended(incoming))
		return INCOMING_RAW;
	incoming->recheck_at_ns = sku_now() + POLL_INTERVAL;
	return INCOMING_PARTIAL;
}

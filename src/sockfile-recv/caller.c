/* caller.c - a connection, and what its first bytes say it is.
 * Row tool. */
#include "sockfile-recv/caller.h"

#include "transfer/wire.h"

#include <errno.h>
#include <poll.h>

#define LOOK_AGAIN (20 * SKU_MS)

int
caller_init(struct caller *caller, struct sku_sock *sock, const struct sku_address *peer)
{
	*caller = (struct caller){ .sock = *sock, .peer = *peer, .since_ns = sku_now() };
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	sku_address_unmap(&caller->peer);
	(void)cli_peer_text(&caller->peer, caller->text);
	return sku_settimeout(&caller->sock, 0);
}

/* The end of the stream behind these few bytes: they are all that it has. */
static bool
has_ended(struct caller *caller)
{
	struct pollfd pfd = { .fd = sku_fileno(&caller->sock), .events = POLLRDHUP };

	return poll(&pfd, 1, 0) == 1;
}

enum caller_kind
caller_look(struct caller *caller)
{
	uint8_t first[WIRE_MAGIC_SIZE];
	ssize_t n = sku_recv(&caller->sock, first, sizeof(first), MSG_PEEK);

	if (n == 0)
		return CALLER_EMPTY;
	if (n == -1)
		return errno == EAGAIN ? CALLER_SILENT : CALLER_LOST;
	if (!wire_may_be_greeting(first, (size_t)n))
		return CALLER_RAW;
	if (n == (ssize_t)sizeof(first))
		return CALLER_VERIFIED;
	if (has_ended(caller))
		return CALLER_RAW;
	caller->look_at_ns = sku_now() + LOOK_AGAIN;
	return CALLER_BEGUN;
}

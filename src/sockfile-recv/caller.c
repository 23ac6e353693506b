/* caller.c - a connection, and what its first bytes say it is.
 * Row tool. */
#include "caller.h"

#include <errno.h>

int
caller_init(struct caller *caller, struct sku_sock *sock, const struct sku_address *peer)
{
	*caller = (struct caller){ .sock = *sock, .peer = *peer, .since_ns = sku_now() };
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	sku_address_unmap(&caller->peer);
	(void)cli_peer_text(&caller->peer, caller->text);
	return sku_settimeout(&caller->sock, 0);
}

enum caller_kind
caller_look(struct caller *caller)
{
	char first;
	ssize_t n = sku_recv(&caller->sock, &first, 1, MSG_PEEK);

	if (n == 0)
		return CALLER_EMPTY;
	if (n == -1)
		return errno == EAGAIN ? CALLER_SILENT : CALLER_LOST;
	return CALLER_RAW;
}

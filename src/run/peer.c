/* peer.c - the address of a peer, and that as text.
 * Row run. */
#include "run/peer.h"

#include <stdio.h>

int
peer_find(const struct sku_sock *sock, struct sku_address *peer)
{
	int result = sku_getpeername(sock, peer);

	sku_address_unmap(peer);
	return result;
}

const char *
peer_text(const struct sku_address *address, char buf[PEER_TEXT_MAX])
{
	char host[SKU_ADDRESS_TEXT_MAX];

	(void)sku_address_host(address, host);
	if (address->len == 0 || address->sa.sa_family == AF_UNIX)
		(void)snprintf(
		    buf, PEER_TEXT_MAX, "%s", host[0] != '\0' ? host : "an unnamed peer");
	else
		(void)snprintf(buf, PEER_TEXT_MAX, "%s port %u", host, sku_address_port(address));
	return buf;
}

/* peer.c - the address of a peer as text, and in records.
 * Row run. */
#include "run/peer.h"

#include "run/event.h"
#include "run/message.h"
#include "run/run.h"

#include <stdio.h>

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

void
peer_json(json_t *record, const struct sku_address *peer)
{
	char host[SKU_ADDRESS_TEXT_MAX];

	(void)sku_address_host(peer, host);
	if (peer->len == 0 || peer->sa.sa_family == AF_UNIX) {
		event_text(record, "path", host);
		return;
	}
	event_text(record, "address", host);
	event_number(record, "port", sku_address_port(peer));
}

void
peer_log(const struct sku_address *peer, const char *event)
{
	char text[PEER_TEXT_MAX];

	if (run.json) {
		json_t *record = event_new(event);

		peer_json(record, peer);
		event_emit(record);
	}
	if (run.verbose > 0)
		msg_verbose(1, "%s: %s", peer_text(peer, text), event);
}

/* peer.c - the address of a peer as text, and in records.
 * Row run. */
#include "run/peer.h"

#include "run/event.h"
#include "run/message.h"
#include "run/run.h"

#include <stdio.h>

const char *
cli_peer_text(const struct sku_address *address, char buf[CLI_PEER_TEXT_MAX])
{
	char host[SKU_ADDRESS_TEXT_MAX];

	(void)sku_address_host(address, host);
	if (address->len == 0 || address->sa.sa_family == AF_UNIX)
		(void)snprintf(
		    buf, CLI_PEER_TEXT_MAX, "%s", host[0] != '\0' ? host : "an unnamed peer");
	else
		(void)snprintf(
		    buf, CLI_PEER_TEXT_MAX, "%s port %u", host, sku_address_port(address));
	return buf;
}

void
cli_record_peer(json_t *record, const struct sku_address *peer)
{
	char host[SKU_ADDRESS_TEXT_MAX];

	(void)sku_address_host(peer, host);
	if (peer->len == 0 || peer->sa.sa_family == AF_UNIX) {
		cli_record_text(record, "path", host);
		return;
	}
	cli_record_text(record, "address", host);
	cli_record_number(record, "port", sku_address_port(peer));
}

void
cli_log_peer(const struct sku_address *peer, const char *event)
{
	char text[CLI_PEER_TEXT_MAX];

	if (cli_voice.json) {
		json_t *record = cli_record(event);

		cli_record_peer(record, peer);
		cli_record_emit(record);
	}
	if (cli_voice.verbose > 0)
		cli_verbose(1, "%s: %s", cli_peer_text(peer, text), event);
}

/* accept.c - taking connections from a listener, and saying who was refused.
 * Row net. */
#include "net/accept.h"

#include "run/message.h"
#include "run/run.h"

#include <errno.h>
#include <string.h>

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

/* Those that accept(2) says are about descriptors or memory; the rest are a connection's own. */
static bool
is_shortage(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

enum cli_accepted
cli_accept(struct cli_listener *listener, const struct cli_access *access, struct sku_sock *conn,
    struct sku_address *peer)
{
	while (sku_accept(&listener->sock, conn, peer) == -1) {
		if (errno == EAGAIN)
			return CLI_ACCEPT_NONE;
		if (is_shortage(errno))
			return CLI_ACCEPT_FAILED;
		/* A connection's own failure (accept(2), "Error handling"): the next may be well.
		 */
		cli_verbose(1, "accept: %s", strerror(errno));
	}
	sku_address_unmap(peer);
	if (cli_access_check(access, peer))
		return CLI_ACCEPT_TAKEN;
	cli_log_peer(peer, "refused");
	(void)sku_reset(conn);
	return CLI_ACCEPT_REFUSED;
}

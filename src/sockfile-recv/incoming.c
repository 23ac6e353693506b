/* incoming.c - a connection, and what its first bytes say it is.
 * Row tool. */
#include "sockfile-recv/incoming.h"

#include "run/wait.h"
#include "transfer/wire.h"

#include <errno.h>
#include <stdlib.h>

struct incoming *
incoming_new(struct sku_sock *sock, const struct sku_address *peer)
{
	struct incoming *incoming = malloc(sizeof(*incoming));

	if (incoming == NULL || sku_settimeout(sock, 0) == -1) {
		free(incoming);
		return NULL;
	}
	*incoming = (struct incoming){
		.sock = *sock, .peer = *peer, .since_ns = sku_now(), .io.fd = sku_fileno(sock)
	};
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	(void)peer_text(&incoming->peer, incoming->text);
	return incoming;
}

void
incoming_free(struct incoming *incoming)
{
	sku_autoclose(&incoming->sock);
	free(incoming);
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
	/* If the stream ends after these few bytes, they are all that it has. */
	return run_is_ready(sku_fileno(&incoming->sock), POLLRDHUP) ? INCOMING_RAW :
								      INCOMING_PARTIAL;
}

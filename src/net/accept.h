/* accept.h - taking connections from a listener. */
#ifndef NET_ACCEPT_H
#define NET_ACCEPT_H

#include "net/listen.h"

enum cli_accepted {
	CLI_ACCEPT_FAILED = -1, /* errno: out of descriptors or memory; it still waits */
	CLI_ACCEPT_NONE,	/* nobody waits */
	CLI_ACCEPT_TAKEN,
	CLI_ACCEPT_REFUSED, /* --allow, --deny: reset, and told by the event refused */
};

/* Take a connection that waits: with CLI_ACCEPT_TAKEN the socket, which has the default timeout, is
 * the caller's and *peer is who it is. */
enum cli_accepted cli_accept(struct cli_listener *listener, const struct cli_access *access,
    struct sku_sock *conn, struct sku_address *peer);

#endif

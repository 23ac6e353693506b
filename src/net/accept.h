/* accept.h - taking connections from a listener. */
#ifndef NET_ACCEPT_H
#define NET_ACCEPT_H

#include "net/listen.h"

enum accept_result {
	ACCEPT_FAILED = -1, /* errno: out of descriptors or memory; it still waits */
	ACCEPT_NONE,	    /* nobody waits */
	ACCEPT_TAKEN,
	ACCEPT_REFUSED, /* --allow, --deny: reset, and told by the event refused */
};

/* Take a connection that waits: with ACCEPT_TAKEN the socket, which has the default timeout, is
 * the caller's and *peer is who it is. */
enum accept_result accept_connection(struct listener *listener, const struct access_list *access,
    struct sku_sock *conn, struct sku_address *peer);

#endif

/* accept.h - accepting connections from a listener. */
#ifndef NET_ACCEPT_H
#define NET_ACCEPT_H

#include "net/listen.h"

enum accept_result {
	ACCEPT_FAILED = -1, /* errno: out of descriptors or memory; the connection still waits */
	ACCEPT_NONE,	    /* no connection waits */
	ACCEPT_TAKEN,
	ACCEPT_REFUSED, /* by --allow or --deny: reset, and logged as the event `refused` */
};

/* Accept a waiting connection.  With ACCEPT_TAKEN the caller has to close *conn, which has the
 * default timeout, and *peer is the peer's address. */
enum accept_result accept_connection(struct listener *listener, const struct access_list *access,
    struct sku_sock *conn, struct sku_address *peer);

#endif

/* datagram_peers.h - the addresses of a datagram peer, and a socket for each. */
#ifndef NET_DATAGRAM_PEERS_H
#define NET_DATAGRAM_PEERS_H

#include "net/connect.h"

/* The addresses, to be tried until one answers. */
struct datagram_peers {
	struct sku_address *addresses;
	size_t count;
};

/* Look the addresses up, and try as long as retry allows.  Returns 0, or -1 and the failure.  Free
 * them with datagram_peers_free(). */
int datagram_peers_resolve(struct datagram_peers *peers, const struct connect_options *options,
    const struct endpoint *endpoint, struct retry *retry, struct failure *failure);
/* Read the FILE of @FILE again, without waiting, and give the addresses its port. */
void datagram_peers_update_port(struct datagram_peers *peers, const struct endpoint *endpoint);
void datagram_peers_free(struct datagram_peers *peers);
/* Open a non-blocking datagram socket that is connected to peer.  0 and a socket that the caller
 * has to close, or -1 and the failure. */
int datagram_peers_open(struct sku_sock *s, const struct connect_options *options,
    const struct sku_address *peer, struct failure *failure);

#endif

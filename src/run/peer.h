/* peer.h - the address of a peer, and that as text. */
#ifndef RUN_PEER_H
#define RUN_PEER_H

#include "libsockutil/sockutil.h"

/* Find the peer of a connected socket.  A v4-mapped address becomes IPv4.  Returns 0, or -1 with
 * errno; the address is empty then. */
int peer_find(const struct sku_sock *sock, struct sku_address *peer);

/* Write `ADDR port PORT`, a path, or "an unnamed peer", for a message.  Returns buf. */
#define PEER_TEXT_MAX 160
const char *peer_text(const struct sku_address *address, char buf[PEER_TEXT_MAX]);

#endif

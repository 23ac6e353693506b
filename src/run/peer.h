/* peer.h - the address of a peer as text. */
#ifndef RUN_PEER_H
#define RUN_PEER_H

#include "libsockutil/sockutil.h"

/* Write `ADDR port PORT`, a path, or "an unnamed peer", for a message.  Returns buf. */
#define PEER_TEXT_MAX 160
const char *peer_text(const struct sku_address *address, char buf[PEER_TEXT_MAX]);

#endif

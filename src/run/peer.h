/* peer.h - the address of a peer as text, and in records. */
#ifndef RUN_PEER_H
#define RUN_PEER_H

#include "libsockutil/sockutil.h"

#include <jansson.h>

/* Write `ADDR port PORT`, a path, or "an unnamed peer", for a message.  Returns buf. */
#define PEER_TEXT_MAX 160
const char *peer_text(const struct sku_address *address, char buf[PEER_TEXT_MAX]);
/* Add the peer's address and port, or its path, to a record. */
void peer_json(json_t *record, const struct sku_address *peer);
/* Log an event about a peer: a line with --verbose, a record with --json. */
void peer_log(const struct sku_address *peer, const char *event);

#endif

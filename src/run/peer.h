/* peer.h - the address of a peer as text, and in records. */
#ifndef RUN_PEER_H
#define RUN_PEER_H

#include "libsockutil/sockutil.h"

#include <jansson.h>

/* `ADDR port PORT`, a path, or "an unnamed peer": for messages.  Returns buf. */
#define PEER_TEXT_MAX 160
const char *peer_text(const struct sku_address *address, char buf[PEER_TEXT_MAX]);
/* The peer's address and port, or path, into a record. */
void peer_json(json_t *record, const struct sku_address *peer);
/* An event about a peer: with --verbose a line, with --json a record. */
void peer_log(const struct sku_address *peer, const char *event);

#endif

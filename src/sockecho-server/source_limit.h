/* source_limit.h - a limit of datagrams a second from one source, in a fixed amount of memory. */
#ifndef SERVER_SOURCE_LIMIT_H
#define SERVER_SOURCE_LIMIT_H

#include "libsockutil/sockutil.h"

struct source_limit;

/* max: datagrams a second.  Returns NULL when there is no memory.  Free it with
 * source_limit_free(), which takes NULL. */
struct source_limit *source_limit_new(int64_t max);
/* Count a datagram.  Returns false if the source, an IP address, has reached its limit in the
 * present second.  If all slots for a source are in use, it takes the one whose second began first.
 * now is sku_now(). */
bool source_limit_take(struct source_limit *limit, const struct sku_address *source, int64_t now);
void source_limit_free(struct source_limit *limit);

#endif

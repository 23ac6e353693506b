/* source_limit.h - so many datagrams a second from one source, in bounded memory. */
#ifndef SERVER_SOURCE_LIMIT_H
#define SERVER_SOURCE_LIMIT_H

#include "libsockutil/sockutil.h"

struct source_limit;

/* most: a second; NULL without memory. */
struct source_limit *source_limit_new(int64_t max);
/* May this source have one more?  Sources are IP addresses; of more than fit in the table, the one
 * that was quiet longest is forgotten. */
bool source_limit_take(struct source_limit *limit, const struct sku_address *source, int64_t now);
void source_limit_free(struct source_limit *limit);

#endif

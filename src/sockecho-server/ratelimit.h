/* ratelimit.h - so many datagrams a second from one source, in bounded memory. */
#ifndef SERVER_RATELIMIT_H
#define SERVER_RATELIMIT_H

#include "libsockutil/sockutil.h"

struct rate_limit;

/* most: a second; NULL without memory. */
struct rate_limit *rate_limit_new(int64_t most);
/* May this source have one more?  Sources are IP addresses; of more than fit in the table, the one
 * that was quiet longest is forgotten. */
bool rate_limit_take(struct rate_limit *limit, const struct sku_address *source, int64_t now);
void rate_limit_free(struct rate_limit *limit);

#endif

/* resolve.h - look a name up, and let a signal end it. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "net/retry.h"

/* getaddrinfo(3) for host.  Meanwhile it says what retry, which may be NULL, has to say of the last
 * failure (retry_say()).  Returns 0 and a list that the caller frees with freeaddrinfo(3), or -1
 * and the failure, which is clear before, and may be the deadline or a signal. */
int resolve_now(const char *host, const struct addrinfo *hints, struct sku_deadline deadline,
    struct retry *retry, const struct failure *last, struct addrinfo **list,
    struct failure *failure);

#endif

/* connecting.h - the ends of a race that the caller waits for. */
#ifndef SKU_CONNECTING_H
#define SKU_CONNECTING_H

#include "libsockutil/sockutil.h"

/* Put the default in the place of SKU_DEFAULT_TIMEOUT.  Returns 0, or -1 with EINVAL. */
int sku_connection_timeout(int64_t *timeout_ns);
/* Wait until the race is over, and free it.  The connection gets the timeout.  Returns 0, or -1 and
 * *err; connecting may be NULL, where *err is filled already. */
int sku_connecting_finish(struct sku_connecting *connecting, struct sku_sock *s, int64_t timeout_ns,
    struct sku_error *err);

#endif

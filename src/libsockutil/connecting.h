/* connecting.h - how to wait for a race of connections. */
#ifndef SKU_CONNECTING_H
#define SKU_CONNECTING_H

#include "libsockutil/sockutil.h"

/* Replace SKU_DEFAULT_TIMEOUT by the default.  Returns 0, or -1 with EINVAL. */
int sku_connection_timeout(int64_t *timeout_ns);
/* Wait until the race is over, and free it.  The connection gets the timeout.  Returns 0, or -1 and
 * *err.  connecting may be NULL: returns -1, and *err is filled already. */
int sku_connecting_finish(struct sku_connecting *connecting, struct sku_sock *s, int64_t timeout_ns,
    struct sku_error *err);

#endif

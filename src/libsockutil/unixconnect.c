/* unixconnect.c - create_connection() for a UNIX path.
 * Row 2: above connecting and error. */
#include "libsockutil/connecting.h"
#include "libsockutil/sockutil.h"

#include <errno.h>

int
sku_create_unix_connection(
    struct sku_sock *s, const char *path, int64_t timeout_ns, struct sku_error *err)
{
	if (sku_connection_timeout(&timeout_ns) == -1) {
		sku_error_set(err, SKU_ERR_SYSTEM, EINVAL, "connect to %s", path);
		return -1;
	}
	return sku_connecting_finish(
	    sku_connecting_start_unix(path, sku_deadline_in(timeout_ns), err), s, timeout_ns, err);
}

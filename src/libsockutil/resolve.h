/* resolve.h - getaddrinfo(3) in the background: for sku_getaddrinfo() and for connecting, which
 * goes on with the first answers while others are still awaited. */
#ifndef SKU_RESOLVE_H
#define SKU_RESOLVE_H

#include "libsockutil/sockutil.h"

struct sku_query;

/* AF_UNSPEC, AF_INET or AF_INET6: 0.  Else -1 and EAI_FAMILY, before anything is called that would
 * guess, or abort. */
int sku_check_family(int family, const char *host, struct sku_error *err);

/* Start a look-up; notify_fd as in sku_background_start().  NULL with errno when that failed. */
struct sku_query *sku_query_start(const char *host, const struct addrinfo *hints, int notify_fd);
bool sku_query_done(struct sku_query *query);
/* Of a query that is done: the list (freeaddrinfo) and 0, or -1 and *err.  Frees the query. */
int sku_query_take(struct sku_query *query, struct addrinfo **result, struct sku_error *err);
/* Done or not; NULL is allowed. */
void sku_query_abandon(struct sku_query *query);

/* *err for a resolver that answered code (and errno, for EAI_SYSTEM) when asked for name. */
void sku_resolve_error(struct sku_error *err, int code, int system_errno, const char *name);

#endif

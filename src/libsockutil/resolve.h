/* resolve.h - getaddrinfo(3) in the background, for sku_getaddrinfo() and for connecting.
 * Connecting begins with the first answers while it still waits for others. */
#ifndef SKU_RESOLVE_H
#define SKU_RESOLVE_H

#include "libsockutil/background.h"
#include "libsockutil/sockutil.h"

struct sku_query;

/* Is family AF_UNSPEC, AF_INET or AF_INET6?  Returns 0, or -1 and SKU_ERR_RESOLVE with EAI_FAMILY.
 * Called before the C library, which would guess the family or abort. */
int sku_check_family(int family, const char *host, struct sku_error *err);

/* Start a look-up, of host or service or both.  notify_fd as in sku_background_start().  Returns a
 * query that the caller must take or abandon, or NULL with errno. */
struct sku_query *sku_query_start(
    const char *host, const char *service, const struct addrinfo *hints, int notify_fd);
bool sku_query_done(struct sku_query *query);
/* Take the answer of a query that is done, and free the query.  Returns 0 and a list that the
 * caller frees with freeaddrinfo(3), or -1 and *err. */
int sku_query_take(struct sku_query *query, struct addrinfo **result, struct sku_error *err);
/* Give up a query, done or not.  NULL is allowed. */
void sku_query_abandon(struct sku_query *query);

/* Run the work of a look-up of name, as sku_background_run() does: 0, or -1 and *err.  Without an
 * argument it fails: there was no memory for one. */
int sku_lookup_run(const struct sku_work *work, const char *name, struct sku_deadline deadline,
    struct sku_error *err);

/* The EAI_ value of the C library's resolver, where errno was 0 before the call and is *error after
 * it.  If glibc had no memory for the look-up, it also says EAI_NONAME, or succeeds with a part of
 * the answer.  If it had no descriptor to read a file with, it says that the name is not known, or
 * some other error: that is EAI_SYSTEM, with EMFILE or ENFILE in *error. */
int sku_resolver_code(int code, int *error);
/* Fill *err for a look-up of name that failed with code, an EAI_ value.  system_errno is used with
 * EAI_SYSTEM. */
void sku_resolve_error(struct sku_error *err, int code, int system_errno, const char *name);

#endif

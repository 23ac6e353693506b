/* cache.h - answers that are not old, in bounded memory. */
#ifndef HOSTLOOKUP_CACHE_H
#define HOSTLOOKUP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_BUCKETS ((size_t)16384) /* a power of two */

struct cache_entry;

/* Set limit, the rest to 0. */
struct cache {
	size_t limit; /* of used; the oldest entries make room */
	size_t used;  /* bytes of the entries, including malloc(3)'s own */
	struct cache_entry *buckets[CACHE_BUCKETS];
	struct cache_entry *oldest, *newest;
};

/* Keep a copy of the value until that instant; it replaces an entry with this key.  It is not kept
 * if there is no memory, or if it is larger than the whole cache. */
void cache_put(
    struct cache *cache, const char *key, const void *value, size_t len, int64_t until_ns);
/* The value, valid until the next call of cache_put() or cache_get().  NULL: there is none, or it
 * has expired. */
const void *cache_get(struct cache *cache, const char *key, int64_t now_ns);
void cache_clear(struct cache *cache);

#endif

/* cache.h - what was found out a moment ago, in bounded memory. */
#ifndef HOSTLOOKUP_CACHE_H
#define HOSTLOOKUP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_BUCKETS ((size_t)16384) /* a power of two */

struct cache_entry;

/* Set limit, the rest to 0. */
struct cache {
	size_t limit; /* of used; what is oldest goes where there is no room */
	size_t used;  /* bytes of the entries, with what malloc(3) needs for them */
	struct cache_entry *buckets[CACHE_BUCKETS];
	struct cache_entry *oldest, *newest;
};

/* Keep a copy of the value until that instant, in the place of one that has the key.  It is not
 * kept where there is no memory, or no room even without all others. */
void cache_put(
    struct cache *cache, const char *key, const void *value, size_t len, int64_t until_ns);
/* The value, which stays where it is until the next call of cache_put() or cache_get(); NULL: there
 * is none, or its time is over. */
const void *cache_get(struct cache *cache, const char *key, int64_t now_ns);
void cache_clear(struct cache *cache);

#endif

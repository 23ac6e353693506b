/* cache.c - answers that are not old, in bounded memory.
 * Row tool. */
#include "hostlookup/cache.h"

#include "run/hash.h"

#include <stdlib.h>
#include <string.h>

#define MALLOC_UNIT ((size_t)16) /* malloc(3) rounds up to it, and needs about one more */

struct cache_entry {
	struct cache_entry *next_in_bucket;
	struct cache_entry *older, *newer;
	int64_t until_ns;
	size_t len, key_len;
	char bytes[]; /* the value, then the key with its NUL */
};

static const char *
key_of(const struct cache_entry *entry)
{
	return entry->bytes + entry->len;
}

static size_t
cost_of(size_t len, size_t key_len)
{
	size_t size = sizeof(struct cache_entry) + len + key_len + 1;

	return (size + 2 * MALLOC_UNIT - 1) / MALLOC_UNIT * MALLOC_UNIT;
}

/* The link to the entry in its bucket; a link that is NULL if there is no such entry. */
static struct cache_entry **
find(struct cache *cache, const char *key)
{
	struct cache_entry **link = &cache->buckets[hash_bucket(key, CACHE_BUCKETS)];

	while (*link != NULL && strcmp(key_of(*link), key) != 0)
		link = &(*link)->next_in_bucket;
	return link;
}

static void
drop(struct cache *cache, struct cache_entry **link)
{
	struct cache_entry *entry = *link;

	*link = entry->next_in_bucket;
	*(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
	*(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
	cache->used -= cost_of(entry->len, entry->key_len);
	free(entry);
}

static void
append(struct cache *cache, struct cache_entry *entry)
{
	struct cache_entry **bucket = &cache->buckets[hash_bucket(key_of(entry), CACHE_BUCKETS)];

	entry->next_in_bucket = *bucket;
	*bucket = entry;
	entry->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
	cache->used += cost_of(entry->len, entry->key_len);
}

void
cache_put(struct cache *cache, const char *key, const void *value, size_t len, int64_t until_ns)
{
	size_t key_len = strlen(key), cost = cost_of(len, key_len);
	struct cache_entry **link = find(cache, key), *entry;

	if (*link != NULL)
		drop(cache, link);
	if (cost > cache->limit)
		return;
	while (cache->used + cost > cache->limit)
		drop(cache, find(cache, key_of(cache->oldest)));
	entry = calloc(1, sizeof(*entry) + len + key_len + 1);
	if (entry == NULL)
		return;
	entry->until_ns = until_ns;
	entry->len = len;
	entry->key_len = key_len;
	memcpy(entry->bytes, value, len);
	memcpy(entry->bytes + len, key, key_len + 1);
	append(cache, entry);
}

const void *
cache_get(struct cache *cache, const char *key, int64_t now_ns)
{
	struct cache_entry **link = find(cache, key);

	if (*link == NULL)
		return NULL;
	if (now_ns >= (*link)->until_ns) {
		drop(cache, link);
		return NULL;
	}
	return (*link)->bytes;
}

void
cache_clear(struct cache *cache)
{
	while (cache->oldest != NULL)
		drop(cache, find(cache, key_of(cache->oldest)));
}

/* hash.h - a hash of text, for tables in memory. */
#ifndef RUN_HASH_H
#define RUN_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a; the place in a table of so many buckets, a power of two. */
static inline size_t
hash_bucket(const char *text, size_t buckets)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (size_t)(hash >> 20) & (buckets - 1);
}

#endif

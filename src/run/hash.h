/* hash.h - a hash of text, for tables in memory. */
#ifndef RUN_HASH_H
#define RUN_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* FNV-1a of bytes.  hash is HASH_BEGIN, or a secret, so that nobody can choose bytes that
 * collide. */
static inline uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The bucket of text in a table (FNV-1a).  buckets is a power of two. */
static inline size_t
hash_bucket(const char *text, size_t buckets)
{
	return (size_t)(hash_bytes(HASH_BEGIN, text, strlen(text)) >> 20) & (buckets - 1);
}

#endif

/* source_limit.c - a limit of datagrams a second from one source, in a fixed amount of memory.
 * Row tool. */
#include "sockecho-server/source_limit.h"

#include "run/hash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS ((size_t)4096) /* a power of two */
#define NEIGHBOURS ((size_t)8)

struct source {
	unsigned char bytes[16];
	int64_t since_ns; /* when the source's present second began; 0: the slot is free */
	int64_t count;
};

struct source_limit {
	int64_t max;
	uint64_t secret; /* a secret seed, so that nobody can choose addresses that share a slot */
	struct source sources[SLOTS];
};

struct source_limit *
source_limit_new(int64_t max)
{
	struct source_limit *limit = calloc(1, sizeof(*limit));

	if (limit == NULL)
		return NULL;
	limit->max = max;
	limit->secret = (uint64_t)sku_now() * UINT64_C(0x9e3779b97f4a7c15);
	return limit;
}

void
source_limit_free(struct source_limit *limit)
{
	free(limit);
}

static void
bytes_of(const struct sku_address *source, unsigned char bytes[16])
{
	memset(bytes, 0, 16);
	if (source->sa.sa_family == AF_INET)
		memcpy(bytes, &source->in.sin_addr, 4);
	else
		memcpy(bytes, &source->in6.sin6_addr, 16);
}

static size_t
slot_of(const struct source_limit *limit, const unsigned char bytes[16])
{
	return (size_t)(hash_bytes(limit->secret, bytes, 16) >> 32) & (SLOTS - 1);
}

bool
source_limit_take(struct source_limit *limit, const struct sku_address *source, int64_t now)
{
	unsigned char bytes[16];
	struct source *found = NULL;
	size_t slot;

	bytes_of(source, bytes);
	slot = slot_of(limit, bytes);
	for (size_t i = 0; i < NEIGHBOURS; i++) {
		struct source *s = &limit->sources[(slot + i) & (SLOTS - 1)];

		if (s->since_ns != 0 && memcmp(s->bytes, bytes, sizeof(bytes)) == 0) {
			found = s;
			break;
		}
		if (found == NULL || s->since_ns < found->since_ns)
			found = s;
	}
	if (found->since_ns == 0 || memcmp(found->bytes, bytes, sizeof(bytes)) != 0 ||
	    now - found->since_ns >= SKU_SECOND) {
		memcpy(found->bytes, bytes, sizeof(bytes));
		found->since_ns = now;
		found->count = 0;
	}
	return found->count++ < limit->max;
}

/* digest.c - XXH3-128 of a file while its bytes pass.
 * Row transfer. */
#include "transfer/digest.h"

#include <string.h>

#include <xxhash.h>

/* struct digest is the library's state, which needs a larger alignment than malloc(3) gives. */
static XXH3_state_t *
state_of(const struct digest *digest)
{
	return (XXH3_state_t *)(uintptr_t)digest;
}

struct digest *
digest_new(void)
{
	struct digest *digest = (struct digest *)(void *)XXH3_createState();

	if (digest != NULL)
		digest_reset(digest);
	return digest;
}

void
digest_reset(struct digest *digest)
{
	(void)XXH3_128bits_reset(state_of(digest)); /* fails only for NULL, as does the update */
}

void
digest_update(struct digest *digest, const void *bytes, size_t len)
{
	(void)XXH3_128bits_update(state_of(digest), bytes, len);
}

void
digest_so_far(const struct digest *digest, uint8_t out[DIGEST_BYTES])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_of(digest)));
	(void)memcpy(out, canonical.digest, DIGEST_BYTES);
}

void
digest_free(struct digest *digest)
{
	(void)XXH3_freeState(state_of(digest));
}

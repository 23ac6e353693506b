/* digest.c - XXH3-128 of a file while its bytes pass.
 * Row transfer. */
#include "transfer/digest.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

struct digest {
	XXH3_state_t *state; /* which needs a larger alignment than malloc(3) gives */
	struct digest *spare;
};

static struct digest *
new_digest(struct digest *spare)
{
	struct digest *digest = malloc(sizeof(*digest));

	if (digest == NULL)
		return NULL;
	*digest = (struct digest){ .state = XXH3_createState(), .spare = spare };
	if (digest->state == NULL) {
		free(digest);
		return NULL;
	}
	digest_reset(digest);
	return digest;
}

struct digest *
digest_new(void)
{
	struct digest *spare = new_digest(NULL), *digest = NULL;

	if (spare != NULL)
		digest = new_digest(spare);
	if (digest == NULL)
		digest_free(spare);
	return digest;
}

struct digest *
digest_spare(const struct digest *digest)
{
	digest_reset(digest->spare);
	return digest->spare;
}

void
digest_reset(struct digest *digest)
{
	(void)XXH3_128bits_reset(digest->state); /* fails only for NULL, as does the update */
}

void
digest_update(struct digest *digest, const void *bytes, size_t len)
{
	(void)XXH3_128bits_update(digest->state, bytes, len);
}

void
digest_so_far(const struct digest *digest, uint8_t out[DIGEST_BYTES])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(digest->state));
	(void)memcpy(out, canonical.digest, DIGEST_BYTES);
}

void
digest_free(struct digest *digest)
{
	if (digest == NULL)
		return;
	digest_free(digest->spare);
	(void)XXH3_freeState(digest->state);
	free(digest);
}

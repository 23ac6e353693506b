/* digest.h - XXH3-128 of a file while it passes: it guards against accidents, not against people.
 */
#ifndef TRANSFER_DIGEST_H
#define TRANSFER_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 16

struct digest;

/* NULL without memory; free with digest_free(), which takes NULL. */
struct digest *digest_new(void);
/* Begin anew. */
void digest_reset(struct digest *digest);
void digest_update(struct digest *digest, const void *bytes, size_t len);
/* Of all so far, in the canonical (big-endian) order; more may follow. */
void digest_so_far(const struct digest *digest, uint8_t out[DIGEST_BYTES]);
void digest_free(struct digest *digest);

#endif

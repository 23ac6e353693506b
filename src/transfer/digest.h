/* digest.h - XXH3-128 of a file while its bytes pass.  It finds accidental changes, not deliberate
 * ones. */
#ifndef TRANSFER_DIGEST_H
#define TRANSFER_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 16

struct digest;

/* A second digest that belongs to digest, reset to no bytes, so that computing one at the end needs
 * no memory.  Not to be freed. */
struct digest *digest_spare(const struct digest *digest);
/* Returns NULL when there is no memory.  Free it with digest_free(), which takes NULL. */
struct digest *digest_new(void);
/* Start over with no bytes. */
void digest_reset(struct digest *digest);
void digest_update(struct digest *digest, const void *bytes, size_t len);
/* The digest of all bytes so far, in the canonical (big-endian) order.  More bytes may follow. */
void digest_so_far(const struct digest *digest, uint8_t out[DIGEST_BYTES]);
void digest_free(struct digest *digest);

#endif

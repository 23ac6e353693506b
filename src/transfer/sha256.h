/* sha256.h - SHA-256 by OpenSSL, which is loaded only when it is needed, since loading takes longer
 * than a small transfer. */
#ifndef TRANSFER_SHA256_H
#define TRANSFER_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#define SHA256_BYTES 32

struct sha256;

/* Load the library.  Returns false if it is missing, with a static text in *reason. */
bool sha256_load(const char **reason);
/* Returns NULL when there is no memory.  Free it with sha256_free(), which takes NULL. */
struct sha256 *sha256_new(void);
void sha256_update(struct sha256 *hash, const void *bytes, size_t len);
/* The digest of all bytes so far: 0, or -1 without memory.  More bytes may follow. */
__attribute__((warn_unused_result)) int sha256_so_far(
    const struct sha256 *hash, unsigned char digest[SHA256_BYTES]);
/* Start over with no bytes. */
void sha256_reset(struct sha256 *hash);
void sha256_free(struct sha256 *hash);

/* Parse 64 hexadecimal digits of either case.  Returns false for anything else. */
bool sha256_parse(const char *text, unsigned char digest[SHA256_BYTES]);

#endif

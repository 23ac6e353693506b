/* sha256.h - SHA-256 by OpenSSL, which is loaded only where it is needed: loading it takes longer
 * than a small transfer. */
#ifndef TRANSFER_SHA256_H
#define TRANSFER_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#define SHA256_BYTES 32

struct sha256;

/* Load the library: false, and why in *reason (static), where there is none. */
bool sha256_load(const char **reason);
/* A new one, NULL without memory.  Free with sha256_free(), which takes NULL. */
struct sha256 *sha256_new(void);
void sha256_update(struct sha256 *hash, const void *bytes, size_t len);
/* Of all so far; more may follow. */
void sha256_so_far(const struct sha256 *hash, unsigned char digest[SHA256_BYTES]);
/* Begin anew. */
void sha256_reset(struct sha256 *hash);
void sha256_free(struct sha256 *hash);

/* 64 hexadecimal digits in either case: false for anything else. */
bool sha256_parse(const char *text, unsigned char digest[SHA256_BYTES]);

#endif

/* sha256.c - SHA-256 by OpenSSL, which is loaded only when it is needed.
 * Row transfer. */
#include "transfer/sha256.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifdef HAVE_OPENSSL

#include "transfer/openssl.h"

#include <openssl/evp.h>

struct sha256 {
	EVP_MD_CTX *context;
};

static struct {
	EVP_MD_CTX *(*context_new)(void);
	void (*context_free)(EVP_MD_CTX *);
	const EVP_MD *(*sha256)(void);
	int (*init)(EVP_MD_CTX *, const EVP_MD *, ENGINE *);
	int (*update)(EVP_MD_CTX *, const void *, size_t);
	int (*final)(EVP_MD_CTX *, unsigned char *, unsigned int *);
	int (*copy)(EVP_MD_CTX *, const EVP_MD_CTX *);
	void (*thread_stop)(void);
} evp;

bool
sha256_load(const char **reason)
{
	static const struct openssl_symbol symbols[] = {
		OPENSSL_SYMBOL(EVP_MD_CTX_new, &evp.context_new),
		OPENSSL_SYMBOL(EVP_MD_CTX_free, &evp.context_free),
		OPENSSL_SYMBOL(EVP_sha256, &evp.sha256),
		OPENSSL_SYMBOL(EVP_DigestInit_ex, &evp.init),
		OPENSSL_SYMBOL(EVP_DigestUpdate, &evp.update),
		OPENSSL_SYMBOL(EVP_DigestFinal_ex, &evp.final),
		OPENSSL_SYMBOL(EVP_MD_CTX_copy_ex, &evp.copy),
		OPENSSL_SYMBOL(OPENSSL_thread_stop, &evp.thread_stop),
		OPENSSL_SYMBOLS_END,
	};

	return openssl_load(OPENSSL_LIBCRYPTO, symbols, reason);
}

struct sha256 *
sha256_new(void)
{
	struct sha256 *hash = malloc(sizeof(*hash));

	if (hash == NULL)
		return NULL;
	hash->context = evp.context_new();
	if (hash->context == NULL || evp.init(hash->context, evp.sha256(), NULL) != 1) {
		sha256_free(hash);
		return NULL;
	}
	return hash;
}

void
sha256_update(struct sha256 *hash, const void *bytes, size_t len)
{
	(void)evp.update(hash->context, bytes, len); /* fails only for an invalid context */
}

int
sha256_so_far(const struct sha256 *hash, unsigned char digest[SHA256_BYTES])
{
	EVP_MD_CTX *copy = evp.context_new();
	bool done = copy != NULL && evp.copy(copy, hash->context) == 1 &&
		    evp.final(copy, digest, NULL) == 1;

	evp.context_free(copy);
	return done ? 0 : -1;
}

void
sha256_reset(struct sha256 *hash)
{
	(void)evp.init(hash->context, evp.sha256(), NULL);
}

void
sha256_free(struct sha256 *hash)
{
	if (hash == NULL)
		return;
	evp.context_free(hash->context);
	evp.thread_stop(); /* as in tls_end() */
	free(hash);
}

#else

bool
sha256_load(const char **reason)
{
	*reason = "this program was built without OpenSSL";
	return false;
}

struct sha256 *
sha256_new(void)
{
	return NULL;
}

void
sha256_update(struct sha256 *hash, const void *bytes, size_t len)
{
	(void)hash, (void)bytes, (void)len;
}

int
sha256_so_far(const struct sha256 *hash, unsigned char digest[SHA256_BYTES])
{
	(void)hash, (void)digest;
	return -1;
}

void
sha256_reset(struct sha256 *hash)
{
	(void)hash;
}

void
sha256_free(struct sha256 *hash)
{
	(void)hash;
}

#endif

bool
sha256_parse(const char *text, unsigned char digest[SHA256_BYTES])
{
	static const char digits[] = "0123456789abcdefABCDEF";

	if (strlen(text) != 2 * SHA256_BYTES || strspn(text, digits) != 2 * SHA256_BYTES)
		return false;
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		const char pair[3] = { text[2 * i], text[2 * i + 1], '\0' };

		digest[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return true;
}

/* tls.h - TLS 1.3 with a pre-shared key, forward secrecy and nothing else.
 *
 * OpenSSL is loaded where a key is given.  Whoever holds the key is the peer: no certificate is
 * ever looked at, and one that is shown ends the connection. */
#ifndef TRANSFER_TLS_H
#define TRANSFER_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls;

/* Load the library: false, and why in *reason (static), where there is none. */
bool tls_load(const char **reason);

/* HKDF-SHA256(secret, salt "sockfile", info "sockfile-psk-v1") of RFC 5869: false when it failed.
 */
bool tls_derive_key(const uint8_t *secret, size_t len, uint8_t key[32]);

enum tls_result {
	TLS_DONE,
	TLS_WANT_READ,
	TLS_WANT_WRITE,
	TLS_ENDED,	 /* the connection ended */
	TLS_KEYS_DIFFER, /* of the handshake: the peer has another key, or none */
	TLS_FAILED,	 /* errno, or 0: what came is no TLS of ours */
};

/* Over a connected, non-blocking socket that stays the caller's.  NULL without memory. */
struct tls *tls_new(int fd, bool client, const uint8_t key[32]);
enum tls_result tls_handshake(struct tls *tls);
/* *done bytes, when TLS_DONE. */
enum tls_result tls_read(struct tls *tls, void *buf, size_t len, size_t *done);
/* After TLS_WANT_*, the same bytes again. */
enum tls_result tls_write(struct tls *tls, const void *buf, size_t len, size_t *done);
/* New keys after so many bytes (by default 64 GiB: the limit of AES-GCM is a few times that). */
void tls_set_key_update(struct tls *tls, uint64_t bytes);
/* How often that was. */
uint64_t tls_key_updates(const struct tls *tls);
void tls_free(struct tls *tls);

#endif

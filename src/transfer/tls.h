/* tls.h - TLS 1.3 with a pre-shared key and forward secrecy.
 *
 * OpenSSL is loaded only when a key is given.  A peer proves that it has the key.  Certificates are
 * not used: a peer that shows one is refused. */
#ifndef TRANSFER_TLS_H
#define TRANSFER_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls;

/* Load the library.  Returns false if it is missing, with a static text in *reason. */
bool tls_load(const char **reason);

/* Derive the pre-shared key with HKDF-SHA256 (RFC 5869): salt "sockfile", info "sockfile-psk-v1".
 * Returns false on failure. */
bool tls_derive_key(const uint8_t *secret, size_t len, uint8_t key[32]);

enum tls_result {
	TLS_DONE,
	TLS_WANT_READ,
	TLS_WANT_WRITE,
	TLS_ENDED,	 /* the connection has ended */
	TLS_KEYS_DIFFER, /* of the handshake: the peer has another key, or none */
	/* errno is that of a system call, or 0 for bytes that do not belong to this connection */
	TLS_FAILED,
};

/* TLS over a connected, non-blocking socket, which stays the caller's.  Returns NULL when there is
 * no memory.  Free it with tls_end(), which takes NULL. */
struct tls *tls_new(int fd, bool client, const uint8_t key[32]);
enum tls_result tls_handshake(struct tls *tls);
/* Read at most len bytes.  With TLS_DONE, *done is their number. */
enum tls_result tls_read(struct tls *tls, void *buf, size_t len, size_t *done);
/* Write at most len bytes.  With TLS_DONE, *done is their number.  After TLS_WANT_*, call it again
 * with the same bytes. */
enum tls_result tls_write(struct tls *tls, const void *buf, size_t len, size_t *done);
/* Change the keys after so many bytes.  The default is 64 GiB; the limit of AES-GCM is a few times
 * that. */
void tls_set_key_update(struct tls *tls, uint64_t bytes);
/* How often the keys were changed. */
uint64_t tls_key_updates(const struct tls *tls);
/* Frees it.  (OpenSSL 3.5 has a tls_free of its own, and static programs have both in them.) */
void tls_end(struct tls *tls);

#endif

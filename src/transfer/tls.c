/* tls.c - TLS 1.3 with a pre-shared key and forward secrecy.
 * Row transfer. */
#include "transfer/tls.h"

#ifdef HAVE_OPENSSL

#include "transfer/openssl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>

#define KEY_UPDATE_BYTES (UINT64_C(64) << 30)
#define IDENTITY "sockfile-v1" /* sent in the clear, so it tells nothing about the key */
#define CIPHERSUITES "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
static const unsigned char ciphersuite[] = { 0x13, 0x01 }; /* of the session that holds the key */

struct tls {
	SSL_CTX *context;
	SSL *ssl;
	uint8_t key[32];
	uint64_t update_after, since_update, updates;
	bool unsent; /* a record could not be written yet */
	bool broken; /* bytes came that are no record of the peer */
};

/* The libraries' functions, under their own names. */
static struct {
	const SSL_METHOD *(*TLS_client_method)(void);
	const SSL_METHOD *(*TLS_server_method)(void);
	SSL_CTX *(*SSL_CTX_new)(const SSL_METHOD *);
	void (*SSL_CTX_free)(SSL_CTX *);
	long (*SSL_CTX_ctrl)(SSL_CTX *, int, long, void *);
	int (*SSL_CTX_set_ciphersuites)(SSL_CTX *, const char *);
	int (*SSL_CTX_set_num_tickets)(SSL_CTX *, size_t);
	void (*SSL_CTX_set_verify)(SSL_CTX *, int, SSL_verify_cb);
	int (*SSL_CTX_set_max_early_data)(SSL_CTX *, uint32_t);
	void (*SSL_CTX_set_psk_use_session_callback)(SSL_CTX *, SSL_psk_use_session_cb_func);
	void (*SSL_CTX_set_psk_find_session_callback)(SSL_CTX *, SSL_psk_find_session_cb_func);
	SSL *(*SSL_new)(SSL_CTX *);
	void (*SSL_free)(SSL *);
	int (*SSL_set_fd)(SSL *, int);
	int (*SSL_set_ex_data)(SSL *, int, void *);
	void *(*SSL_get_ex_data)(const SSL *, int);
	void (*SSL_set_connect_state)(SSL *);
	void (*SSL_set_accept_state)(SSL *);
	int (*SSL_do_handshake)(SSL *);
	int (*SSL_read_ex)(SSL *, void *, size_t, size_t *);
	int (*SSL_write_ex)(SSL *, const void *, size_t, size_t *);
	int (*SSL_get_error)(const SSL *, int);
	int (*SSL_session_reused)(const SSL *);
	X509 *(*SSL_get0_peer_certificate)(const SSL *);
	int (*SSL_key_update)(SSL *, int);
	const SSL_CIPHER *(*SSL_CIPHER_find)(SSL *, const unsigned char *);
	SSL_SESSION *(*SSL_SESSION_new)(void);
	void (*SSL_SESSION_free)(SSL_SESSION *);
	int (*SSL_SESSION_set1_master_key)(SSL_SESSION *, const unsigned char *, size_t);
	int (*SSL_SESSION_set_cipher)(SSL_SESSION *, const SSL_CIPHER *);
	int (*SSL_SESSION_set_protocol_version)(SSL_SESSION *, int);
	unsigned long (*ERR_peek_error)(void);
	void (*ERR_clear_error)(void);
	void (*OPENSSL_thread_stop)(void);
	unsigned char *(*HMAC)(const EVP_MD *, const void *, int, const unsigned char *, size_t,
	    unsigned char *, unsigned int *);
	const EVP_MD *(*EVP_sha256)(void);
} lib;

#define SYMBOL(name) OPENSSL_SYMBOL(name, &lib.name)

bool
tls_load(const char **reason)
{
	static const struct openssl_symbol symbols[] = {
		SYMBOL(TLS_client_method),
		SYMBOL(TLS_server_method),
		SYMBOL(SSL_CTX_new),
		SYMBOL(SSL_CTX_free),
		SYMBOL(SSL_CTX_ctrl),
		SYMBOL(SSL_CTX_set_ciphersuites),
		SYMBOL(SSL_CTX_set_num_tickets),
		SYMBOL(SSL_CTX_set_verify),
		SYMBOL(SSL_CTX_set_max_early_data),
		SYMBOL(SSL_CTX_set_psk_use_session_callback),
		SYMBOL(SSL_CTX_set_psk_find_session_callback),
		SYMBOL(SSL_new),
		SYMBOL(SSL_free),
		SYMBOL(SSL_set_fd),
		SYMBOL(SSL_set_ex_data),
		SYMBOL(SSL_get_ex_data),
		SYMBOL(SSL_set_connect_state),
		SYMBOL(SSL_set_accept_state),
		SYMBOL(SSL_do_handshake),
		SYMBOL(SSL_read_ex),
		SYMBOL(SSL_write_ex),
		SYMBOL(SSL_get_error),
		SYMBOL(SSL_session_reused),
		SYMBOL(SSL_get0_peer_certificate),
		SYMBOL(SSL_key_update),
		SYMBOL(SSL_CIPHER_find),
		SYMBOL(SSL_SESSION_new),
		SYMBOL(SSL_SESSION_free),
		SYMBOL(SSL_SESSION_set1_master_key),
		SYMBOL(SSL_SESSION_set_cipher),
		SYMBOL(SSL_SESSION_set_protocol_version),
		SYMBOL(ERR_peek_error),
		SYMBOL(ERR_clear_error),
		SYMBOL(OPENSSL_thread_stop),
		SYMBOL(HMAC),
		SYMBOL(EVP_sha256),
		OPENSSL_SYMBOLS_END,
	};

	return openssl_load(OPENSSL_LIBSSL, symbols, reason);
}

bool
tls_derive_key(const uint8_t *secret, size_t len, uint8_t key[32])
{
	static const char salt[] = "sockfile";
	/* HKDF-Expand appends the counter of the only block */
	static const uint8_t info[] = "sockfile-psk-v1\x01";
	uint8_t extracted[32];
	bool ok;

	ok = lib.HMAC(lib.EVP_sha256(), salt, (int)sizeof(salt) - 1, secret, len, extracted,
		 NULL) != NULL &&
	     lib.HMAC(lib.EVP_sha256(), extracted, (int)sizeof(extracted), info, sizeof(info) - 1,
		 key, NULL) != NULL;
	explicit_bzero(extracted, sizeof(extracted));
	return ok;
}

/* ---- the key as a session ------------------------------------------------------------------- */

static SSL_SESSION *
key_session(SSL *ssl)
{
	const struct tls *tls = lib.SSL_get_ex_data(ssl, 0);
	const SSL_CIPHER *cipher = lib.SSL_CIPHER_find(ssl, ciphersuite);
	SSL_SESSION *session = lib.SSL_SESSION_new();

	if (session != NULL && cipher != NULL &&
	    lib.SSL_SESSION_set1_master_key(session, tls->key, sizeof(tls->key)) == 1 &&
	    lib.SSL_SESSION_set_cipher(session, cipher) == 1 &&
	    lib.SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
		return session;
	lib.SSL_SESSION_free(session);
	return NULL;
}

static int
psk_client_callback(
    SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len, SSL_SESSION **session)
{
	(void)md;
	*id = (const unsigned char *)IDENTITY;
	*len = sizeof(IDENTITY) - 1;
	*session = key_session(ssl);
	return *session != NULL;
}

static int
psk_server_callback(SSL *ssl, const unsigned char *id, size_t len, SSL_SESSION **session)
{
	*session = NULL;
	/* An unknown identity is not an error here: the handshake goes on without a key and
	 * fails. */
	if (len == sizeof(IDENTITY) - 1 && memcmp(id, IDENTITY, len) == 0)
		*session = key_session(ssl);
	return 1;
}

static bool
configure(SSL_CTX *context, bool client)
{
	/* Key exchange is ephemeral (psk_dhe_ke); there are no tickets and no early data.  A server
	 * that shows a certificate fails, since the client verifies it and knows no authority.  Our
	 * server has no certificate and asks for none. */
	if (client)
		lib.SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	lib.SSL_CTX_set_psk_use_session_callback(context, psk_client_callback);
	lib.SSL_CTX_set_psk_find_session_callback(context, psk_server_callback);
	(void)lib.SSL_CTX_ctrl(context, SSL_CTRL_MODE,
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, NULL);
	/* SSL_read() returns after each record without data.  Otherwise a peer that sends only such
	 * records would keep this end inside SSL_read(). */
	(void)lib.SSL_CTX_ctrl(context, SSL_CTRL_CLEAR_MODE, SSL_MODE_AUTO_RETRY, NULL);
	return lib.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION, NULL) ==
		   1 &&
	       lib.SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_3_VERSION, NULL) ==
		   1 &&
	       lib.SSL_CTX_set_ciphersuites(context, CIPHERSUITES) == 1 &&
	       lib.SSL_CTX_set_num_tickets(context, 0) == 1 &&
	       lib.SSL_CTX_set_max_early_data(context, 0) == 1;
}

struct tls *
tls_new(int fd, bool client, const uint8_t key[32])
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return NULL;
	tls->update_after = KEY_UPDATE_BYTES;
	(void)memcpy(tls->key, key, sizeof(tls->key));
	tls->context = lib.SSL_CTX_new(client ? lib.TLS_client_method() : lib.TLS_server_method());
	if (tls->context == NULL || !configure(tls->context, client) ||
	    (tls->ssl = lib.SSL_new(tls->context)) == NULL || lib.SSL_set_fd(tls->ssl, fd) != 1 ||
	    lib.SSL_set_ex_data(tls->ssl, 0, tls) != 1) {
		tls_end(tls);
		return NULL;
	}
	if (client)
		lib.SSL_set_connect_state(tls->ssl);
	else
		lib.SSL_set_accept_state(tls->ssl);
	return tls;
}

/* ---- the handshake and the bytes ------------------------------------------------------------ */

/* The reasons that a different or missing key leads to: at this end, or at the peer, whose alert is
 * SSL_AD_REASON_OFFSET (1000) plus its number. */
static bool
is_key_mismatch(int reason)
{
	switch (reason) {
	case SSL_R_BINDER_DOES_NOT_VERIFY:
	case SSL_R_BAD_PSK:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
	case SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE:
	case SSL_AD_REASON_OFFSET + SSL_AD_ILLEGAL_PARAMETER:
	case SSL_AD_REASON_OFFSET + SSL_AD_DECRYPT_ERROR:
	case SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_PSK_IDENTITY:
	case SSL_AD_REASON_OFFSET + SSL_AD_INTERNAL_ERROR:
		return true;
	default:
		return false;
	}
}

static enum tls_result
result_of(const struct tls *tls, int result, bool handshake)
{
	int system = errno;
	unsigned long error;

	switch (lib.SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_ENDED;
	case SSL_ERROR_SYSCALL:
		errno = system;
		return system == 0 ? TLS_ENDED : TLS_FAILED;
	default:
		break;
	}
	error = lib.ERR_peek_error();
	errno = 0;
	if (ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return TLS_ENDED;
	return handshake && is_key_mismatch(ERR_GET_REASON(error)) ? TLS_KEYS_DIFFER : TLS_FAILED;
}

enum tls_result
tls_handshake(struct tls *tls)
{
	int result;

	lib.ERR_clear_error();
	errno = 0;
	result = lib.SSL_do_handshake(tls->ssl);
	if (result != 1)
		return result_of(tls, result, true);
	/* A server that shows a certificate instead of the key is not our peer. */
	if (lib.SSL_session_reused(tls->ssl) != 1 ||
	    lib.SSL_get0_peer_certificate(tls->ssl) != NULL)
		return TLS_KEYS_DIFFER;
	return TLS_DONE;
}

enum tls_result
tls_read(struct tls *tls, void *buf, size_t len, size_t *done)
{
	enum tls_result outcome;
	size_t n;
	int result;

	*done = 0;
	errno = 0;
	if (tls->broken)
		return TLS_FAILED;
	lib.ERR_clear_error();
	/* SSL_read_ex() returns one record at a time. */
	while (*done < len) {
		errno = 0;
		result = lib.SSL_read_ex(tls->ssl, (char *)buf + *done, len - *done, &n);
		if (result != 1) {
			outcome = result_of(tls, result, false);
			/* The next call of SSL_read_ex() would not report this error again. */
			tls->broken = outcome == TLS_FAILED && errno == 0;
			return *done > 0 ? TLS_DONE : outcome;
		}
		*done += n;
	}
	return TLS_DONE;
}

/* Change the keys before a record when enough bytes were sent.  A record that could not be written
 * yet must go first, unchanged. */
static bool
renew_keys(struct tls *tls)
{
	if (tls->since_update < tls->update_after || tls->unsent)
		return true;
	/* The peer sends too little to need new keys, too. */
	if (lib.SSL_key_update(tls->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
		return false;
	tls->since_update = 0;
	tls->updates++;
	return true;
}

enum tls_result
tls_write(struct tls *tls, const void *buf, size_t len, size_t *done)
{
	size_t n;
	int result;

	*done = 0;
	lib.ERR_clear_error();
	/* SSL_write_ex() takes one record at a time. */
	while (*done < len) {
		errno = 0;
		if (!renew_keys(tls))
			return TLS_FAILED;
		result = lib.SSL_write_ex(tls->ssl, (const char *)buf + *done, len - *done, &n);
		tls->unsent = result != 1;
		if (result != 1)
			return *done > 0 ? TLS_DONE : result_of(tls, result, false);
		*done += n;
		tls->since_update += n;
	}
	return TLS_DONE;
}

void
tls_set_key_update(struct tls *tls, uint64_t bytes)
{
	tls->update_after = bytes;
}

uint64_t
tls_key_updates(const struct tls *tls)
{
	return tls->updates;
}

void
tls_end(struct tls *tls)
{
	if (tls == NULL)
		return;
	lib.SSL_free(tls->ssl);
	lib.SSL_CTX_free(tls->context);
	/* A library that is loaded by dlopen(3) does not free what it keeps for a thread when the
	 * thread ends. */
	lib.OPENSSL_thread_stop();
	explicit_bzero(tls->key, sizeof(tls->key));
	free(tls);
}

#else

bool
tls_load(const char **reason)
{
	*reason = "this program was built without OpenSSL";
	return false;
}

bool
tls_derive_key(const uint8_t *secret, size_t len, uint8_t key[32])
{
	(void)secret, (void)len, (void)key;
	return false;
}

struct tls *
tls_new(int fd, bool client, const uint8_t key[32])
{
	(void)fd, (void)client, (void)key;
	return NULL;
}

enum tls_result
tls_handshake(struct tls *tls)
{
	(void)tls;
	return TLS_FAILED;
}

enum tls_result
tls_read(struct tls *tls, void *buf, size_t len, size_t *done)
{
	(void)tls, (void)buf, (void)len, (void)done;
	return TLS_FAILED;
}

enum tls_result
tls_write(struct tls *tls, const void *buf, size_t len, size_t *done)
{
	(void)tls, (void)buf, (void)len, (void)done;
	return TLS_FAILED;
}

void
tls_set_key_update(struct tls *tls, uint64_t bytes)
{
	(void)tls, (void)bytes;
}

uint64_t
tls_key_updates(const struct tls *tls)
{
	(void)tls;
	return 0;
}

void
tls_end(struct tls *tls)
{
	(void)tls;
}

#endif

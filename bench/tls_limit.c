/* tls_limit.c - the limit to compare with for an encrypted transfer: SSL_write and SSL_read with a
 * pre-shared key alone.  Reads are gathered to 1 MiB. */
#include "limit.h"

#include <openssl/ssl.h>

static const unsigned char key[32] = "0123456789abcdef0123456789abcde";

static SSL_SESSION *
session(SSL *ssl)
{
	static const unsigned char suite[] = { 0x13, 0x01 };
	SSL_SESSION *s = SSL_SESSION_new();

	SSL_SESSION_set1_master_key(s, key, sizeof(key));
	SSL_SESSION_set_cipher(s, SSL_CIPHER_find(ssl, suite));
	SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION);
	return s;
}

static int
use(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len, SSL_SESSION **s)
{
	(void)md;
	*id = (const unsigned char *)"bench";
	*len = 5;
	*s = session(ssl);
	return 1;
}

static int
find(SSL *ssl, const unsigned char *id, size_t len, SSL_SESSION **s)
{
	(void)id;
	(void)len;
	*s = session(ssl);
	return 1;
}

static SSL *
begin(int fd, const SSL_METHOD *method)
{
	SSL_CTX *context = SSL_CTX_new(method);
	SSL *ssl;

	SSL_CTX_set_psk_use_session_callback(context, use);
	SSL_CTX_set_psk_find_session_callback(context, find);
	SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_num_tickets(context, 0);
	ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	return ssl;
}

static int
send_file(int s, int fd)
{
	char *buf = malloc(BUFFER), byte;
	ssize_t n;
	SSL *ssl = begin(s, TLS_client_method());

	if (SSL_connect(ssl) != 1)
		return 1;
	while ((n = read(fd, buf, BUFFER)) > 0) {
		if (SSL_write(ssl, buf, (int)n) != n)
			return 1;
	}
	SSL_shutdown(ssl);
	(void)shutdown(s, SHUT_WR);
	return read(s, &byte, 1) >= 0 ? 0 : 1;
}

static int
receive_file(int s, int fd)
{
	char *buf = malloc(BUFFER);
	int n = 1;
	SSL *ssl = begin(s, TLS_server_method());

	if (SSL_accept(ssl) != 1)
		return 1;
	while (n > 0) {
		int have = 0;

		while (have < BUFFER && (n = SSL_read(ssl, buf + have, BUFFER - have)) > 0)
			have += n;
		if (write(fd, buf, (size_t)have) != have)
			return 1;
	}
	return close(fd);
}

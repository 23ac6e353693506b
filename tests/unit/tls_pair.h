/* tls_pair.h - OpenSSL, and two ends of an encrypted conversation in one process. */
#ifndef TLS_PAIR_H
#define TLS_PAIR_H

#include "transfer/sha256.h"
#include "transfer/tls.h"

#include "unit.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

/* Without OpenSSL the test is skipped. */
static inline void
need_openssl(void)
{
	const char *why;

	if (!tls_load(&why) || !sha256_load(&why))
		skip_because(why);
}

static inline void
open_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

static inline int
bytes_waiting(int fd)
{
	int n;

	assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
	return n;
}

/* Both ends of an encrypted conversation. */
struct tls_pair {
	struct tls *client, *server;
	int fds[2];
};

/* The TLS handshake of both ends in one thread. */
static inline void
shake_hands(const struct tls_pair *pair, enum tls_result *c, enum tls_result *s)
{
	*c = *s = TLS_WANT_READ;
	for (int i = 0; i < 100 && (*c == TLS_WANT_READ || *s == TLS_WANT_READ); i++) {
		if (*c == TLS_WANT_READ)
			*c = tls_handshake(pair->client);
		if (*s == TLS_WANT_READ)
			*s = tls_handshake(pair->server);
	}
}

/* What each end says of the handshake is in c and s. */
static inline void
tls_pair_open(struct tls_pair *pair, const uint8_t *key, const uint8_t *servers_key,
    enum tls_result *c, enum tls_result *s)
{
	open_pair(pair->fds);
	pair->client = tls_new(pair->fds[0], true, key);
	pair->server = tls_new(pair->fds[1], false, servers_key);
	assert_non_null(pair->client);
	assert_non_null(pair->server);
	shake_hands(pair, c, s);
}

static inline void
tls_pair_close(struct tls_pair *pair)
{
	tls_end(pair->client);
	tls_end(pair->server);
	(void)close(pair->fds[0]);
	(void)close(pair->fds[1]);
}

/* What a transfer carries, so that each byte has its place. */
static inline void
fill(char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 7 + i / 251);
}

#endif

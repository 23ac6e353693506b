/* connect.h - what every connecting program does: resolve, connect, try again. */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include "net/endpoint.h"
#include "run/timeouts.h"

struct connect_options {
	struct address_flags address;
	int64_t connect_timeout_ns;
	bool connect_timeout_given;
	int64_t wait_ns;
	bool wait;
	char source_host[128]; /* numeric; "": the system chooses */
	unsigned source_port;
	int fd; /* a connected socket from --fd; -1: connect */
};

#define CONNECT_OPTIONS_INIT                                                                       \
	{                                                                                          \
		.fd = -1                                                                           \
	}

enum { OPT_CONNECT_TIMEOUT = 320, OPT_WAIT, OPT_SOURCE, OPT_FD };

#define FD_OPTION_ROW                                                                              \
	{                                                                                          \
		OPT_FD, "fd", "N", "use the open socket N; no address operands", 0, NULL           \
	}
/* The modes in which connecting, and connecting over IP, have a meaning, each with the text for its
 * usage error.  Always: 0 and NULL. */
#define CONNECT_OPTION_ROWS(any, any_where, inet, inet_where)                                      \
	{ OPT_CONNECT_TIMEOUT, "connect-timeout", "SECONDS",                                       \
		"limit of name resolution and connecting", any, any_where },                       \
	    { OPT_WAIT, "wait", "SECONDS", "keep trying to connect for that long; none", any,      \
		    any_where },                                                                   \
	{                                                                                          \
		OPT_SOURCE, "source", "ADDR[:PORT]", "connect from this address", inet, inet_where \
	}

/* Store one of the options above.  Returns false for any other option. */
bool connect_take_option(struct connect_options *options, int id, const char *value);
/* After the command line: end the program with a usage error if the options exclude each other, or
 * the endpoint that was parsed. */
void connect_check_options(const struct connect_options *options, const struct endpoint *endpoint);

/* Connect a stream to the endpoint, as long as --wait says, or use the socket of --fd.  Returns 0
 * and a socket with --timeout, which the caller has to close; or reports the error and returns its
 * status. */
int connect_now(
    const struct connect_options *options, const struct endpoint *endpoint, struct sku_sock *s);

/* Try once, without --wait, and report nothing.  Returns 0 and a socket that the caller has to
 * close, or -1 and *err. */
int connect_try(const struct connect_options *options, const struct endpoint *endpoint,
    struct sku_sock *s, struct sku_error *err);
/* May another try succeed, because a peer may start, or a network or a name server may come
 * back? */
bool failure_is_temporary(const struct sku_error *err);

/* The addresses of a datagram peer, to be tried until one answers. */
struct datagram_peers {
	struct sku_address *addresses;
	size_t count;
};
/* Look the addresses up, as long as --wait says.  Returns 0, or reports the error and returns its
 * status.  Free them with datagram_peers_free(). */
int resolve_datagram_peers(const struct connect_options *options, const struct endpoint *endpoint,
    struct datagram_peers *peers);
void datagram_peers_free(struct datagram_peers *peers);
/* Open a non-blocking datagram socket that is connected to peer.  Returns 0 and a socket that the
 * caller has to close, or -1 with errno; *s may be open then, too. */
int open_datagram_socket(
    const struct connect_options *options, const struct sku_address *peer, struct sku_sock *s);

#endif

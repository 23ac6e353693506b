/* connect.h - connecting, as every program that connects does it. */
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
	char source_host[128]; /* "": the system chooses */
	unsigned source_port;
	int fd; /* -1: connect; else a socket that is connected already */
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
/* The modes in which connecting, and connecting over IP, have a meaning; else 0 and NULL. */
#define CONNECT_OPTION_ROWS(any, any_where, inet, inet_where)                                      \
	{ OPT_CONNECT_TIMEOUT, "connect-timeout", "SECONDS",                                       \
		"limit of name resolution and connecting", any, any_where },                       \
	    { OPT_WAIT, "wait", "SECONDS", "keep trying to connect for that long; none", any,      \
		    any_where },                                                                   \
	{                                                                                          \
		OPT_SOURCE, "source", "ADDR[:PORT]", "connect from this address", inet, inet_where \
	}

/* Takes the options above: false for any other. */
bool connect_take_option(struct connect_options *options, int id, const char *value);
/* After the command line: what does not go together ends the program with a usage error. */
void connect_check_options(const struct connect_options *options);

/* Connect to the endpoint (a stream), or adopt --fd: 0 and a socket with --timeout, or the error is
 * reported and its status returned. */
int connect_now(
    const struct connect_options *options, const struct endpoint *endpoint, struct sku_sock *s);

/* One try, whatever --wait says, and nothing is reported: 0, or -1 and *err. */
int connect_try(const struct connect_options *options, const struct endpoint *endpoint,
    struct sku_sock *s, struct sku_error *err);
/* Is it worth another try?  Time, or somebody else, may mend it. */
bool failure_is_temporary(const struct sku_error *err);

/* The addresses of a datagram peer, each to be tried until one answers. */
struct datagram_peers {
	struct sku_address *addresses;
	size_t count;
};
/* 0, or the error is reported and its status returned.  Free with datagram_peers_free(). */
int resolve_datagram_peers(const struct connect_options *options, const struct endpoint *endpoint,
    struct datagram_peers *peers);
void datagram_peers_free(struct datagram_peers *peers);
/* A datagram socket connected to one of them, in non-blocking mode: 0, or -1 with errno. */
int open_datagram_socket(
    const struct connect_options *options, const struct sku_address *peer, struct sku_sock *s);

#endif

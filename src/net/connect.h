/* connect.h - connecting, as every program that connects does it. */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include "net/endpoint.h"
#include "run/timeouts.h"

struct cli_dial {
	struct cli_address_flags address;
	int64_t connect_timeout_ns;
	bool connect_timeout_given;
	int64_t wait_ns;
	bool wait;
	char source_host[128]; /* "": the system chooses */
	unsigned source_port;
	int fd; /* -1: connect; else a socket that is connected already */
};

#define CLI_DIAL_INIT                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

enum { CLI_OPT_CONNECT_TIMEOUT = 320, CLI_OPT_WAIT, CLI_OPT_SOURCE, CLI_OPT_FD };

#define CLI_FD_OPTION                                                                              \
	{                                                                                          \
		CLI_OPT_FD, "fd", "N", "use the open socket N; no address operands", 0, NULL       \
	}
/* The modes in which connecting, and connecting over IP, have a meaning; else 0 and NULL. */
#define CLI_DIAL_OPTIONS(any, any_where, inet, inet_where)                                         \
	{ CLI_OPT_CONNECT_TIMEOUT, "connect-timeout", "SECONDS",                                   \
		"limit of name resolution and connecting", any, any_where },                       \
	    { CLI_OPT_WAIT, "wait", "SECONDS", "keep trying to connect for that long; none", any,  \
		    any_where },                                                                   \
	{                                                                                          \
		CLI_OPT_SOURCE, "source", "ADDR[:PORT]", "connect from this address", inet,        \
		    inet_where                                                                     \
	}

/* Takes the options above: false for any other. */
bool cli_dial_option(struct cli_dial *dial, int id, const char *value);
/* After the command line: what does not go together ends the program with a usage error. */
void cli_dial_check(const struct cli_dial *dial);

/* Connect to the endpoint (a stream), or adopt --fd: 0 and a socket with the timeout of limits, or
 * the error is reported and its status returned. */
int cli_dial(const struct cli_dial *dial, const struct cli_endpoint *endpoint,
    const struct cli_limits *limits, struct sku_sock *s);

/* One try, whatever --wait says, and nothing is reported: 0, or -1 and *err. */
int cli_dial_once(const struct cli_dial *dial, const struct cli_endpoint *endpoint,
    const struct cli_limits *limits, struct sku_sock *s, struct sku_error *err);
/* Is it worth another try?  Time, or somebody else, may mend it. */
bool cli_dial_may_pass(const struct sku_error *err);

/* The addresses of a datagram peer, each to be tried until one answers. */
struct cli_datagram_peers {
	struct sku_address *addresses;
	size_t count;
};
/* 0, or the error is reported and its status returned.  Free with cli_datagram_peers_free(). */
int cli_dial_resolve(const struct cli_dial *dial, const struct cli_endpoint *endpoint,
    const struct cli_limits *limits, struct cli_datagram_peers *peers);
void cli_datagram_peers_free(struct cli_datagram_peers *peers);
/* A datagram socket connected to one of them, in non-blocking mode: 0, or -1 with errno. */
int cli_dial_datagram(
    const struct cli_dial *dial, const struct sku_address *peer, struct sku_sock *s);

#endif

/* connect.h - what every connecting program does: resolve, connect, try again. */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include "net/endpoint.h"
#include "net/retry.h"
#include "run/loop.h"
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
#define WAIT_OPTION_ROW(help)                                                                      \
	{                                                                                          \
		OPT_WAIT, "wait", "SECONDS", help, 0, NULL                                         \
	}
/* wait_help: what --wait means.  The modes in which connecting, and connecting over IP, have a
 * meaning, each with the text for its usage error.  Always: 0 and NULL. */
#define CONNECT_OPTION_ROWS_WITH(wait_help, any, any_where, inet, inet_where)                      \
	{ OPT_CONNECT_TIMEOUT, "connect-timeout", "SECONDS",                                       \
		"limit of name resolution and connecting", any, any_where },                       \
	    WAIT_OPTION_ROW(wait_help),                                                            \
	{                                                                                          \
		OPT_SOURCE, "source", "ADDR[:PORT]", "connect from this address", inet, inet_where \
	}
#define CONNECT_OPTION_ROWS(any, any_where, inet, inet_where)                                      \
	CONNECT_OPTION_ROWS_WITH(                                                                  \
	    "keep trying to connect for that long; none", any, any_where, inet, inet_where)

/* Store one of the options above.  Returns false for any other option. */
bool connect_take_option(struct connect_options *options, int id, const char *value);
/* After the command line: end the program with a usage error if the options exclude each other, or
 * the endpoint that was parsed. */
void connect_check_options(const struct connect_options *options, const struct endpoint *endpoint);

/* How long resolving and connecting may take: --connect-timeout, else --timeout, else 60 s. */
int64_t connect_timeout(const struct connect_options *options);
/* What --wait says: SKU_NO_TIMEOUT for `none`, 0 where there is no --wait, or one of 0. */
int64_t connect_wait(const struct connect_options *options);

/* Connects a stream in a loop, as long as --wait says.  Embed it in what owns it, and set done. */
struct connector {
	/* Connected, and the socket, in non-blocking mode, is the callee's; or sock is NULL, and
	 * the failure says why.  The connector is idle then: it may be started again, or freed. */
	void (*done)(
	    struct connector *connector, struct sku_sock *sock, const struct failure *failure);
	/* The rest is the connector's. */
	struct loop *loop; /* NULL: connect_now() waits */
	struct loop_io io;
	struct loop_timer timer;
	const struct connect_options *options;
	const struct endpoint *endpoint;
	char action[300];
	struct retry retry;
	struct sku_connecting *race; /* the present try; NULL: between two */
	struct failure failure;	     /* of the last try */
};

/* Begin.  endpoint and options stay the caller's and must last until the end.  done() is called by
 * the loop, not before this returns.  0, or -1 with errno: there is no memory for a timer. */
int connector_start(struct loop *loop, struct connector *connector, const struct endpoint *endpoint,
    const struct connect_options *options);
/* Give it up: done() is not called any more.  Harmless where it is idle, or was never started but
 * zero. */
void connector_cancel(struct connector *connector);

/* Connect a stream and wait for it, as long as --wait says; or use the socket of --fd.  0 and a
 * socket in non-blocking mode that the caller has to close; or -1 and the failure, a signal or
 * --max-time among them. */
int connect_now(const struct endpoint *endpoint, const struct connect_options *options,
    struct sku_sock *sock, struct failure *failure);

#endif

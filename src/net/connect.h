/* connect.h - what every connecting program does: resolve, connect, try again. */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include "net/endpoint.h"
#include "net/retry.h"
#include "run/loop.h"
#include "run/timeouts.h"

struct connect_options {
	struct address_flags address;
	int64_t connect_timeout_ns; /* SKU_DEFAULT_TIMEOUT: that of connect_timeout() */
	int64_t wait_ns;	    /* --wait; SKU_NO_TIMEOUT: for ever; 0: one try */
	char source_host[128];	    /* numeric; "": the system chooses */
	unsigned source_port;
	int fd; /* a connected socket from --fd; -1: connect */
};

/* --connect-timeout and --source, for a struct connect_options. */
extern const struct option_row connect_options[];
/* --source alone. */
extern const struct option_row source_options[];

/* Call it after the command line: a usage error ends the program if the options exclude each other,
 * or the endpoint that was parsed. */
void connect_check_options(const struct connect_options *options, const struct endpoint *endpoint);

/* How long resolving and connecting may take: --connect-timeout, or what the program has for it;
 * else --timeout, else 60 s. */
int64_t connect_timeout(const struct connect_options *options);

/* Connects a stream in a loop, and tries as long as --wait says.  Embed it in its owner, and set
 * done and failure. */
struct connector {
	/* sock is connected, non-blocking, and the callee's; or it is NULL, and the failure says
	 * why.  The connector is idle then: it may be started again, or freed. */
	void (*done)(
	    struct connector *connector, struct sku_sock *sock, const struct failure *failure);
	/* Room for the failure of the last try.  Connectors without --wait may share it: theirs is
	 * reported at once. */
	struct failure *failure;
	/* This is one of many tries, and the owner reports the result; each attempt is reported
	 * only with -vv. */
	bool is_one_of_many;
	/* A name is being looked up, or was when the try ended. */
	bool is_resolving;
	/* The rest is the connector's. */
	struct loop *loop; /* NULL: connect_now() waits */
	struct loop_io io;
	struct loop_timer timer;
	const struct connect_options *options;
	const struct endpoint *endpoint;
	unsigned port;		 /* of the last try; 0: none is known yet */
	struct sku_address peer; /* of the socket, for done() */
	struct retry retry;
	struct sku_connecting *race; /* the present try; NULL: between two tries */
};

/* Start.  endpoint and options stay the caller's and must exist until the end.  The loop calls
 * done(), but not before this returns.  Returns 0, or -1 with errno: out of memory. */
int connector_start(struct loop *loop, struct connector *connector, const struct endpoint *endpoint,
    const struct connect_options *options);
/* Give up: done() is not called any more.  Harmless if the connector is idle, or all zero. */
void connector_cancel(struct connector *connector);

/* Why an open socket has no peer: the error of a connection that its peer has ended since, or else
 * ENOTCONN.  It is in errno, too. */
int connect_why_no_peer(struct sku_sock *s);

/* Connect a stream and wait for it, as long as --wait says; or use the socket of --fd.  0, a socket
 * in non-blocking mode that the caller has to close, and its peer; or -1 and the failure, a signal
 * or --max-time among them.  The failure is clear before. */
int connect_now(const struct endpoint *endpoint, const struct connect_options *options,
    struct sku_sock *sock, struct sku_address *peer, struct failure *failure);

#endif

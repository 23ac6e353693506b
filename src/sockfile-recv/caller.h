/* caller.h - a connection, and what its first bytes say it is. */
#ifndef RECV_CALLER_H
#define RECV_CALLER_H

#include "libsockutil/sockutil.h"
#include "run/peer.h"

struct caller {
	struct sku_sock sock; /* non-blocking */
	struct sku_address peer;
	char text[CLI_PEER_TEXT_MAX]; /* who it is, for messages */
	int64_t since_ns;	      /* connected */
	int64_t look_at_ns; /* CALLER_BEGUN: not before, or it would be looked at for ever */
};

enum caller_kind {
	CALLER_SILENT, /* nothing has come yet */
	CALLER_BEGUN,  /* what has come may become a greeting, and is too little to know */
	CALLER_EMPTY,  /* it ended without a byte */
	CALLER_LOST,   /* errno */
	CALLER_RAW,    /* a stream of bytes */
	CALLER_VERIFIED,
};

/* Take the socket over. */
int caller_init(struct caller *caller, struct sku_sock *sock, const struct sku_address *peer);
/* Look at what has come, without taking it. */
enum caller_kind caller_look(struct caller *caller);

#endif

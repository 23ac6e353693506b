/* incoming.h - a connection, and what its first bytes say it is. */
#ifndef RECV_INCOMING_H
#define RECV_INCOMING_H

#include "libsockutil/sockutil.h"
#include "run/peer.h"

struct incoming {
	struct sku_sock sock; /* non-blocking */
	struct sku_address peer;
	char text[PEER_TEXT_MAX]; /* who it is, for messages */
	int64_t since_ns;	  /* connected */
	int64_t recheck_at_ns; /* INCOMING_PARTIAL: not before, or it would be looked at for ever */
};

enum incoming_kind {
	INCOMING_SILENT,  /* nothing has come yet */
	INCOMING_PARTIAL, /* what has come may become a greeting, and is too little to know */
	INCOMING_CLOSED,  /* it ended without a byte */
	INCOMING_FAILED,  /* errno */
	INCOMING_RAW,	  /* a stream of bytes */
	INCOMING_VERIFIED,
};

/* Take the socket over. */
int incoming_init(struct incoming *incoming, struct sku_sock *sock, const struct sku_address *peer);
/* Look at what has come, without taking it. */
enum incoming_kind incoming_detect(struct incoming *incoming);

#endif

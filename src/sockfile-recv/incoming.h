/* incoming.h - a connection, and what its first bytes say it is. */
#ifndef RECV_INCOMING_H
#define RECV_INCOMING_H

#include "libsockutil/sockutil.h"
#include "run/loop.h"
#include "run/peer.h"

struct incoming {
	struct sku_sock sock; /* non-blocking */
	struct sku_address peer;
	char text[PEER_TEXT_MAX]; /* who it is, for messages */
	int64_t since_ns;	  /* connected */
	/* Until it has shown what it is: for the server that waits for that. */
	struct loop_io io;
	struct loop_timer silence;
	struct incoming *next;
};

/* Each change is an edge, so that a few bytes of what may become a greeting are looked at once. */
#define INCOMING_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

enum incoming_kind {
	INCOMING_SILENT,  /* nothing has come yet */
	INCOMING_PARTIAL, /* what has come may become a greeting, and is too little to know */
	INCOMING_CLOSED,  /* it ended without a byte */
	INCOMING_FAILED,  /* errno */
	INCOMING_RAW,	  /* a stream of bytes */
	INCOMING_VERIFIED,
};

/* Take the socket over; NULL with errno, and it is still the caller's. */
struct incoming *incoming_new(struct sku_sock *sock, const struct sku_address *peer);
/* Close it, in order unless that was done before. */
void incoming_free(struct incoming *incoming);
/* Look at what has come, without taking it. */
enum incoming_kind incoming_detect(struct incoming *incoming);

#endif

/* incoming.h - a connection, and what its first bytes say it is. */
#ifndef RECV_INCOMING_H
#define RECV_INCOMING_H

#include "libsockutil/sockutil.h"
#include "run/loop.h"
#include "run/peer.h"

#include <sys/queue.h>

struct incoming {
	struct sku_sock sock; /* non-blocking */
	struct sku_address peer;
	char text[PEER_TEXT_MAX]; /* the peer's address, for messages */
	int64_t since_ns;	  /* when it connected */
	/* For the server, which waits until the connection is known to be raw or verified. */
	struct loop_io io;
	struct loop_timer silence;
	TAILQ_ENTRY(incoming) entry;
};

/* Edge-triggered, so that a few bytes of what may become a greeting are looked at only once. */
#define INCOMING_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

enum incoming_kind {
	INCOMING_SILENT,  /* nothing has come yet */
	INCOMING_PARTIAL, /* too little has come: it may become a greeting */
	INCOMING_CLOSED,  /* its stream ended without a byte */
	INCOMING_FAILED,  /* errno */
	INCOMING_RAW,	  /* a stream of bytes */
	INCOMING_VERIFIED,
};

/* Take over the socket.  NULL with errno: the socket is still the caller's. */
struct incoming *incoming_new(struct sku_sock *sock, const struct sku_address *peer);
/* Close the socket, if it is still open, and free the struct. */
void incoming_free(struct incoming *incoming);
/* Look at what has come, and leave it in the socket. */
enum incoming_kind incoming_detect(struct incoming *incoming);

#endif

/* closing.h - the end of a connection, in order or by a reset, once the peer has acknowledged all.
 *
 * Just closing a connection may destroy what the peer has not read yet: if bytes of the peer are
 * unread, close sends a reset, and a reset discards what is on its way.  The owner watches the
 * descriptor, sets the timer, closes the socket, and knows how long to wait. */
#ifndef NET_CLOSING_H
#define NET_CLOSING_H

#include "libsockutil/sockutil.h"
#include "run/loop.h"

enum closing_how {
	CLOSING_NOT,	  /* it is in use */
	CLOSING_IN_ORDER, /* our half is shut; until the peer's is, too, and it has everything */
	CLOSING_SOON,	  /* the same, but a peer that has everything and is quiet need not end */
	CLOSING_BY_RESET, /* until the peer has everything; then the owner resets it */
};

struct closing {
	enum closing_how how;
	bool peer_ended; /* its stream has ended */
	int noise;	 /* looks that must still find nothing until the peer counts as quiet */
};

enum closing_next {
	CLOSING_CONTINUES,
	CLOSING_DONE,
	CLOSING_LOST, /* errno says why */
};

/* Begin the end, once all that the peer is to get was sent.  A UNIX socket has no reset: it ends in
 * order. */
enum closing_next closing_begin(
    struct closing *closing, struct sku_sock *sock, enum closing_how how, bool peer_ended);
/* Handle these events of epoll. */
enum closing_next closing_ready(struct closing *closing, struct sku_sock *sock, uint32_t events);
/* Call it when closing_deadline() has come. */
enum closing_next closing_due(struct closing *closing, struct sku_sock *sock);
/* Watch io for what the end waits for: 0, or -1 with errno. */
int closing_watch(const struct closing *closing, struct loop *loop, struct loop_io *io);
/* When to call closing_due().  until_ns: when the owner stops waiting, which is the latest. */
int64_t closing_deadline(const struct closing *closing, int64_t now, int64_t until_ns);

/* The bytes that the peer has not acknowledged yet, our FIN among them.  On a UNIX socket: what it
 * has not read yet, by the kernel's count. */
int closing_left(const struct sku_sock *sock);
/* Has the peer acknowledged some of that, but not all, since the last look?  *left: what was left
 * then; INT_MAX: this is the first look.  A socket's buffer is megabytes, and has room again only
 * after a third of them: this alone tells a peer that is slow from one that has stopped. */
bool closing_takes_more(const struct sku_sock *sock, int *left);
#define CLOSING_LOOKS 8 /* so many in a time-out */
/* Discard some of what the peer has sent: 1, 0 at its end, or -1 with errno (EAGAIN too). */
int closing_discard(struct sku_sock *sock);
/* From now on make every end of the connection, also by kill -9, a reset, or an end in order again.
 * A UNIX socket has no reset: nothing changes. */
void closing_set_reset(struct sku_sock *sock, bool reset);
/* Why epoll reports an error or a hang-up: an errno value. */
int closing_cause(struct sku_sock *sock);

#endif

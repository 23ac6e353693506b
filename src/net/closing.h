/* closing.h - the end of a connection, in order or by a reset, once the peer has acknowledged all.
 *
 * A connection that is just closed may take back what the peer has not read: unread bytes of the
 * peer make the end a reset, and a reset throws away what is on its way.  The descriptor is
 * watched, the timer set and the socket closed by the owner, who also knows how long he will wait.
 */
#ifndef NET_CLOSING_H
#define NET_CLOSING_H

#include "libsockutil/sockutil.h"
#include "run/loop.h"

enum closing_how {
	CLOSING_NOT,	  /* it is in use */
	CLOSING_IN_ORDER, /* our half is shut: until the peer's is too, and it has everything */
	CLOSING_SOON,	  /* the same, but one that has everything need not end if it is quiet */
	CLOSING_BY_RESET, /* until the peer has everything: then the owner resets it */
};

struct closing {
	enum closing_how how;
	bool peer_ended; /* it sends no more */
	int noise;	 /* until it is quiet: so many more looks, each of which finds nothing */
};

enum closing_next {
	CLOSING_CONTINUES,
	CLOSING_DONE,
	CLOSING_LOST, /* errno says why */
};

/* All that the peer shall have was sent.  A UNIX socket has no reset: it ends in order. */
enum closing_next closing_begin(
    struct closing *closing, struct sku_sock *sock, enum closing_how how, bool peer_ended);
/* These events came. */
enum closing_next closing_ready(struct closing *closing, struct sku_sock *sock, uint32_t events);
/* The instant of closing_deadline() has come. */
enum closing_next closing_due(struct closing *closing, struct sku_sock *sock);
/* Look for what it waits for: 0, or -1 with errno. */
int closing_watch(const struct closing *closing, struct loop *loop, struct loop_io *io);
/* When it must be looked at again; until_ns: when its owner will not wait any longer. */
int64_t closing_deadline(const struct closing *closing, int64_t now, int64_t until_ns);

/* Has the peer everything, by whatever sign? */
bool closing_is_acknowledged(const struct sku_sock *sock);
/* Throw away some of what the peer has sent: 1, 0 at its end, or -1 with errno (EAGAIN too). */
int closing_discard(struct sku_sock *sock);
/* From now on whatever ends the connection, kill -9 of the process too, is a reset, or is in order
 * again.  A UNIX socket has no reset, and nothing changes. */
void closing_set_reset(struct sku_sock *sock, bool reset);
/* Why epoll reports an error or a hang-up: an errno value. */
int closing_cause(struct sku_sock *sock);

#endif

/* closing.c - the end of a connection, in order or by a reset, once the peer has acknowledged all.
 * Row net. */
#include "net/closing.h"

#include "run/uninitialized.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define NOISE 40	   /* 0.2 s */
#define PAUSE (5 * SKU_MS) /* no event reports an acknowledgement: ask for it */
#define PIECE 1024
#define PIECES ((size_t)16)

int
closing_left(const struct sku_sock *sock)
{
	int left = 0;

	return ioctl(sku_fileno(sock), SIOCOUTQ, &left) == 0 ? left : INT_MAX;
}

bool
closing_takes_more(const struct sku_sock *sock, int *left)
{
	int before = *left;

	*left = closing_left(sock);
	return *left > 0 && *left < before && before != INT_MAX;
}

int
closing_discard(struct sku_sock *sock)
{
	char piece[PIECE] UNINITIALIZED; /* nobody looks at it: all goes to the same place */
	struct iovec all[PIECES];
	struct msghdr message = { .msg_iov = all, .msg_iovlen = PIECES };
	ssize_t n;

	for (size_t i = 0; i < PIECES; i++)
		all[i] = (struct iovec){ piece, sizeof(piece) };
	n = sku_recvmsg(sock, &message, 0);
	return n > 0 ? 1 : (int)n;
}

void
closing_set_reset(struct sku_sock *sock, bool reset)
{
	const struct linger linger = { .l_onoff = reset, .l_linger = 0 };

	(void)sku_setsockopt(sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static int
pending_error(struct sku_sock *sock)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return sku_getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &len) == -1 ? errno : error;
}

int
closing_cause(struct sku_sock *sock)
{
	int error = pending_error(sock);

	return error != 0 ? error : ECONNRESET;
}

static enum closing_next
lost(int errnum)
{
	errno = errnum;
	return CLOSING_LOST;
}

/* Discard some of what came, and note what it was: 0, or -1 with errno. */
static int
discard(struct closing *closing, struct sku_sock *sock)
{
	int n = closing_discard(sock);

	if (n == 1)
		closing->noise = NOISE;
	else if (n == 0)
		closing->peer_ended = true;
	else if (errno == EAGAIN)
		closing->noise -= closing->noise > 0;
	else
		return -1;
	return 0;
}

/* Has the peer all bytes?  Our FIN, which counts as one byte, may still be on its way.  What is
 * sent on a UNIX socket is with the peer at once. */
static bool
has_all_bytes(const struct sku_sock *sock)
{
	return sock->family == AF_UNIX || closing_left(sock) <= 1;
}

/* In this order: once the peer has everything, what it sends after that cannot destroy it. */
static enum closing_next
look_for_quiet(struct closing *closing, struct sku_sock *sock)
{
	bool has_all = has_all_bytes(sock);

	if (discard(closing, sock) == -1)
		return CLOSING_LOST;
	return has_all && closing->noise == 0 ? CLOSING_DONE : CLOSING_CONTINUES;
}

enum closing_next
closing_due(struct closing *closing, struct sku_sock *sock)
{
	int error;

	if (closing->how == CLOSING_SOON && !closing->peer_ended)
		return look_for_quiet(closing, sock);
	if (closing->how == CLOSING_IN_ORDER && !closing->peer_ended)
		return CLOSING_CONTINUES;
	error = pending_error(sock);
	if (error != 0)
		return lost(error);
	return closing_left(sock) == 0 ? CLOSING_DONE : CLOSING_CONTINUES;
}

enum closing_next
closing_begin(struct closing *closing, struct sku_sock *sock, enum closing_how how, bool peer_ended)
{
	if (sock->family == AF_UNIX && how == CLOSING_BY_RESET)
		how = CLOSING_IN_ORDER;
	*closing = (struct closing){ how, peer_ended, 0 };
	if (how != CLOSING_BY_RESET && sku_shutdown(sock, SHUT_WR) == -1)
		return lost(errno == ENOTCONN ? closing_cause(sock) : errno); /* it is gone */
	return closing_due(closing, sock);
}

enum closing_next
closing_ready(struct closing *closing, struct sku_sock *sock, uint32_t events)
{
	if ((events & EPOLLIN) != 0) {
		if (discard(closing, sock) == -1)
			return CLOSING_LOST;
		return closing->peer_ended ? closing_due(closing, sock) : CLOSING_CONTINUES;
	}
	return (events & (EPOLLERR | EPOLLHUP)) != 0 ? lost(closing_cause(sock)) :
						       CLOSING_CONTINUES;
}

int
closing_watch(const struct closing *closing, struct loop *loop, struct loop_io *io)
{
	if (closing->how == CLOSING_BY_RESET)
		return loop_watch(loop, io, 0);
	if (!closing->peer_ended)
		return loop_watch(loop, io, EPOLLIN);
	/* Both halves are shut: epoll would report that for ever. */
	loop_unwatch(loop, io);
	return 0;
}

int64_t
closing_deadline(const struct closing *closing, int64_t now, int64_t until_ns)
{
	bool asks = closing->how != CLOSING_IN_ORDER || closing->peer_ended;

	return asks && now + PAUSE < until_ns ? now + PAUSE : until_ns;
}

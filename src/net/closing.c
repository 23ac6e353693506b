/* closing.c - the end of a connection, in order or by a reset, once the peer has acknowledged all.
 * Row net. */
#include "net/closing.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#define PAUSE (5 * SKU_MS)   /* nothing tells of an acknowledgement: it is asked for */
#define DISCARDED_AT_ONCE 64 /* so many pieces at most */
#define PIECE ((size_t)16 << 10)

bool
closing_is_acknowledged(const struct sku_sock *sock)
{
	int left = 0;

	return ioctl(sku_fileno(sock), SIOCOUTQ, &left) == 0 && left == 0;
}

int
closing_discard(struct sku_sock *sock)
{
	char piece[PIECE];
	ssize_t n = sku_recv(sock, piece, sizeof(piece), 0);

	return n > 0 ? 1 : (int)n;
}

void
closing_at_once(struct sku_sock *sock)
{
	(void)sku_shutdown(sock, SHUT_WR); /* who is gone needs no end */
	for (int i = 0; i < DISCARDED_AT_ONCE && closing_discard(sock) == 1; i++)
		;
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

enum closing_next
closing_due(const struct closing *closing, struct sku_sock *sock)
{
	int error;

	if (closing->how == CLOSING_IN_ORDER && !closing->peer_ended)
		return CLOSING_CONTINUES;
	error = pending_error(sock);
	if (error != 0)
		return lost(error);
	return closing_is_acknowledged(sock) ? CLOSING_DONE : CLOSING_CONTINUES;
}

enum closing_next
closing_begin(struct closing *closing, struct sku_sock *sock, enum closing_how how, bool peer_ended)
{
	if (sock->family == AF_UNIX)
		how = CLOSING_IN_ORDER;
	*closing = (struct closing){ how, peer_ended };
	if (how == CLOSING_IN_ORDER && sku_shutdown(sock, SHUT_WR) == -1)
		return lost(errno == ENOTCONN ? closing_cause(sock) : errno); /* it is gone */
	return closing_due(closing, sock);
}

enum closing_next
closing_ready(struct closing *closing, struct sku_sock *sock, uint32_t events)
{
	if ((events & EPOLLIN) != 0) {
		int n = closing_discard(sock);

		if (n != 0)
			return n == 1 || errno == EAGAIN ? CLOSING_CONTINUES : CLOSING_LOST;
		closing->peer_ended = true;
		return closing_due(closing, sock);
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
	bool asks = closing->how == CLOSING_BY_RESET || closing->peer_ended;

	return asks && now + PAUSE < until_ns ? now + PAUSE : until_ns;
}

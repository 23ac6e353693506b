/* connect.c - connect(2) in each mode.
 * Row 2: above socket, address and deadline. */
#include "libsockutil/socket.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <poll.h>
#include <sys/time.h>

#define UNIX_CONNECT_TRY SKU_SECOND /* after that, ask the hook again */
#define PORT_TRIES 64		    /* at least one of so many random ports is not the peer's */

/* connect(2) on AF_UNIX waits for a place in the backlog, which poll(2) does not report.  So under
 * a deadline the socket blocks for a while, and SO_SNDTIMEO, which the caller may have set, limits
 * the wait.  With it connect(2) is not restarted after a signal. */
static int
connect_unix(struct sku_sock *s, const struct sku_address *address, const struct sku_operation *op)
{
	struct timeval kept = { 0, 0 };
	socklen_t len = sizeof(kept);
	int result, saved;

	if (getsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &kept, &len) == -1 ||
	    sku_set_nonblock(s->fd, false) == -1)
		return -1;
	for (;;) {
		int64_t left = sku_deadline_left(
		    sku_deadline_earlier(op->deadline, sku_deadline_in(UNIX_CONNECT_TRY)));
		const struct timeval tv = { (time_t)(left / SKU_SECOND),
			(suseconds_t)(left % SKU_SECOND / SKU_US) | 1 }; /* 0 is no limit */

		(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		result = connect(s->fd, &address->sa, address->len);
		if (result == 0 || (errno != EAGAIN && errno != EINTR) ||
		    sku_check_interrupt() == -1)
			break;
		if (sku_deadline_passed(op->deadline)) {
			errno = ETIMEDOUT;
			break;
		}
	}
	saved = errno;
	(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &kept, sizeof(kept));
	(void)sku_set_nonblock(s->fd, !op->polls);
	errno = saved;
	return result;
}

/* Wait for the result of a connection in progress. */
static int
finish_connect(struct sku_sock *s, struct sku_deadline deadline)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (sku_wait_fd(s->fd, POLLOUT, deadline) == -1 ||
	    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return -1;
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

/* Connect a datagram socket, but never to its own address, where each datagram would come back
 * as an answer.  If the system chose the port, disconnecting frees it and the next try gets
 * another. */
static int
connect_datagram(struct sku_sock *s, const struct sku_address *address)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct sku_address kept;

	for (int i = 0; i < PORT_TRIES; i++) {
		while (connect(s->fd, &address->sa, address->len) == -1) {
			if (errno == EAGAIN && s->family != AF_UNIX)
				errno = EADDRNOTAVAIL; /* as TCP: no local port is free */
			if (errno != EINTR)
				return -1;
		}
		if (!sku_is_connected_to_itself(s->fd))
			return 0;
		if (connect(s->fd, &nobody, sizeof(nobody)) == -1)
			return -1;
		if (s->family == AF_UNIX || sku_getsockname(s, &kept) == -1 ||
		    sku_address_port(&kept) != 0)
			break;
	}
	errno = ECONNREFUSED;
	return -1;
}

static int
connect_stream(
    struct sku_sock *s, const struct sku_address *address, const struct sku_operation *op)
{
	while (connect(s->fd, &address->sa, address->len) == -1) {
		if (errno == EINTR && s->family == AF_UNIX)
			continue;
		/* POSIX, connect(): an interrupted connect goes on in the background.  In the
		 * blocking mode EINPROGRESS means that the caller's SO_SNDTIMEO is over. */
		if (errno == EINTR || (errno == EINPROGRESS && op->waits))
			return finish_connect(s, op->deadline);
		return -1;
	}
	return 0;
}

int
sku_connect(struct sku_sock *s, const struct sku_address *address)
{
	struct sku_operation op;
	int result, saved;

	if (sku_operation_begin(&op, s, 0) == -1)
		return -1;
	if (s->type == SOCK_DGRAM)
		return connect_datagram(s, address);
	if (s->family == AF_UNIX && op.waits)
		return connect_unix(s, address, &op);
	if (op.polls && sku_set_nonblock(s->fd, true) == -1)
		return -1;
	result = connect_stream(s, address, &op);
	if (op.polls) {
		saved = errno;
		(void)sku_set_nonblock(s->fd, false);
		errno = saved;
	}
	return result;
}

int
sku_connect_ex(struct sku_sock *s, const struct sku_address *address)
{
	return sku_connect(s, address) == 0 ? 0 : errno;
}

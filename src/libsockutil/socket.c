/* socket.c - one socket: its three modes, and operations that end at their deadline.
 * Row 1: above deadline and error. */
#include "libsockutil/socket.h"

#include "libsockutil/sockutil.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PORT_TRIES 64 /* with any port free, one of so many draws is not the peer's */

static _Atomic int64_t default_timeout_ns = SKU_NO_TIMEOUT;

int
sku_wait_fd(int fd, short events, struct sku_deadline deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = sku_deadline_left(deadline);
		struct timespec ts = { .tv_sec = (time_t)(left / SKU_SECOND),
			.tv_nsec = (long)(left % SKU_SECOND) };
		int n = ppoll(&pfd, 1, left == SKU_NO_TIMEOUT ? NULL : &ts, NULL);

		if (n > 0 && (pfd.revents & POLLNVAL) != 0) {
			errno = EBADF;
			return -1;
		}
		if (n > 0)
			return 0;
		if (n == -1 && errno != EINTR)
			return -1;
		if (n == 0 && sku_deadline_passed(deadline)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

static int
set_nonblock(int fd, bool nonblock)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		return -1;
	if (((flags & O_NONBLOCK) != 0) == nonblock)
		return 0;
	return fcntl(fd, F_SETFL, nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static int
check_open(const struct sku_sock *s)
{
	if (s->fd != -1)
		return 0;
	errno = EBADF;
	return -1;
}

/* After a system call failed: returns 0 to call it again, or -1 with errno. */
static int
may_retry(const struct sku_sock *s, short events, struct sku_deadline deadline)
{
	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN || s->timeout_ns <= 0)
		return -1;
	return sku_wait_fd(s->fd, events, deadline);
}

/* The deadline of an operation that begins now.  Without a timeout the clock is not read. */
static struct sku_deadline
operation_deadline(const struct sku_sock *s)
{
	return s->timeout_ns > 0 ? sku_deadline_in(s->timeout_ns) : sku_deadline_never();
}

int
sku_type_kind(int type)
{
	return type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int
sku_socket(struct sku_sock *s, int family, int type, int protocol)
{
	int64_t timeout_ns = (type & SOCK_NONBLOCK) != 0 ? 0 : sku_getdefaulttimeout();
	int fd =
	    socket(family, type | SOCK_CLOEXEC | (timeout_ns >= 0 ? SOCK_NONBLOCK : 0), protocol);

	if (fd == -1)
		return -1;
	*s = (struct sku_sock){ fd, family, sku_type_kind(type), protocol, timeout_ns };
	return 0;
}

int
sku_socket_from_fd(struct sku_sock *s, int fd)
{
	socklen_t len = sizeof(int);
	int64_t timeout_ns = sku_getdefaulttimeout();
	struct sku_sock found = { fd, 0, 0, 0, SKU_NO_TIMEOUT };
	int flags;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &found.family, &len) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &found.type, &len) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &found.protocol, &len) == -1 ||
	    (flags = fcntl(fd, F_GETFL)) == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return -1;
	if (timeout_ns >= 0) {
		if (sku_settimeout(&found, timeout_ns) == -1)
			return -1;
	} else if ((flags & O_NONBLOCK) != 0) {
		found.timeout_ns = 0;
	}
	*s = found;
	return 0;
}

int
sku_fileno(const struct sku_sock *s)
{
	return s->fd;
}

int
sku_close(struct sku_sock *s)
{
	int fd = s->fd;

	if (fd == -1)
		return 0;
	s->fd = -1;
	if (close(fd) == -1 && errno != EINTR)
		return -1;
	return 0;
}

int
sku_reset(struct sku_sock *s)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (s->fd == -1)
		return 0;
	/* AF_UNIX ignores SO_LINGER: there the close is all. */
	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return sku_close(s);
}

void
sku_autoclose(struct sku_sock *s)
{
	int saved = errno;

	(void)sku_close(s); /* nothing could be done about a failure */
	errno = saved;
}

int
sku_detach(struct sku_sock *s)
{
	int fd = s->fd;

	if (check_open(s) == -1)
		return -1;
	s->fd = -1;
	return fd;
}

int
sku_bind(struct sku_sock *s, const struct sku_address *address)
{
	return check_open(s) == -1 ? -1 : bind(s->fd, &address->sa, address->len);
}

int
sku_listen(struct sku_sock *s, int backlog)
{
	return check_open(s) == -1 ? -1 : listen(s->fd, backlog < 0 ? 0 : backlog);
}

int
sku_backlog(int backlog)
{
	return backlog == 0 ? SKU_DEFAULT_BACKLOG : backlog;
}

int
sku_accept(struct sku_sock *s, struct sku_sock *conn, struct sku_address *peer)
{
	int64_t timeout_ns = sku_getdefaulttimeout();
	struct sku_deadline deadline = operation_deadline(s);
	struct sku_address from = { .len = sizeof(from.storage) };
	int fd;

	if (check_open(s) == -1)
		return -1;
	for (;;) {
		from.len = sizeof(from.storage);
		fd = accept4(s->fd, &from.sa, &from.len,
		    SOCK_CLOEXEC | (timeout_ns >= 0 ? SOCK_NONBLOCK : 0));
		if (fd != -1)
			break;
		/* accept(2): this connection was aborted before it was accepted. */
		if (errno == ECONNABORTED || errno == EPROTO)
			continue;
		if (may_retry(s, POLLIN, deadline) == -1)
			return -1;
	}
	*conn = (struct sku_sock){ fd, s->family, s->type, s->protocol, timeout_ns };
	if (peer != NULL)
		*peer = from;
	return 0;
}

/* connect(2) on AF_UNIX waits for a place in the backlog, which poll(2) does not report.  So under
 * a deadline the socket blocks for a while, and SO_SNDTIMEO, which the caller may have set, limits
 * the wait. */
static int
connect_unix(struct sku_sock *s, const struct sku_address *address, struct sku_deadline deadline)
{
	struct timeval kept = { 0, 0 };
	socklen_t len = sizeof(kept);
	int result, saved;

	if (getsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &kept, &len) == -1 ||
	    set_nonblock(s->fd, false) == -1)
		return -1;
	do {
		int64_t left = sku_deadline_left(deadline);
		const struct timeval tv = { (time_t)(left / SKU_SECOND),
			(suseconds_t)(left % SKU_SECOND / SKU_US) | 1 }; /* 0 is no limit */

		(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		result = connect(s->fd, &address->sa, address->len);
	} while (result == -1 && errno == EINTR && !sku_deadline_passed(deadline));
	saved = errno == EAGAIN || errno == EINTR ? ETIMEDOUT : errno;
	(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &kept, sizeof(kept));
	(void)set_nonblock(s->fd, true);
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

bool
sku_is_connected_to_itself(int fd)
{
	struct sku_address local = { .len = sizeof(local.storage) };
	struct sku_address peer = { .len = sizeof(peer.storage) };

	/* Unnamed UNIX sockets have equal addresses, but they are not the same socket. */
	return getsockname(fd, &local.sa, &local.len) == 0 && local.len > sizeof(sa_family_t) &&
	       getpeername(fd, &peer.sa, &peer.len) == 0 && sku_address_equal(&local, &peer);
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

int
sku_connect(struct sku_sock *s, const struct sku_address *address)
{
	struct sku_deadline deadline = operation_deadline(s);

	if (check_open(s) == -1)
		return -1;
	if (s->type == SOCK_DGRAM)
		return connect_datagram(s, address);
	if (s->family == AF_UNIX && s->timeout_ns > 0)
		return connect_unix(s, address, deadline);
	while (connect(s->fd, &address->sa, address->len) == -1) {
		if (errno == EINTR && s->family == AF_UNIX)
			continue;
		/* POSIX, connect(): an interrupted connect goes on in the background.  In the
		 * blocking mode EINPROGRESS is what the caller's SO_SNDTIMEO says. */
		if ((errno == EINTR && s->timeout_ns != 0) ||
		    (errno == EINPROGRESS && s->timeout_ns > 0))
			return finish_connect(s, deadline);
		return -1;
	}
	return 0;
}

ssize_t
sku_recvfrom(struct sku_sock *s, void *buf, size_t len, int flags, struct sku_address *from)
{
	struct sku_deadline deadline = operation_deadline(s);
	ssize_t n;

	if (check_open(s) == -1)
		return -1;
	do {
		if (from != NULL)
			from->len = sizeof(from->storage);
		n = recvfrom(s->fd, buf, len, flags, from != NULL ? &from->sa : NULL,
		    from != NULL ? &from->len : NULL);
	} while (n == -1 && may_retry(s, POLLIN, deadline) == 0);
	return n;
}

ssize_t
sku_recv(struct sku_sock *s, void *buf, size_t len, int flags)
{
	return sku_recvfrom(s, buf, len, flags, NULL);
}

static ssize_t
send_until(struct sku_sock *s, const void *buf, size_t len, int flags, const struct sku_address *to,
    struct sku_deadline deadline)
{
	ssize_t n;

	if (check_open(s) == -1)
		return -1;
	do {
		n = sendto(s->fd, buf, len, flags | MSG_NOSIGNAL, to != NULL ? &to->sa : NULL,
		    to != NULL ? to->len : 0);
	} while (n == -1 && may_retry(s, POLLOUT, deadline) == 0);
	return n;
}

ssize_t
sku_send(struct sku_sock *s, const void *buf, size_t len, int flags)
{
	return send_until(s, buf, len, flags, NULL, operation_deadline(s));
}

ssize_t
sku_sendto(struct sku_sock *s, const void *buf, size_t len, int flags, const struct sku_address *to)
{
	return send_until(s, buf, len, flags, to, operation_deadline(s));
}

int
sku_sendall(struct sku_sock *s, const void *buf, size_t len, int flags, size_t *sent)
{
	struct sku_deadline deadline = operation_deadline(s);
	const unsigned char *bytes = buf;
	size_t done = 0;
	ssize_t n;
	int result = 0;

	do {
		/* A peer that takes a few bytes now and then must not stretch the deadline. */
		if (done > 0 && s->timeout_ns > 0 && sku_deadline_passed(deadline)) {
			errno = ETIMEDOUT;
			result = -1;
			break;
		}
		n = send_until(s, bytes + done, len - done, flags, NULL, deadline);
		if (n == -1) {
			result = -1;
			break;
		}
		done += (size_t)n;
	} while (done < len);
	if (sent != NULL)
		*sent = done;
	return result;
}

int
sku_shutdown(struct sku_sock *s, int how)
{
	return check_open(s) == -1 ? -1 : shutdown(s->fd, how);
}

int
sku_setsockopt(struct sku_sock *s, int level, int option, const void *value, socklen_t len)
{
	return check_open(s) == -1 ? -1 : setsockopt(s->fd, level, option, value, len);
}

int
sku_setsockopt_int(struct sku_sock *s, int level, int option, int value)
{
	return sku_setsockopt(s, level, option, &value, sizeof(value));
}

int
sku_getsockopt(struct sku_sock *s, int level, int option, void *value, socklen_t *len)
{
	return check_open(s) == -1 ? -1 : getsockopt(s->fd, level, option, value, len);
}

int
sku_settimeout(struct sku_sock *s, int64_t timeout_ns)
{
	if (check_open(s) == -1)
		return -1;
	if (timeout_ns == SKU_DEFAULT_TIMEOUT)
		timeout_ns = sku_getdefaulttimeout();
	if (timeout_ns < SKU_NO_TIMEOUT) {
		errno = EINVAL;
		return -1;
	}
	if (set_nonblock(s->fd, timeout_ns >= 0) == -1)
		return -1;
	s->timeout_ns = timeout_ns;
	return 0;
}

int64_t
sku_gettimeout(const struct sku_sock *s)
{
	return s->timeout_ns;
}

int
sku_setblocking(struct sku_sock *s, bool blocking)
{
	return sku_settimeout(s, blocking ? SKU_NO_TIMEOUT : 0);
}

bool
sku_getblocking(const struct sku_sock *s)
{
	return s->timeout_ns != 0;
}

int
sku_setdefaulttimeout(int64_t timeout_ns)
{
	if (timeout_ns < SKU_NO_TIMEOUT) {
		errno = EINVAL;
		return -1;
	}
	atomic_store(&default_timeout_ns, timeout_ns);
	return 0;
}

int64_t
sku_getdefaulttimeout(void)
{
	return atomic_load(&default_timeout_ns);
}

int
sku_getsockname(const struct sku_sock *s, struct sku_address *address)
{
	memset(address, 0, sizeof(*address));
	address->len = sizeof(address->storage);
	return check_open(s) == -1 ? -1 : getsockname(s->fd, &address->sa, &address->len);
}

int
sku_getpeername(const struct sku_sock *s, struct sku_address *address)
{
	memset(address, 0, sizeof(*address));
	address->len = sizeof(address->storage);
	return check_open(s) == -1 ? -1 : getpeername(s->fd, &address->sa, &address->len);
}

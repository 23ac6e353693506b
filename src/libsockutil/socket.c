/* socket.c - one socket: its three modes, and operations that end at their deadline.
 * Row 1: above
 * deadline and error.
 *
 * If there is a hook that may end a call, only ppoll(2) waits, which is never restarted. */
#include "libsockutil/socket.h"

#include "libsockutil/sockutil.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READY_PAUSE (5 * SKU_MS)

static _Atomic int64_t default_timeout_ns = SKU_NO_TIMEOUT;

typedef int asked_function(void *);
static asked_function *_Atomic asked; /* the hook: whether to end a call; NULL: none */
static void *_Atomic asked_arg;

void
sku_set_interrupt(int (*function)(void *), void *arg)
{
	atomic_store(&asked_arg, arg);
	atomic_store(&asked, function);
}

bool
sku_has_interrupt(void)
{
	return atomic_load(&asked) != NULL;
}

int
sku_check_interrupt(void)
{
	asked_function *function = atomic_load(&asked);

	if (function == NULL || function(atomic_load(&asked_arg)) == 0)
		return 0;
	errno = ECANCELED;
	return -1;
}

/* ppoll(2), or -1 with ECANCELED if the hook ends the call.  The hook is asked before the wait,
 * with all signals blocked, so that a signal that was handled just before is not missed. */
static int
poll_once(struct pollfd *pfd, const struct timespec *ts)
{
	sigset_t all, before;
	int n, saved;

	if (!sku_has_interrupt())
		return ppoll(pfd, 1, ts, NULL);
	n = poll(pfd, 1, 0);
	if (n != 0)
		return n;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	n = sku_check_interrupt() == -1 ? -1 : ppoll(pfd, 1, ts, &before);
	saved = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return n;
}

int
sku_wait_fd(int fd, short events, struct sku_deadline deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = sku_deadline_left(deadline);
		struct timespec ts = { .tv_sec = (time_t)(left / SKU_SECOND),
			.tv_nsec = (long)(left % SKU_SECOND) };
		int n = poll_once(&pfd, left == SKU_NO_TIMEOUT ? NULL : &ts);

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

int
sku_set_nonblock(int fd, bool nonblock)
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

/* Does a socket with these limits have a non-blocking descriptor? */
static bool
is_nonblocking(int64_t timeout_ns, int64_t deadline_ns)
{
	return timeout_ns >= 0 || deadline_ns != 0;
}

int
sku_operation_begin(struct sku_operation *op, const struct sku_sock *s, int flags)
{
	op->deadline = sku_deadline_never();
	op->was_ready = false;
	op->polls = s->timeout_ns < 0 && s->deadline_ns == 0 && sku_has_interrupt();
	op->waits =
	    s->timeout_ns > 0 || ((op->polls || (s->timeout_ns < 0 && s->deadline_ns != 0)) &&
				     (flags & MSG_DONTWAIT) == 0);
	op->flags = flags | (op->polls ? MSG_DONTWAIT : 0);
	op->events = (flags & MSG_ERRQUEUE) != 0 ? 0 : (flags & MSG_OOB) != 0 ? POLLPRI : POLLIN;
	if (check_open(s) == -1)
		return -1;
	/* Without a limit, do not read the clock. */
	if (s->timeout_ns > 0)
		op->deadline = sku_deadline_in(s->timeout_ns);
	if (s->deadline_ns == 0 || s->timeout_ns == 0)
		return 0;
	op->deadline = sku_deadline_earlier(op->deadline, (struct sku_deadline){ s->deadline_ns });
	if (!sku_deadline_passed(op->deadline))
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

/* Wait a moment, or until the deadline: 0, or -1 with errno. */
static int
pause_until(struct sku_deadline deadline)
{
	struct sku_deadline end = sku_deadline_earlier(deadline, sku_deadline_in(READY_PAUSE));

	(void)sku_wait_fd(-1, 0, end); /* it fails, by the deadline or by the hook */
	return errno == ETIMEDOUT && !sku_deadline_passed(deadline) ? 0 : -1;
}

/* The socket may be ready, and the operation still impossible: a datagram for a UNIX socket whose
 * queue is full, or another process that was faster.  That must neither spin nor outlast the
 * deadline. */
int
sku_operation_retry(struct sku_operation *op, const struct sku_sock *s, short events)
{
	if (errno == EINTR)
		return sku_check_interrupt();
	if (errno != EAGAIN || !op->waits || (op->was_ready && pause_until(op->deadline) == -1))
		return -1;
	if (sku_wait_fd(s->fd, events, op->deadline) == -1)
		return -1;
	op->was_ready = true;
	return 0;
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
	*s = (struct sku_sock){ fd, family, sku_type_kind(type), protocol, timeout_ns, 0 };
	return 0;
}

int
sku_socket_from_fd(struct sku_sock *s, int fd)
{
	socklen_t len = sizeof(int);
	int64_t timeout_ns = sku_getdefaulttimeout();
	struct sku_sock found = { fd, 0, 0, 0, SKU_NO_TIMEOUT, 0 };
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
	/* AF_UNIX ignores SO_LINGER: it is just closed. */
	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return sku_close(s);
}

void
sku_autoclose(struct sku_sock *s)
{
	int saved = errno;

	(void)sku_close(s); /* a failure could not be mended */
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
	struct sku_address from = { .len = sizeof(from.storage) };
	struct sku_operation op;
	int fd;

	if (sku_operation_begin(&op, s, 0) == -1)
		return -1;
	for (;;) {
		if (op.polls && sku_wait_fd(s->fd, POLLIN, op.deadline) == -1)
			return -1;
		from.len = sizeof(from.storage);
		fd = accept4(s->fd, &from.sa, &from.len,
		    SOCK_CLOEXEC | (timeout_ns >= 0 ? SOCK_NONBLOCK : 0));
		if (fd != -1)
			break;
		/* accept(2): this connection was aborted before it was accepted. */
		if (errno == ECONNABORTED || errno == EPROTO)
			continue;
		if (sku_operation_retry(&op, s, POLLIN) == -1)
			return -1;
	}
	*conn = (struct sku_sock){ fd, s->family, s->type, s->protocol, timeout_ns, 0 };
	if (peer != NULL)
		*peer = from;
	return 0;
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

ssize_t
sku_recvfrom(struct sku_sock *s, void *buf, size_t len, int flags, struct sku_address *from)
{
	struct sku_operation op;
	ssize_t n;

	if (sku_operation_begin(&op, s, flags) == -1)
		return -1;
	/* The kernel would wait for a byte. */
	if (len == 0 && s->type == SOCK_STREAM && (flags & MSG_ERRQUEUE) == 0) {
		if (from != NULL)
			from->len = 0;
		return 0;
	}
	do {
		if (from != NULL)
			from->len = sizeof(from->storage);
		n = recvfrom(s->fd, buf, len, op.flags, from != NULL ? &from->sa : NULL,
		    from != NULL ? &from->len : NULL);
	} while (n == -1 && sku_operation_retry(&op, s, op.events) == 0);
	return n;
}

ssize_t
sku_recv(struct sku_sock *s, void *buf, size_t len, int flags)
{
	return sku_recvfrom(s, buf, len, flags, NULL);
}

static ssize_t
send_until(struct sku_sock *s, const void *buf, size_t len, struct sku_operation *op,
    const struct sku_address *to)
{
	ssize_t n;

	op->was_ready = false;
	do {
		n = sendto(s->fd, buf, len, op->flags | MSG_NOSIGNAL, to != NULL ? &to->sa : NULL,
		    to != NULL ? to->len : 0);
	} while (n == -1 && sku_operation_retry(op, s, POLLOUT) == 0);
	return n;
}

ssize_t
sku_send(struct sku_sock *s, const void *buf, size_t len, int flags)
{
	return sku_sendto(s, buf, len, flags, NULL);
}

ssize_t
sku_sendto(struct sku_sock *s, const void *buf, size_t len, int flags, const struct sku_address *to)
{
	struct sku_operation op;

	return sku_operation_begin(&op, s, flags) == -1 ? -1 : send_until(s, buf, len, &op, to);
}

int
sku_sendall(struct sku_sock *s, const void *buf, size_t len, int flags, size_t *sent)
{
	const unsigned char *bytes = buf;
	struct sku_operation op;
	size_t done = 0;
	ssize_t n;
	int result = sku_operation_begin(&op, s, flags);

	while (result == 0) {
		/* A peer that takes a few bytes now and then must not stretch the deadline. */
		if (done > 0 && op.waits && sku_deadline_passed(op.deadline)) {
			errno = ETIMEDOUT;
			result = -1;
			break;
		}
		n = send_until(s, bytes + done, len - done, &op, NULL);
		if (n == -1)
			result = -1;
		else if ((done += (size_t)n) == len)
			break;
	}
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
sku_getsockopt_int(struct sku_sock *s, int level, int option, int *value)
{
	socklen_t len = sizeof(*value);

	*value = 0; /* some options fill only one byte of it */
	return sku_getsockopt(s, level, option, value, &len);
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
	if (sku_set_nonblock(s->fd, is_nonblocking(timeout_ns, s->deadline_ns)) == -1)
		return -1;
	s->timeout_ns = timeout_ns;
	return 0;
}

int
sku_setdeadline(struct sku_sock *s, struct sku_deadline deadline)
{
	int64_t at_ns = deadline.at_ns == INT64_MAX ? 0 : deadline.at_ns > 0 ? deadline.at_ns : 1;

	if (check_open(s) == -1 ||
	    sku_set_nonblock(s->fd, is_nonblocking(s->timeout_ns, at_ns)) == -1)
		return -1;
	s->deadline_ns = at_ns;
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

/* getsockname(2) or getpeername(2).  A socket that has no such address gets an empty one. */
static int
get_address(const struct sku_sock *s, struct sku_address *address,
    int (*get)(int fd, struct sockaddr *sa, socklen_t *len))
{
	memset(address, 0, sizeof(*address));
	address->len = sizeof(address->storage);
	if (check_open(s) == 0 && get(s->fd, &address->sa, &address->len) == 0)
		return 0;
	address->len = 0;
	return -1;
}

int
sku_getsockname(const struct sku_sock *s, struct sku_address *address)
{
	return get_address(s, address, getsockname);
}

int
sku_getpeername(const struct sku_sock *s, struct sku_address *address)
{
	return get_address(s, address, getpeername);
}

/* pair.c - socketpair() and dup().
 * Row 2: above socket. */
#include "libsockutil/socket.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <fcntl.h>

int
sku_socketpair(struct sku_sock pair[2], int family, int type, int protocol)
{
	int64_t timeout_ns = (type & SOCK_NONBLOCK) != 0 ? 0 : sku_getdefaulttimeout();
	int fds[2];

	if (socketpair(family, type | SOCK_CLOEXEC | (timeout_ns >= 0 ? SOCK_NONBLOCK : 0),
		protocol, fds) == -1)
		return -1;
	for (int i = 0; i < 2; i++)
		pair[i] = (struct sku_sock){ fds[i], family, sku_type_kind(type), protocol,
			timeout_ns, 0 };
	return 0;
}

int
sku_dup(const struct sku_sock *s, struct sku_sock *copy)
{
	int fd;

	if (s->fd == -1) {
		errno = EBADF;
		return -1;
	}
	fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	*copy = *s;
	copy->fd = fd;
	return 0;
}

/* messages.c - sendmsg() and recvmsg(), and descriptors that go over a UNIX socket.
 * Row 2: above socket. */
#include "libsockutil/socket.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

/* A control message with as many descriptors as the kernel passes at once. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(SKU_FDS_MAX * sizeof(int))];
};

ssize_t
sku_sendmsg(struct sku_sock *s, const struct msghdr *message, int flags)
{
	struct sku_operation op;
	ssize_t n;

	if (sku_operation_begin(&op, s, flags) == -1)
		return -1;
	do {
		n = sendmsg(s->fd, message, op.flags | MSG_NOSIGNAL);
	} while (n == -1 && sku_operation_retry(&op, s, POLLOUT) == 0);
	return n;
}

ssize_t
sku_recvmsg(struct sku_sock *s, struct msghdr *message, int flags)
{
	const struct msghdr asked = *message;
	struct sku_operation op;
	ssize_t n;

	if (sku_operation_begin(&op, s, flags) == -1)
		return -1;
	do {
		*message = asked; /* a call that fails may have changed the lengths */
		n = recvmsg(s->fd, message, op.flags | MSG_CMSG_CLOEXEC);
	} while (n == -1 && sku_operation_retry(&op, s, op.events) == 0);
	return n;
}

ssize_t
sku_send_fds(
    struct sku_sock *s, const void *buf, size_t len, const int *fds, size_t count, int flags)
{
	struct iovec data = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	union control control;

	/* A stream carries descriptors only together with bytes. */
	if (count > SKU_FDS_MAX || (count > 0 && len == 0 && s->type == SOCK_STREAM)) {
		errno = EINVAL;
		return -1;
	}
	if (count > 0) {
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	return sku_sendmsg(s, &message, flags);
}

ssize_t
sku_recv_fds(struct sku_sock *s, void *buf, size_t len, int *fds, size_t *count, int flags,
    int *message_flags)
{
	size_t room = *count < SKU_FDS_MAX ? *count : SKU_FDS_MAX;
	struct iovec data = { .iov_base = buf, .iov_len = len };
	union control control;
	/* Not CMSG_SPACE: its padding would have room for one more descriptor. */
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(room * sizeof(int)) };
	ssize_t n = sku_recvmsg(s, &message, flags);

	*count = 0;
	if (n == -1)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *count * sizeof(int));
	}
	if (message_flags != NULL)
		*message_flags = message.msg_flags;
	return n;
}

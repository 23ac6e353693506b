/* recvall.c - sendall()'s twin.
 * Row 2: above socket. */
#include "libsockutil/socket.h"
#include "libsockutil/sockutil.h"

#include <errno.h>

int
sku_recvall(struct sku_sock *s, void *buf, size_t len, int flags, size_t *received)
{
	unsigned char *bytes = buf;
	struct sku_operation op;
	size_t done = 0;
	int result = sku_operation_begin(&op, s, flags);

	if (result == 0 && (s->type != SOCK_STREAM || (flags & MSG_PEEK) != 0)) {
		errno = EINVAL;
		result = -1;
	}
	while (result == 0 && done < len) {
		ssize_t n = recv(s->fd, bytes + done, len - done, op.flags);

		if (n > 0) {
			done += (size_t)n;
			op.was_ready = false;
			if (done == len || !op.waits || !sku_deadline_passed(op.deadline))
				continue;
			errno = ETIMEDOUT;
			result = -1;
		} else if (n == 0) {
			errno = ENODATA;
			result = -1;
		} else {
			result = sku_operation_retry(&op, s, op.events);
		}
	}
	if (received != NULL)
		*received = done;
	return result;
}

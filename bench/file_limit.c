/* file_limit.c - the limit to compare with for a file transfer: a sender with sendfile(2) alone,
 * and a receiver that splices through a pipe of 1 MiB. */
#include "limit.h"

#include <errno.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static int
send_file(int s, int fd)
{
	struct stat st;
	off_t at = 0;
	char byte;

	if (fstat(fd, &st) == -1)
		return 1;
	while (at < st.st_size) {
		if (sendfile(s, fd, &at, (size_t)(st.st_size - at)) <= 0)
			return 1;
	}
	(void)shutdown(s, SHUT_WR);
	return read(s, &byte, 1) == 0 ? 0 : 1;
}

static int
receive_file(int s, int fd)
{
	struct pollfd pfd = { .fd = s, .events = POLLIN };
	int pipes[2];
	ssize_t n;

	if (fcntl(s, F_SETFL, O_NONBLOCK) == -1 || pipe(pipes) == -1)
		return 1;
	(void)fcntl(pipes[1], F_SETPIPE_SZ, BUFFER);
	for (;;) {
		n = splice(s, NULL, pipes[1], NULL, BUFFER, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n == 0)
			break;
		if (n == -1 && errno == EAGAIN && poll(&pfd, 1, -1) == 1)
			continue;
		if (n == -1)
			return 1;
		while (n > 0) {
			ssize_t m = splice(pipes[0], NULL, fd, NULL, (size_t)n, SPLICE_F_MOVE);

			if (m <= 0)
				return 1;
			n -= m;
		}
	}
	return close(fd) == 0 ? 0 : 1;
}

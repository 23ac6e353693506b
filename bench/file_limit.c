/* file_limit.c - the limit to compare with for a file transfer: a sender with sendfile(2) alone,
 * and a receiver that splices through a pipe of 1 MiB.
 *
 * usage: file_limit send PORT FILE | file_limit recv FILE */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_SIZE (1024 * 1024)

static int
send_file(int port, const char *path)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((in_port_t)port) };
	int s = socket(AF_INET, SOCK_STREAM, 0), fd = open(path, O_RDONLY);
	struct stat st;
	off_t at = 0;
	char byte;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || fstat(fd, &st) == -1 ||
	    connect(s, (struct sockaddr *)&in, sizeof(in)) == -1)
		return 1;
	while (at < st.st_size) {
		if (sendfile(s, fd, &at, (size_t)(st.st_size - at)) <= 0)
			return 1;
	}
	(void)shutdown(s, SHUT_WR);
	return read(s, &byte, 1) == 0 ? 0 : 1;
}

static int
receive_file(const char *path)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	int one = 1, l = socket(AF_INET, SOCK_STREAM, 0), s, fd, pipes[2];
	struct pollfd pfd = { .events = POLLIN };
	ssize_t n;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l, (struct sockaddr *)&in, sizeof(in)) == -1 || listen(l, 5) == -1 ||
	    getsockname(l, (struct sockaddr *)&in, &len) == -1)
		return 1;
	printf("listening tcp 127.0.0.1 %d\n", ntohs(in.sin_port));
	(void)fflush(stdout);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	if (fd == -1 || s == -1 || pipe(pipes) == -1)
		return 1;
	(void)fcntl(pipes[1], F_SETPIPE_SZ, PIPE_SIZE);
	pfd.fd = s;
	for (;;) {
		n = splice(s, NULL, pipes[1], NULL, PIPE_SIZE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
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
	return n == 0 && close(fd) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "send") == 0)
		return send_file(atoi(argv[2]), argv[3]);
	return argc == 3 && strcmp(argv[1], "recv") == 0 ? receive_file(argv[2]) : 2;
}

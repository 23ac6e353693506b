/* oneoff.c - the limit to compare with for a one-off client: connect, send, receive, print, with
 * libc alone. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	char buf[65536];
	int one = 1, fd;
	size_t len;

	if (argc != 4)
		return 2;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons((in_port_t)atoi(argv[2]));
	len = strlen(argv[3]);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&in, sizeof(in)) == -1)
		return 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (send(fd, argv[3], len, 0) != (ssize_t)len ||
	    recv(fd, buf, len, MSG_WAITALL) != (ssize_t)len)
		return 1;
	buf[len] = '\n';
	return write(STDOUT_FILENO, buf, len + 1) == (ssize_t)len + 1 ? 0 : 1;
}

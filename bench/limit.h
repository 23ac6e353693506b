/* limit.h - what file_limit.c and tls_limit.c share: a connection on loopback, and
 *
 * usage: LIMIT send PORT FILE | LIMIT recv FILE */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER (1024 * 1024)

static int send_file(int s, int fd);
static int receive_file(int s, int fd);

static struct sockaddr_in
loopback(int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((in_port_t)port) };

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return in;
}

/* -1 if it cannot connect. */
static int
connect_here(int port)
{
	struct sockaddr_in in = loopback(port);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	return connect(s, (struct sockaddr *)&in, sizeof(in)) == 0 ? s : -1;
}

/* Say where it listens, and take the first that comes.  -1: it cannot. */
static int
accept_here(void)
{
	struct sockaddr_in in = loopback(0);
	socklen_t len = sizeof(in);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(l, (struct sockaddr *)&in, sizeof(in)) == -1 || listen(l, 5) == -1 ||
	    getsockname(l, (struct sockaddr *)&in, &len) == -1)
		return -1;
	printf("listening tcp 127.0.0.1 %d\n", ntohs(in.sin_port));
	(void)fflush(stdout);
	return accept(l, NULL, NULL);
}

int
main(int argc, char **argv)
{
	int s, fd;

	if (argc == 4 && strcmp(argv[1], "send") == 0) {
		fd = open(argv[3], O_RDONLY);
		s = connect_here(atoi(argv[2]));
		return fd == -1 || s == -1 ? 1 : send_file(s, fd);
	}
	if (argc != 3 || strcmp(argv[1], "recv") != 0)
		return 2;
	fd = open(argv[2], O_WRONLY | O_CREAT | O_EXCL, 0644);
	s = accept_here();
	return fd == -1 || s == -1 ? 1 : receive_file(s, fd);
}

#endif

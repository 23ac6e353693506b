/* echo_epoll.c - the limit to compare with: an echo server of one thread with the fewest system
 * calls.
 *
 * usage: echo_epoll tcp|udp|unix:PATH - prints its port, runs until killed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char buf[65536];

static int
listen_on(const char *what)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(in);
	int one = 1, fd;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (strncmp(what, "unix:", 5) == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", what + 5);
		if (bind(fd, (struct sockaddr *)&un, sizeof(un)) == -1)
			return -1;
		(void)puts(what + 5);
	} else {
		fd = strcmp(what, "udp") == 0 ? socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0) :
						socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (strcmp(what, "tcp") == 0) {
			(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		}
		if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1)
			return -1;
		(void)getsockname(fd, (struct sockaddr *)&in, &len);
		(void)printf("%u\n", ntohs(in.sin_port));
	}
	if (strcmp(what, "udp") != 0)
		(void)listen(fd, 4096);
	(void)fflush(stdout);
	return fd;
}

static void
serve_datagrams(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	int epoll_fd = epoll_create1(0);
	struct sockaddr_in peer;

	(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
	while (epoll_wait(epoll_fd, &event, 1, -1) == 1) {
		socklen_t len = sizeof(peer);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len);

		if (n >= 0)
			(void)sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&peer, len);
	}
}

static void
accept_all(int epoll_fd, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) != -1) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

		(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
	}
}

static void
serve_connections(int listener)
{
	struct epoll_event events[512], event = { .events = EPOLLIN, .data.fd = listener };
	int epoll_fd = epoll_create1(0);

	(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, 512, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			ssize_t got;

			if (fd == listener) {
				accept_all(epoll_fd, listener);
				continue;
			}
			got = recv(fd, buf, sizeof(buf), 0);
			if (got <= 0 || send(fd, buf, (size_t)got, MSG_NOSIGNAL) != got)
				(void)close(fd);
		}
	}
}

int
main(int argc, char **argv)
{
	struct rlimit limit;
	int fd;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	fd = listen_on(argc > 1 ? argv[1] : "tcp");
	if (fd == -1)
		return 1;
	if (argc > 1 && strcmp(argv[1], "udp") == 0)
		serve_datagrams(fd);
	serve_connections(fd);
}

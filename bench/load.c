/* load.c - the load: round trips on many connections, from one thread, as cheap as can be.
 *
 * usage: load trips tcp|udp|unix ADDRESS CONNECTIONS SIZE TRIPS
 *        load cycles tcp ADDRESS AT-ONCE SIZE CYCLES
 * ADDRESS is a port or a path.  `trips`: TRIPS round trips in all, each connection with one message
 * under way.  `cycles`: connect, one trip, close, CYCLES times.  Prints the seconds it took. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char out[1 << 20], in[1 << 20];

struct peer {
	int type;
	struct sockaddr_storage address;
	socklen_t len;
};

struct conn {
	int fd;
	size_t received, sent;
};

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
parse_peer(struct peer *peer, const char *kind, const char *where)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&peer->address;
	struct sockaddr_un *un = (struct sockaddr_un *)&peer->address;

	memset(peer, 0, sizeof(*peer));
	peer->type = strcmp(kind, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
	if (strcmp(kind, "unix") == 0) {
		un->sun_family = AF_UNIX;
		(void)snprintf(un->sun_path, sizeof(un->sun_path), "%s", where);
		peer->len = sizeof(*un);
	} else {
		v4->sin_family = AF_INET;
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		v4->sin_port = htons((in_port_t)atoi(where));
		peer->len = sizeof(*v4);
	}
}

static int
open_connection(const struct peer *peer)
{
	int fd = socket(peer->address.ss_family, peer->type, 0), one = 1;

	if (fd == -1 || connect(fd, (const struct sockaddr *)&peer->address, peer->len) == -1) {
		perror("connect");
		exit(1);
	}
	if (peer->address.ss_family == AF_INET && peer->type == SOCK_STREAM)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
send_message(struct conn *c, size_t size)
{
	c->received = 0;
	if (send(c->fd, out, size, MSG_NOSIGNAL) != (ssize_t)size)
		fail("send");
}

/* Returns true when the whole answer has arrived. */
static bool
receive(struct conn *c, size_t size)
{
	ssize_t n = recv(c->fd, in, size - c->received, MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return false;
	if (n <= 0)
		fail("recv");
	c->received += (size_t)n;
	return c->received == size;
}

static void
watch(int epoll_fd, struct conn *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == -1)
		fail("epoll_ctl");
}

/* cycles: each answer ends its connection, and the next connection begins. */
static void
run(const struct peer *peer, bool cycles, struct conn *conns, long count, size_t size, long trips)
{
	struct epoll_event events[512];
	int epoll_fd = epoll_create1(0);
	long begun = 0, done = 0;

	for (long i = 0; i < count; i++) {
		conns[i].fd = open_connection(peer);
		watch(epoll_fd, &conns[i]);
	}
	for (long i = 0; i < count && begun < trips; i++, begun++)
		send_message(&conns[i], size);
	while (done < trips) {
		int n = epoll_wait(epoll_fd, events, 512, 10000);

		if (n <= 0)
			fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (!receive(c, size))
				continue;
			done++;
			if (cycles) {
				(void)close(c->fd);
				if (begun == trips)
					continue;
				c->fd = open_connection(peer);
				watch(epoll_fd, c);
			}
			if (begun < trips) {
				begun++;
				send_message(c, size);
			}
		}
	}
}

int
main(int argc, char **argv)
{
	struct rlimit limit;
	struct peer peer;
	struct conn *conns;
	double start;
	long count;

	if (argc != 7)
		return 2;
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	parse_peer(&peer, argv[2], argv[3]);
	count = atol(argv[4]);
	conns = calloc((size_t)count, sizeof(*conns));
	start = now();
	run(&peer, strcmp(argv[1], "cycles") == 0, conns, count, (size_t)atol(argv[5]),
	    atol(argv[6]));
	(void)printf("%.6f\n", now() - start);
	return 0;
}

/* dns.c - a name server for the benchmark: every name has one IPv4 address, after a delay.
 *
 * usage: dns PORT MILLISECONDS - on 127.0.0.1; runs until killed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define HELD 65536

struct held {
	int64_t due_ms;
	struct sockaddr_in peer;
	size_t len;
	unsigned char message[600];
};

static struct held *ring;

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Append the answer to the question. */
static void
make_answer(struct held *h)
{
	static const unsigned char record[] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0,
		2, 1 };
	size_t end = 12;

	while (end < h->len && h->message[end] != 0)
		end += h->message[end] + 1u;
	end += 5;
	h->message[2] = 0x81;
	h->message[3] = 0x80;
	h->message[7] = 1;
	memset(h->message + 8, 0, 4);
	memcpy(h->message + end, record, sizeof(record));
	h->len = end + sizeof(record);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
	uint64_t first = 0, last = 0;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (argc != 3)
		return 2;
	ring = calloc(HELD, sizeof(*ring));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons((in_port_t)atoi(argv[1]));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1)
		return 1;
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		int64_t wait = first < last ? ring[first % HELD].due_ms - now_ms() : -1;

		if (wait < 0 && first < last)
			wait = 0;
		if (poll(&pfd, 1, (int)wait) > 0) {
			struct held *h = &ring[last % HELD];
			socklen_t len = sizeof(h->peer);
			ssize_t n =
			    recvfrom(fd, h->message, 512, 0, (struct sockaddr *)&h->peer, &len);

			if (n > 16) {
				h->len = (size_t)n;
				h->due_ms = now_ms() + atoi(argv[2]);
				make_answer(h);
				last++;
			}
		}
		while (first < last && ring[first % HELD].due_ms <= now_ms()) {
			struct held *h = &ring[first++ % HELD];

			(void)sendto(fd, h->message, h->len, 0, (struct sockaddr *)&h->peer,
			    sizeof(h->peer));
		}
	}
}

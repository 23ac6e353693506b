/* echo_libevent.c - an echo server as libevent's own examples write it, for comparison.
 *
 * usage: echo_libevent - prints its port, runs until killed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)arg;
	(void)evbuffer_add_buffer(bufferevent_get_output(bev), bufferevent_get_input(bev));
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
		bufferevent_free(bev);
}

static void
on_accept(
    struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int len, void *base)
{
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	int one = 1;

	(void)listener;
	(void)peer;
	(void)len;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
	(void)bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int
main(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct event_base *base = event_base_new();
	struct evconnlistener *listener;
	struct rlimit limit;
	socklen_t len = sizeof(in);

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = evconnlistener_new_bind(base, on_accept, base,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 4096, (struct sockaddr *)&in, sizeof(in));
	(void)getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&in, &len);
	(void)printf("%u\n", ntohs(in.sin_port));
	(void)fflush(stdout);
	return event_base_dispatch(base);
}

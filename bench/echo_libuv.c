/* echo_libuv.c - an echo server as libuv's own examples write it, for comparison.
 *
 * usage: echo_libuv - prints its port, runs until killed. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <uv.h>

struct write_request {
	uv_write_t request;
	uv_buf_t buf;
};

static void
on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	*buf = uv_buf_init(malloc(size), (unsigned)size);
}

static void
on_close(uv_handle_t *handle)
{
	free(handle);
}

static void
on_written(uv_write_t *request, int status)
{
	struct write_request *w = (struct write_request *)request;

	(void)status;
	free(w->buf.base);
	free(w);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct write_request *w;

	if (n <= 0) {
		free(buf->base);
		if (n < 0)
			uv_close((uv_handle_t *)stream, on_close);
		return;
	}
	w = malloc(sizeof(*w));
	w->buf = uv_buf_init(buf->base, (unsigned)n);
	(void)uv_write(&w->request, stream, &w->buf, 1, on_written);
}

static void
on_connection(uv_stream_t *server, int status)
{
	uv_tcp_t *client = malloc(sizeof(*client));

	(void)status;
	(void)uv_tcp_init(server->loop, client);
	if (uv_accept(server, (uv_stream_t *)client) == 0) {
		(void)uv_tcp_nodelay(client, 1);
		(void)uv_read_start((uv_stream_t *)client, on_alloc, on_read);
	} else {
		uv_close((uv_handle_t *)client, on_close);
	}
}

int
main(void)
{
	struct sockaddr_in in;
	int len = sizeof(in);
	struct rlimit limit;
	uv_tcp_t server;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	(void)uv_ip4_addr("127.0.0.1", 0, &in);
	(void)uv_tcp_init(uv_default_loop(), &server);
	(void)uv_tcp_bind(&server, (const struct sockaddr *)&in, 0);
	(void)uv_listen((uv_stream_t *)&server, 4096, on_connection);
	(void)uv_tcp_getsockname(&server, (struct sockaddr *)&in, &len);
	(void)printf("%u\n", ntohs(in.sin_port));
	(void)fflush(stdout);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

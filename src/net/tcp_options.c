/* tcp_options.c - options of a stream socket that servers and clients share.
 * Row net. */
#include "net/tcp_options.h"

#include <netinet/tcp.h>

const struct option_row buffer_options[] = {
	SIZE(0, "bufsize", struct tcp_options, bufsize, 1, 1 << 30, 64 * 1024,
	    "receive at most SIZE bytes at once"),
	OPTION_END_ROW,
};

const struct option_row tcp_options[] = {
	FLAG(0, "keepalive", struct tcp_options, keepalive, "let TCP find out peers that are gone",
	    .needs = MODE_INET | MODE_STREAM),
	FLAG(0, "nagle", struct tcp_options, nagle,
	    "leave Nagle's algorithm on, which is off by default",
	    .needs = MODE_INET | MODE_STREAM),
	OPTION_END_ROW,
};

void
tcp_apply_options(const struct tcp_options *options, struct sku_sock *s)
{
	if (s->family == AF_UNIX || s->type != SOCK_STREAM)
		return;
	(void)sku_setsockopt_int(s, IPPROTO_TCP, TCP_NODELAY, !options->nagle);
	if (options->keepalive)
		(void)sku_setsockopt_int(s, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/* tcp_options.c - options of a stream socket that servers and clients share.
 * Row net. */
#include "net/tcp_options.h"

#include "options/values.h"

#include <netinet/tcp.h>

bool
tcp_take_option(struct tcp_options *options, int id, const char *value)
{
	switch (id) {
	case OPT_BUFSIZE:
		options->bufsize = (size_t)value_size("bufsize", value, 1, 1 << 30);
		return true;
	case OPT_KEEPALIVE:
		options->keepalive = true;
		return true;
	case OPT_NAGLE:
		options->nagle = true;
		return true;
	default:
		return false;
	}
}

void
tcp_apply_options(const struct tcp_options *options, struct sku_sock *s)
{
	if (s->family == AF_UNIX || s->type != SOCK_STREAM)
		return;
	(void)sku_setsockopt_int(s, IPPROTO_TCP, TCP_NODELAY, !options->nagle);
	if (options->keepalive)
		(void)sku_setsockopt_int(s, SOL_SOCKET, SO_KEEPALIVE, 1);
}

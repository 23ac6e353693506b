/* tcp_options.h - options of a stream socket that servers and clients share. */
#ifndef NET_TCP_OPTIONS_H
#define NET_TCP_OPTIONS_H

#include "libsockutil/sockutil.h"
#include "net/modes.h"

struct tcp_options {
	size_t bufsize; /* largest buffer for one recv, in bytes */
	bool nagle;
	bool keepalive;
};

/* --bufsize; --keepalive and --nagle: for a struct tcp_options. */
extern const struct option_row buffer_options[];
extern const struct option_row tcp_options[];

/* Set TCP_NODELAY and SO_KEEPALIVE on a TCP socket; accepted sockets inherit them from a listener.
 * Other sockets have neither. */
void tcp_apply_options(const struct tcp_options *options, struct sku_sock *s);

#endif

/* tcp_options.h - options of a stream socket that servers and clients share. */
#ifndef NET_TCP_OPTIONS_H
#define NET_TCP_OPTIONS_H

#include "libsockutil/sockutil.h"
#include "net/keepalive.h"
#include "net/modes.h"

struct tcp_options {
	size_t bufsize; /* largest buffer for one recv, in bytes */
	bool nagle;
	int keepalive; /* seconds; 0: it is off */
};

/* --bufsize; --keepalive and --nagle: for a struct tcp_options. */
extern const struct option_row buffer_options[];
extern const struct option_row tcp_options[];

/* The first operand is HOST.  End the program with a usage error if it looks like the SECONDS of
 * --keepalive, after a blank. */
void tcp_check_operands(const struct options *parsed);
/* Set TCP_NODELAY and what --keepalive needs on a TCP socket; accepted sockets inherit them from a
 * listener.  Other sockets have neither. */
void tcp_apply_options(const struct tcp_options *options, struct sku_sock *s);

#endif

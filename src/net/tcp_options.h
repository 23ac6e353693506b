/* tcp_options.h - options of a stream socket that servers and clients share. */
#ifndef NET_TCP_OPTIONS_H
#define NET_TCP_OPTIONS_H

#include "libsockutil/sockutil.h"
#include "options/old_options.h"

struct tcp_options {
	size_t bufsize; /* largest buffer for one recv, in bytes */
	bool nagle;
	bool keepalive;
};

#define TCP_OPTIONS_INIT                                                                           \
	{                                                                                          \
		(size_t)64 * 1024, false, false                                                    \
	}

enum { OPT_BUFSIZE = 360, OPT_KEEPALIVE, OPT_NAGLE };

/* buffered: the modes in which --bufsize has a meaning; buffered_where: the text for its usage
 * error. */
#define TCP_OPTION_ROWS(buffered, buffered_where, tcp)                                             \
	{ OPT_BUFSIZE, "bufsize", "SIZE", "most bytes for one recv (64K)", buffered,               \
		buffered_where },                                                                  \
	    { OPT_KEEPALIVE, "keepalive", NULL, "let TCP find out peers that are gone", tcp,       \
		    "is about TCP alone" },                                                        \
	{                                                                                          \
		OPT_NAGLE, "nagle", NULL, "leave Nagle's algorithm on", tcp, "is about TCP alone"  \
	}

/* Store one of the options above.  Returns false for any other option. */
bool tcp_take_option(struct tcp_options *options, int id, const char *value);
/* Set TCP_NODELAY and SO_KEEPALIVE on a TCP socket; accepted sockets inherit them from a listener.
 * Other sockets have neither. */
void tcp_apply_options(const struct tcp_options *options, struct sku_sock *s);

#endif

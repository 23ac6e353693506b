/* tcp_options.h - options of a stream socket that servers and clients have alike. */
#ifndef NET_TCP_OPTIONS_H
#define NET_TCP_OPTIONS_H

#include "libsockutil/sockutil.h"
#include "options/options.h"

struct cli_stream_options {
	size_t bufsize; /* most bytes for one recv */
	bool nagle;
	bool keepalive;
};

#define CLI_STREAM_OPTIONS_INIT                                                                    \
	{                                                                                          \
		(size_t)64 * 1024, false, false                                                    \
	}

enum { CLI_OPT_BUFSIZE = 360, CLI_OPT_KEEPALIVE, CLI_OPT_NAGLE };

/* buffered: the modes in which --bufsize has a meaning, and buffered_where for the message. */
#define CLI_STREAM_OPTIONS(buffered, buffered_where, tcp)                                          \
	{ CLI_OPT_BUFSIZE, "bufsize", "SIZE", "most bytes for one recv (64K)", buffered,           \
		buffered_where },                                                                  \
	    { CLI_OPT_KEEPALIVE, "keepalive", NULL, "let TCP find out peers that are gone", tcp,   \
		    "is about TCP alone" },                                                        \
	{                                                                                          \
		CLI_OPT_NAGLE, "nagle", NULL, "leave Nagle's algorithm on", tcp,                   \
		    "is about TCP alone"                                                           \
	}

/* Takes the options above: false for any other. */
bool cli_stream_option(struct cli_stream_options *options, int id, const char *value);
/* Set TCP_NODELAY and SO_KEEPALIVE as they say on a TCP socket (what a listener accepts inherits
 * them); other sockets have neither. */
void cli_stream_apply(const struct cli_stream_options *options, struct sku_sock *s);

#endif

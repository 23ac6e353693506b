/* tcp_options.c - options of a stream socket that servers and clients share.
 * Row net. */
#include "net/tcp_options.h"

#include "options/values.h"

#include <netinet/tcp.h>

const struct option_row buffer_options[] = {
	SIZE(0, "bufsize", struct tcp_options, bufsize, 1, 1 << 30, 64 * 1024,
	    "receive at most SIZE bytes at once"),
	OPTION_END_ROW,
};

const struct option_row tcp_options[] = {
	COUNT(0, "keepalive", "SECONDS", struct tcp_options, keepalive, 1, KEEPALIVE_MAX, 60,
	    "end a connection whose peer is gone for about that long", .optional = 1,
	    .needs = MODE_INET | MODE_STREAM),
	FLAG(0, "nagle", struct tcp_options, nagle,
	    "leave Nagle's algorithm on, which is off by default",
	    .needs = MODE_INET | MODE_STREAM),
	OPTION_END_ROW,
};

void
tcp_check_operands(const struct options *parsed)
{
	if (opt_given(parsed, "keepalive") && parsed->operand_count > 1 &&
	    value_is_digits(parsed->operands[0]))
		opt_usage_error("option '--keepalive' takes its SECONDS after a '=', as in "
				"--keepalive=%s: '%s' is taken for HOST",
		    opt_quote(parsed->operands[0]), opt_quote(parsed->operands[0]));
}

void
tcp_apply_options(const struct tcp_options *options, struct sku_sock *s)
{
	if (s->family == AF_UNIX || s->type != SOCK_STREAM)
		return;
	(void)sku_setsockopt_int(s, IPPROTO_TCP, TCP_NODELAY, !options->nagle);
	keepalive_set(s, options->keepalive);
}

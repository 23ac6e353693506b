/* endpoint.h - where to: HOST PORT, HOST:PORT, [V6]:PORT or a UNIX path, from operands. */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include "options/options.h"

/* The flags that say what kind of address is meant. */
struct address_flags {
	int family; /* AF_UNSPEC, AF_INET with -4, AF_INET6 with -6 */
	bool numeric;
	bool is_unix;
	bool datagram;
	bool mptcp;
};

enum { OPT_MPTCP = 300 };

#define ADDRESS_OPTION_ROWS(inet, stream_inet)                                                     \
	{ '4', "ipv4", NULL, "IPv4 alone", inet, "does not go with a UNIX path" },                 \
	    { '6', "ipv6", NULL, "IPv6 alone", inet, "does not go with a UNIX path" },             \
	    { 'n', "numeric", NULL, "HOST is an address and PORT a number", inet,                  \
		    "does not go with a UNIX path" },                                              \
	    { 'U', "unix", NULL, "the operand is a UNIX PATH, or @NAME", 0, NULL },                \
	{                                                                                          \
		OPT_MPTCP, "mptcp", NULL, "Multipath TCP, where there is one", stream_inet,        \
		    "is about TCP alone"                                                           \
	}
#define UDP_OPTION_ROW                                                                             \
	{                                                                                          \
		'u', "udp", NULL, "datagrams: UDP, or with -U a datagram socket", 0, NULL          \
	}

/* Takes the options above: false for any other. */
bool endpoint_take_option(struct address_flags *flags, int id);

/* Where to.  The strings are parts of text, which holds copies. */
struct endpoint {
	const char *host; /* NULL: every address (listening alone) */
	const char *port; /* as typed: a number or a service's name */
	const char *path; /* with -U; host and port are NULL then */
	char text[2][1100];
};

/* Would this operand say both host and port (or the path), so that no other is needed? */
bool operand_has_port(const struct address_flags *flags, const char *operand);

/* From one or two operands.  Misuse ends the program with status 2.  listening: HOST may be left
 * out (the loopback address is meant) and PORT may be 0. */
void endpoint_parse(struct endpoint *endpoint, const struct address_flags *flags,
    const char *const *operands, size_t count, bool listening);

/* ADDR or ADDR:PORT of --source, numeric; *port is 0 where there is none. */
void endpoint_parse_source(const char *option, const char *value, char host[128], unsigned *port);

#endif

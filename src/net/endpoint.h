/* endpoint.h - an address from operands: HOST PORT, HOST:PORT, [V6]:PORT or a UNIX path. */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include "net/modes.h"
#include "options/files.h"
#include "run/failure.h"

/* The options that say which kind of address is meant. */
struct address_flags {
	int family; /* AF_UNSPEC, AF_INET with -4, AF_INET6 with -6 */
	bool numeric;
	bool is_unix;
	bool datagram;
	bool mptcp;
};

/* -4, -6, --numeric, --unix and --mptcp, for a struct address_flags. */
extern const struct option_row address_options[];
/* The first three alone. */
extern const struct option_row family_options[];
/* --udp, for the same. */
extern const struct option_row datagram_options[];
/* --fd, for an int. */
extern const struct option_row fd_options[];
/* inetd(8) and its kind pass the socket as the standard streams, but our messages must not reach
 * the peers.  Move the socket of --fd to a descriptor of its own, and the streams that are this
 * socket to the null device. */
void fd_leave_standard_streams(int *fd);
/* The number of that socket in messages: the one that was given. */
int fd_given(int fd);

/* An address to connect to or to listen on.  host and port point into text.  path points to the
 * operand. */
struct endpoint {
	const char *host; /* NULL: every address (listening only) */
	const char *port; /* as written: a number, the name of a service, or @FILE */
	const char
	    *port_file;	   /* the FILE of @FILE, which points to the operand; NULL: there is none */
	const char *path;  /* with -U; host and port are NULL then */
	bool is_lone_port; /* only PORT was given */
	char text[2][1100];
};

/* Is it a path in the file system, and not an abstract name? */
static inline bool
endpoint_has_path(const struct endpoint *endpoint)
{
	return endpoint->path != NULL && endpoint->path[0] != '@';
}

/* Its path for files_check(): listening creates it. */
struct named_file endpoint_file(const struct endpoint *endpoint, bool listening);
/* Does this operand have both host and port (or the path), so that it needs no second operand? */
bool operand_has_port(const struct address_flags *flags, const char *operand);

/* Parse one or two operands.  When listening, HOST may be missing (then it is the loopback address)
 * and PORT may be 0; otherwise PORT may be @FILE.  Returns 0, or -1 and the failure (opt_misuse()).
 */
int endpoint_parse(struct endpoint *endpoint, const struct address_flags *flags,
    char *const *operands, size_t count, bool listening, struct failure *failure);
/* The same, but misuse ends the program with status 2. */
void endpoint_parse_operands(struct endpoint *endpoint, const struct address_flags *flags,
    char *const *operands, size_t count, bool listening);

/* Find the number of PORT for proto ("tcp" or "udp"); for @FILE, read FILE.  Returns 0, or -1 and
 * the failure.  STATUS_NOT_FOUND: there is no such service, and another try does not help.
 * STATUS_NO_PEER: FILE is not there yet. */
int endpoint_find_port(const struct endpoint *endpoint, const char *proto, bool numeric,
    unsigned *port, struct failure *failure);

/* Parse ADDR or ADDR:PORT; ADDR is numeric.  *port is 0 if there is none.  Returns false if value
 * has no such form.  A mistake in an IPv6 address ends the program with status 2. */
bool endpoint_parse_source(const char *value, char host[128], unsigned *port);

#endif

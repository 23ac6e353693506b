/* access.h - which addresses may talk to a server: --allow and --deny. */
#ifndef NET_ACCESS_H
#define NET_ACCESS_H

#include "libsockutil/sockutil.h"

struct cli_cidr {
	int family;
	unsigned char bytes[16];
	unsigned bits;
};

/* All rules of a program; all zero is "anybody". */
struct cli_access {
	struct cli_cidr *allow, *deny;
	size_t allow_count, deny_count;
};

enum cli_cidr_result {
	CLI_CIDR_OK,
	CLI_CIDR_HOST_BITS, /* ADDR has more bits than BITS says; *cidr is the network it is in */
	CLI_CIDR_MALFORMED,
};

/* ADDR as inet_pton(3) takes it, alone or as ADDR/BITS: a rule is never guessed, so no short form
 * and no zone.  A v4-mapped one is IPv4. */
enum cli_cidr_result cli_cidr_parse(struct cli_cidr *cidr, const char *text);
/* Add a rule; ends the program with a usage error when it cannot be read. */
void cli_access_add(struct cli_access *access, bool allow, const char *option, const char *value);
/* May this peer be served?  Deny wins; with any allow, the rest is refused.  Fails closed: an
 * address of another kind than IP is refused as soon as there is a rule. */
bool cli_access_check(const struct cli_access *access, const struct sku_address *peer);
void cli_access_free(struct cli_access *access);

#endif

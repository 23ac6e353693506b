/* access.h - which addresses may talk to a server: --allow and --deny. */
#ifndef NET_ACCESS_H
#define NET_ACCESS_H

#include "libsockutil/sockutil.h"

struct access_cidr {
	int family;
	unsigned char bytes[16];
	unsigned bits;
};

/* All rules of a program; all zero is "anybody". */
struct access_list {
	struct access_cidr *allow, *deny;
	size_t allow_count, deny_count;
};

enum access_cidr_result {
	ACCESS_CIDR_OK,
	ACCESS_CIDR_HOST_BITS, /* ADDR has more bits than BITS says; *cidr is the network it is in
				*/
	ACCESS_CIDR_MALFORMED,
};

/* ADDR as inet_pton(3) takes it, alone or as ADDR/BITS: a rule is never guessed, so no short form
 * and no zone.  A v4-mapped one is IPv4. */
enum access_cidr_result access_cidr_parse(struct access_cidr *cidr, const char *text);
/* Add a rule; ends the program with a usage error when it cannot be read. */
void access_add(struct access_list *access, bool allow, const char *option, const char *value);
/* May this peer be served?  Deny wins; with any allow, the rest is refused.  Fails closed: an
 * address of another kind than IP is refused as soon as there is a rule. */
bool access_check(const struct access_list *access, const struct sku_address *peer);
void access_free(struct access_list *access);

#endif

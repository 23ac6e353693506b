/* access.h - which addresses may talk to a server: --allow and --deny. */
#ifndef NET_ACCESS_H
#define NET_ACCESS_H

#include "libsockutil/sockutil.h"

struct access_cidr {
	int family;
	unsigned char bytes[16];
	unsigned bits;
};

/* All rules of a program.  All zero: every address is allowed. */
struct access_list {
	struct access_cidr *allow, *deny;
	size_t allow_count, deny_count;
};

enum access_cidr_result {
	ACCESS_CIDR_OK,
	/* ADDR has more bits than BITS says; *cidr is the network around it */
	ACCESS_CIDR_HOST_BITS,
	ACCESS_CIDR_MALFORMED,
};

/* Parse ADDR or ADDR/BITS, where ADDR is as inet_pton(3) takes it.  Short forms and zones are
 * malformed, since a rule must not be guessed.  A v4-mapped address becomes IPv4. */
enum access_cidr_result access_cidr_parse(struct access_cidr *cidr, const char *text);
/* Add a rule.  Returns NULL, or what value should be. */
const char *access_add(struct access_list *access, bool allow, const char *value);
/* May this peer be served?  A --deny rule wins.  If there are --allow rules, one must match.  An
 * address other than IPv4 or IPv6 is refused as soon as there is any rule. */
bool access_check(const struct access_list *access, const struct sku_address *peer);
void access_free(struct access_list *access);

#endif

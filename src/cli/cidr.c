/* cidr.c - which addresses may talk to a server: --allow and --deny.
 * Row cli. */
#include "cidr.h"

#include "options.h"

#include <stdlib.h>
#include <string.h>

#define MAPPED_BITS 96 /* ::ffff:0:0/96 */

/* Family and bytes of an IP address, a v4-mapped one as IPv4. */
static bool
take_address(struct cli_cidr *cidr, const struct sku_address *address)
{
	struct sku_address plain = *address;

	sku_address_unmap(&plain);
	cidr->family = plain.len > 0 ? plain.sa.sa_family : AF_UNSPEC;
	if (cidr->family == AF_INET)
		memcpy(cidr->bytes, &plain.in.sin_addr, 4);
	else if (cidr->family == AF_INET6)
		memcpy(cidr->bytes, &plain.in6.sin6_addr, 16);
	else
		return false;
	return true;
}

bool
cli_cidr_parse(struct cli_cidr *cidr, const char *text)
{
	char host[64];
	size_t len = strcspn(text, "/");
	const char *why = NULL, *bits = text[len] == '/' ? text + len + 1 : NULL;
	struct sku_address address;
	unsigned most;

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (strchr(host, '%') != NULL ||
	    sku_address_from_numeric(&address, AF_UNSPEC, host, 0) == -1)
		return false;
	memset(cidr, 0, sizeof(*cidr));
	most = address.sa.sa_family == AF_INET ? 32 : 128;
	cidr->bits = most;
	if (bits != NULL) {
		if (*bits == '\0' || strspn(bits, "0123456789") != strlen(bits))
			return false;
		cidr->bits = (unsigned)strtonum(bits, 0, most, &why);
		if (why != NULL)
			return false;
	}
	/* ::ffff:a.b.c.d/104 is a.b.c.d/8; a wider one is about IPv6 and keeps its family. */
	if (address.sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.in6.sin6_addr)) {
		if (cidr->bits < MAPPED_BITS)
			return false;
		cidr->bits -= MAPPED_BITS;
	}
	return take_address(cidr, &address);
}

static bool
contains(const struct cli_cidr *cidr, const struct cli_cidr *peer)
{
	unsigned whole = cidr->bits / 8, rest = cidr->bits % 8;

	if (cidr->family != peer->family || memcmp(cidr->bytes, peer->bytes, whole) != 0)
		return false;
	return rest == 0 || ((cidr->bytes[whole] ^ peer->bytes[whole]) >> (8 - rest)) == 0;
}

static bool
any_contains(const struct cli_cidr *list, size_t count, const struct cli_cidr *peer)
{
	for (size_t i = 0; i < count; i++) {
		if (contains(&list[i], peer))
			return true;
	}
	return false;
}

void
cli_access_add(struct cli_access *access, bool allow, const char *option, const char *value)
{
	struct cli_cidr **list = allow ? &access->allow : &access->deny, *grown;
	size_t *count = allow ? &access->allow_count : &access->deny_count;
	struct cli_cidr cidr;

	if (!cli_cidr_parse(&cidr, value))
		cli_usage_error("option '--%s' takes a CIDR (192.0.2.0/24, 2001:db8::/32, an "
				"address), not '%s'",
		    option, value);
	grown = reallocarray(*list, *count + 1, sizeof(**list));
	if (grown == NULL)
		cli_usage_error("no memory for '--%s'", option);
	*list = grown;
	grown[(*count)++] = cidr;
}

bool
cli_access_check(const struct cli_access *access, const struct sku_address *peer)
{
	struct cli_cidr address = { 0 };

	if (access->allow_count + access->deny_count == 0)
		return true;
	if (!take_address(&address, peer) ||
	    any_contains(access->deny, access->deny_count, &address))
		return false;
	return access->allow_count == 0 ||
	       any_contains(access->allow, access->allow_count, &address);
}

void
cli_access_free(struct cli_access *access)
{
	free(access->allow);
	free(access->deny);
	*access = (struct cli_access){ 0 };
}

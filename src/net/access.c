/* access.c - which addresses may talk to a server: --allow and --deny.
 * Row net. */
#include "net/access.h"

#include "options/options.h"
#include "options/values.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPED_BITS 96 /* the prefix ::ffff:0:0/96 */

/* Store the family and the bytes of an IP address, a v4-mapped one as IPv4.  Returns false for
 * another family. */
static bool
set_address(struct access_cidr *cidr, const struct sku_address *address)
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

/* Parse a number from 0 to max: digits without sign, blank or leading zero. */
static bool
parse_bits(const char *text, unsigned max, unsigned *bits)
{
	const char *error;

	if (!value_is_digits(text) || (text[0] == '0' && text[1] != '\0'))
		return false;
	*bits = (unsigned)strtonum(text, 0, max, &error);
	return error == NULL;
}

/* Set all bits after the first ones to 0.  Returns true if one of them was 1. */
static bool
clear_host_bits(unsigned char *bytes, size_t len, unsigned bits)
{
	bool any = false;

	for (size_t i = bits / 8; i < len; i++) {
		unsigned char host = i == bits / 8 ? 0xff >> bits % 8 : 0xff;

		any = any || (bytes[i] & host) != 0;
		bytes[i] &= (unsigned char)~host;
	}
	return any;
}

enum access_cidr_result
access_cidr_parse(struct access_cidr *cidr, const char *text)
{
	char host[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	struct sku_address address = { .len = 0 };
	unsigned bits, max;
	bool host_bits;

	if (len >= sizeof(host))
		return ACCESS_CIDR_MALFORMED;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, &address.in.sin_addr) == 1) {
		address.in.sin_family = AF_INET;
		address.len = sizeof(address.in);
	} else if (inet_pton(AF_INET6, host, &address.in6.sin6_addr) == 1) {
		address.in6.sin6_family = AF_INET6;
		address.len = sizeof(address.in6);
	} else {
		return ACCESS_CIDR_MALFORMED;
	}
	max = bits = address.sa.sa_family == AF_INET ? 32 : 128;
	if (text[len] == '/' && !parse_bits(text + len + 1, max, &bits))
		return ACCESS_CIDR_MALFORMED;
	if (address.sa.sa_family == AF_INET)
		host_bits = clear_host_bits((unsigned char *)&address.in.sin_addr, 4, bits);
	else
		host_bits = clear_host_bits(address.in6.sin6_addr.s6_addr, 16, bits);
	memset(cidr, 0, sizeof(*cidr));
	(void)set_address(cidr, &address); /* cannot fail: IPv4 or IPv6 */
	/* ::ffff:a.b.c.d/104 is a.b.c.d/8.  A shorter prefix than 96 has cleared ffff, and the
	 * address is IPv6. */
	cidr->bits = cidr->family == AF_INET && max == 128 ? bits - MAPPED_BITS : bits;
	return host_bits ? ACCESS_CIDR_HOST_BITS : ACCESS_CIDR_OK;
}

static bool
contains(const struct access_cidr *cidr, const struct access_cidr *peer)
{
	unsigned whole = cidr->bits / 8, remaining = cidr->bits % 8;

	if (cidr->family != peer->family || memcmp(cidr->bytes, peer->bytes, whole) != 0)
		return false;
	return remaining == 0 ||
	       ((cidr->bytes[whole] ^ peer->bytes[whole]) >> (8 - remaining)) == 0;
}

static bool
any_contains(const struct access_cidr *list, size_t count, const struct access_cidr *peer)
{
	for (size_t i = 0; i < count; i++) {
		if (contains(&list[i], peer))
			return true;
	}
	return false;
}

const char *
access_add(struct access_list *access, bool allow, const char *value)
{
	static char network_wanted[160];
	struct access_cidr **list = allow ? &access->allow : &access->deny, *grown;
	size_t *count = allow ? &access->allow_count : &access->deny_count;
	struct access_cidr cidr;
	char network[INET6_ADDRSTRLEN];

	switch (access_cidr_parse(&cidr, value)) {
	case ACCESS_CIDR_OK:
		break;
	case ACCESS_CIDR_HOST_BITS:
		(void)inet_ntop(cidr.family, cidr.bytes, network, sizeof(network));
		(void)snprintf(network_wanted, sizeof(network_wanted),
		    "a network without host bits (%s/%u), or one address (%.*s)", network,
		    cidr.bits, (int)strcspn(value, "/"), value);
		return network_wanted;
	case ACCESS_CIDR_MALFORMED:
		return "an address or a network, written out (192.0.2.1, 192.0.2.0/24, "
		       "2001:db8::/32; no name, short form or zone)";
	}
	grown = reallocarray(*list, *count + 1, sizeof(**list));
	if (grown == NULL)
		opt_no_memory("read the options");
	*list = grown;
	grown[(*count)++] = cidr;
	return NULL;
}

bool
access_check(const struct access_list *access, const struct sku_address *peer)
{
	struct access_cidr address = { 0 };

	if (access->allow_count + access->deny_count == 0)
		return true;
	if (!set_address(&address, peer) ||
	    any_contains(access->deny, access->deny_count, &address))
		return false;
	return access->allow_count == 0 ||
	       any_contains(access->allow, access->allow_count, &address);
}

void
access_free(struct access_list *access)
{
	free(access->allow);
	free(access->deny);
	*access = (struct access_list){ 0 };
}

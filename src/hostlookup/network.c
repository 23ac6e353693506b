/* network.c - the addresses of a network, ADDR/BITS, one after the other.
 * Row tool. */
#include "hostlookup/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define BITS_WITHIN 16 /* bits that vary within the largest network */

bool
network_is_meant(const char *query)
{
	return strchr(query, '/') != NULL;
}

static int
fail(struct network *network, const char *fault)
{
	(void)snprintf(network->fault, sizeof(network->fault), "%s", fault);
	return -1;
}

/* Find the bytes of the address, the most significant one first.  Returns their number. */
static size_t
bytes_of(struct sku_address *address, unsigned char **bytes)
{
	if (address->sa.sa_family == AF_INET) {
		*bytes = (unsigned char *)&address->in.sin_addr;
		return sizeof(address->in.sin_addr);
	}
	*bytes = address->in6.sin6_addr.s6_addr;
	return sizeof(address->in6.sin6_addr);
}

/* Parse an address in its usual form only: a quad, or IPv6 without a zone. */
static bool
parse_address(struct sku_address *address, const char *text)
{
	bool colon = strchr(text, ':') != NULL;
	struct in6_addr any;

	return inet_pton(colon ? AF_INET6 : AF_INET, text, &any) == 1 &&
	       sku_address_from_numeric(address, AF_UNSPEC, text, 0) == 0;
}

/* Parse a number from 0 to most; -1: it is not one. */
static int
parse_bits(const char *text, size_t most)
{
	size_t bits = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		bits = bits * 10 + (size_t)(*text - '0');
		if (bits > most)
			return -1;
	}
	return (int)bits;
}

/* Clear the bits behind the first ones.  True: some were set. */
static bool
clear_host_bits(unsigned char *bytes, size_t len, size_t bits)
{
	bool any = false;

	for (size_t i = 0; i < len; i++) {
		size_t kept = bits > i * 8 ? bits - i * 8 : 0;
		unsigned char mask = (unsigned char)(kept >= 8 ? 0xff : 0xff00 >> kept);

		any = any || (bytes[i] & ~mask) != 0;
		bytes[i] &= mask;
	}
	return any;
}

int
network_parse(struct network *network, const char *query)
{
	size_t len = strcspn(query, "/"), size, width;
	char text[SKU_ADDRESS_TEXT_MAX];
	unsigned char *bytes;
	int bits;

	*network = (struct network){ .count = 0 };
	(void)snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len : 0), query);
	if (query[len] == '\0' || !parse_address(&network->first, text))
		return fail(network, "it is no network ADDR/BITS");
	size = bytes_of(&network->first, &bytes);
	width = size * 8;
	bits = parse_bits(query + len + 1, width);
	if (bits == -1)
		return fail(network, width == 32 ? "an IPv4 network is ADDR/16 to ADDR/32" :
						   "an IPv6 network is ADDR/112 to ADDR/128");
	if ((size_t)bits + BITS_WITHIN < width)
		return fail(network,
		    width == 32 ?
			"it has more than 65536 addresses (an IPv4 network is /16 to /32)" :
			"it has more than 65536 addresses (an IPv6 network is /112 to /128)");
	if (clear_host_bits(bytes, size, (size_t)bits)) {
		(void)snprintf(network->fault, sizeof(network->fault),
		    "it is an address in a network (the network is %s/%d)",
		    inet_ntop(network->first.sa.sa_family, bytes, text, sizeof(text)), bits);
		return -1;
	}
	network->count = UINT32_C(1) << (width - (size_t)bits);
	return 0;
}

void
network_address(const struct network *network, uint32_t index, char text[SKU_ADDRESS_TEXT_MAX])
{
	struct sku_address address = network->first;
	unsigned char *bytes;
	size_t size = bytes_of(&address, &bytes);

	bytes[size - 1] = (unsigned char)(bytes[size - 1] | (index & 0xff));
	bytes[size - 2] = (unsigned char)(bytes[size - 2] | (index >> 8));
	/* The addresses of an IPv4-mapped network are asked for as IPv6, too. */
	(void)inet_ntop(address.sa.sa_family, bytes, text, SKU_ADDRESS_TEXT_MAX);
}

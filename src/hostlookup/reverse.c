/* reverse.c - addresses to look names up for, in the forms that lists have.
 * Row tool. */
#include "hostlookup/reverse.h"

#include "hostlookup/query.h"
#include "net/host_name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define V4_ZONE ".in-addr.arpa"
#define V6_ZONE ".ip6.arpa"
#define DIGITS "0123456789"
#define NIBBLES ((size_t)32)

static bool
is_address(const char *text, int family)
{
	struct sku_address address;

	return sku_address_from_numeric(&address, family, text, 0) == 0;
}

/* Is it an address whose zone is no interface? */
static bool
has_unknown_zone(const char *text)
{
	return !is_address(text, AF_INET6) && errno == ENODEV;
}

/* The length of name without this zone at its end; 0: it does not end in the zone. */
static size_t
before_zone(const char *name, const char *zone)
{
	size_t len = strlen(name), zone_len = strlen(zone);

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len <= zone_len || strncasecmp(name + len - zone_len, zone, zone_len) != 0)
		return 0;
	return len - zone_len;
}

/* Take a number up to 255 and the dot behind it.  010 is refused: it is another label than 10. */
static bool
take_number(const char **name, unsigned *number)
{
	size_t digits = strspn(*name, DIGITS);

	*number = 0;
	for (size_t i = 0; i < digits && *number <= 255; i++)
		*number = *number * 10 + (unsigned)((*name)[i] - '0');
	if (digits == 0 || (digits > 1 && **name == '0') || *number > 255 || (*name)[digits] != '.')
		return false;
	*name += digits + 1;
	return true;
}

/* N.N.N.N.in-addr.arpa */
static bool
from_v4_name(const char *name, char buf[SKU_ADDRESS_TEXT_MAX])
{
	size_t len = before_zone(name, V4_ZONE);
	const char *p = name;
	unsigned n[4];

	for (size_t i = 0; i < 4; i++) {
		if (!take_number(&p, &n[i]))
			return false;
	}
	if (p != name + len + 1)
		return false;
	(void)snprintf(buf, SKU_ADDRESS_TEXT_MAX, "%u.%u.%u.%u", n[3], n[2], n[1], n[0]);
	return true;
}

/* N.N...N.ip6.arpa, with the last digit first. */
static bool
from_v6_name(const char *name, char buf[SKU_ADDRESS_TEXT_MAX])
{
	static const char digits[] = DIGITS "abcdef";
	struct in6_addr address = { 0 };

	if (before_zone(name, V6_ZONE) != NIBBLES * 2 - 1)
		return false;
	for (size_t i = 0; i < NIBBLES; i++) {
		char c = name[i * 2];
		const char *digit = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
		size_t place = NIBBLES - 1 - i;

		if (digit == NULL || name[i * 2 + 1] != '.')
			return false;
		address.s6_addr[place / 2] |=
		    (unsigned char)((digit - digits) << (place % 2 == 0 ? 4 : 0));
	}
	return inet_ntop(AF_INET6, &address, buf, SKU_ADDRESS_TEXT_MAX) != NULL;
}

/* [V6] */
static bool
from_brackets(const char *query, char buf[SKU_ADDRESS_TEXT_MAX])
{
	size_t len = strlen(query);

	if (len < 2 || len - 2 >= SKU_ADDRESS_TEXT_MAX || query[0] != '[' || query[len - 1] != ']')
		return false;
	memcpy(buf, query + 1, len - 2);
	buf[len - 2] = '\0';
	return is_address(buf, AF_INET6);
}

const char *
reverse_address(const char *query, char buf[SKU_ADDRESS_TEXT_MAX])
{
	if (is_address(query, AF_UNSPEC))
		return query;
	return from_brackets(query, buf) || from_v4_name(query, buf) || from_v6_name(query, buf) ?
		   buf :
		   NULL;
}

const char *
reverse_fault(const char *query)
{
	if (*query == '\0')
		return "the address is empty";
	if (query_has_port(query))
		return "it is no address (leave the port out)";
	if (has_unknown_zone(query))
		return HOST_NAME_NO_ZONE;
	if (before_zone(query, V4_ZONE) > 0)
		return "it is no address (there are four numbers up to 255 before in-addr.arpa)";
	if (before_zone(query, V6_ZONE) > 0)
		return "it is no address (there are 32 hexadecimal digits before ip6.arpa)";
	if (host_name_fault(query) == NULL)
		return "it is no address (leave -r out to look up a name)";
	return "it is no address";
}

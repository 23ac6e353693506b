/* fuzz_access.c - text as a rule of --allow, compared with a second parser, which was written from
 * the manual: which rules are accepted, and which addresses they match, bit by bit. */
#include "net/access.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NO_GAP 17

/* A rule with 128 bits: IPv4 has the prefix ::ffff:0:0/96. */
struct rule {
	unsigned char bytes[16];
	unsigned bits;
	bool v4;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Take a number from 0 to most, of at most three digits and without a leading zero, and move *text
 * behind it. */
static bool
take_decimal(const char **text, unsigned most, unsigned *n)
{
	const char *p = *text;

	for (*n = 0; is_digit(*p) && p - *text < 3; p++)
		*n = *n * 10 + (unsigned)(*p - '0');
	if (p == *text || (**text == '0' && p - *text > 1) || *n > most)
		return false;
	*text = p;
	return true;
}

static bool
take_quad(const char **text, unsigned char *bytes)
{
	unsigned n;

	for (int i = 0; i < 4; i++) {
		if (i > 0 && *(*text)++ != '.')
			return false;
		if (!take_decimal(text, 255, &n))
			return false;
		bytes[i] = (unsigned char)n;
	}
	return true;
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Take an IPv6 address: groups of up to four hexadecimal digits between ':', where the last two may
 * be an IPv4 address.  One `::` may replace one group or more. */
static bool
take_v6(const char **text, unsigned char bytes[16])
{
	unsigned char found[16];
	size_t n = 0, gap = NO_GAP, before;
	const char *p = *text;

	if (p[0] == ':' && p[1] != ':')
		return false;
	for (;;) {
		const char *group = p;
		unsigned value = 0;

		if (p[0] == ':' && p[1] == ':') {
			if (gap != NO_GAP)
				return false;
			gap = n;
			p += 2;
			if (hex_digit(*p) == -1)
				break;
			continue;
		}
		if (*p == ':' && n > 0)
			group = ++p;
		while (hex_digit(*p) != -1 && p - group < 4)
			value = value * 16 + (unsigned)hex_digit(*p++);
		if (p == group)
			return false;
		if (*p == '.') {
			if (n > 12 || !take_quad(&group, &found[n]))
				return false;
			p = group;
			n += 4;
			break;
		}
		if (n > 14)
			return false;
		found[n++] = (unsigned char)(value >> 8);
		found[n++] = (unsigned char)value;
		if (*p != ':')
			break;
	}
	if (gap != NO_GAP ? n == 16 : n != 16)
		return false;
	before = gap < n ? gap : n;
	memset(bytes, 0, 16);
	memcpy(bytes, found, before);
	memcpy(bytes + 16 - (n - before), found + before, n - before);
	*text = p;
	return true;
}

static bool
bit(const unsigned char *bytes, unsigned i)
{
	return (bytes[i / 8] >> (7 - i % 8) & 1) != 0;
}

static bool
rule_of(const char *text, struct rule *rule)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool quad = strchr(text, ':') == NULL;
	unsigned bits = quad ? 32 : 128;

	memcpy(rule->bytes, mapped, 12);
	if (quad ? !take_quad(&text, rule->bytes + 12) : !take_v6(&text, rule->bytes))
		return false;
	if (*text == '/') {
		text++;
		if (!take_decimal(&text, bits, &bits))
			return false;
	}
	rule->bits = bits + (quad ? 96 : 0);
	for (unsigned i = rule->bits; i < 128; i++) {
		if (bit(rule->bytes, i))
			return false;
	}
	rule->v4 = rule->bits >= 96 && memcmp(rule->bytes, mapped, 12) == 0;
	return *text == '\0';
}

/* Check an address that differs from the rule's in one bit; with flipped 128, the address
 * itself. */
static void
check_peer(const struct access_list *access, const struct rule *rule, unsigned flipped)
{
	struct sku_address peer = { .in6.sin6_family = AF_INET6, .len = sizeof(peer.in6) };
	struct sku_address plain;
	bool same_family, served;

	memcpy(&peer.in6.sin6_addr, rule->bytes, 16);
	if (flipped < 128)
		peer.in6.sin6_addr.s6_addr[flipped / 8] ^= (unsigned char)(0x80 >> flipped % 8);
	plain = peer;
	sku_address_unmap(&plain);
	same_family = (plain.sa.sa_family == AF_INET) == rule->v4;
	served = same_family && flipped >= rule->bits;
	if (access_check(access, &peer) != served || access_check(access, &plain) != served)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct access_cidr cidr;
	const struct access_list access = { .allow = &cidr, .allow_count = 1 };
	struct rule rule;
	bool accepted;

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, size);
	text[size] = '\0';
	accepted = access_cidr_parse(&cidr, text) == ACCESS_CIDR_OK;
	if (accepted != rule_of(text, &rule))
		abort();
	for (unsigned i = 0; accepted && i <= 128; i++)
		check_peer(&access, &rule, i);
	free(text);
	return 0;
}

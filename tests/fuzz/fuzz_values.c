/* fuzz_values.c - text as SIZE and as SECONDS, compared with a second parser, which was written
 * from the manual: which texts are accepted, and with which value. */
#include "options/values.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NANOSECONDS UINT64_C(1000000000)
#define CENTURY (36525 * UINT64_C(86400) * NANOSECONDS)

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* n * 10 + digit, or UINT64_MAX if that is too large. */
static uint64_t
append_digit(uint64_t n, unsigned digit)
{
	return n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
}

/* ^[0-9]+([KMGT](iB)?)?$ in any case, below 2^63. */
static bool
size_of(const char *text, uint64_t *size)
{
	const char *p = text;
	uint64_t n = 0, unit = 1;

	while (is_digit(*p))
		n = append_digit(n, (unsigned)(*p++ - '0'));
	if (p == text)
		return false;
	switch (*p) {
	case 'T':
	case 't':
		unit *= 1024;
		/* fallthrough */
	case 'G':
	case 'g':
		unit *= 1024;
		/* fallthrough */
	case 'M':
	case 'm':
		unit *= 1024;
		/* fallthrough */
	case 'K':
	case 'k':
		unit *= 1024;
		p++;
		if ((p[0] == 'i' || p[0] == 'I') && (p[1] == 'b' || p[1] == 'B'))
			p += 2;
		break;
	default:
		break;
	}
	*size = n * unit;
	return *p == '\0' && n <= INT64_MAX / unit;
}

static uint64_t
unit_of(const char *suffix)
{
	if (strcmp(suffix, "") == 0 || strcmp(suffix, "s") == 0)
		return NANOSECONDS;
	if (strcmp(suffix, "ms") == 0)
		return NANOSECONDS / 1000;
	if (strcmp(suffix, "m") == 0)
		return NANOSECONDS * 60;
	return strcmp(suffix, "h") == 0 ? NANOSECONDS * 3600 : 0;
}

/* ^([0-9]+(\.[0-9]+)?|\.[0-9]+)(s|ms|m|h)?$, multiplied by the unit digit by digit and rounded up;
 * at most 100 years. */
static bool
seconds_of(const char *text, uint64_t *ns)
{
	const char *point = text, *end;
	uint64_t unit, carry = 0, whole = 0;
	char product[64];
	bool rest = false;

	while (is_digit(*point))
		point++;
	end = point;
	if (*point == '.') {
		for (end = point + 1; is_digit(*end); end++)
			;
		if (end == point + 1)
			return false;
	}
	unit = unit_of(end);
	if (end == text || unit == 0)
		return false;
	while (point - text > 1 && *text == '0')
		text++;
	for (const char *p = end; p-- > text;) {
		if (p == point)
			continue;
		carry += (uint64_t)(*p - '0') * unit;
		if (p > point)
			rest = rest || carry % 10 != 0;
		else if (p - text < (ptrdiff_t)sizeof(product))
			product[p - text] = (char)(carry % 10);
		carry /= 10;
	}
	if (point - text > (ptrdiff_t)sizeof(product))
		return false; /* far more than 100 years */
	whole = carry;
	for (ptrdiff_t i = 0; i < point - text; i++)
		whole = append_digit(whole, (unsigned)product[i]);
	if (rest && whole < UINT64_MAX)
		whole++;
	*ns = whole;
	return whole <= CENTURY;
}

static void
check(bool accepted, const int64_t *value, bool right, uint64_t right_value)
{
	if (accepted != right || (accepted && (*value < 0 || (uint64_t)*value != right_value)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	uint64_t right_value = 0;
	int64_t value = 0;
	bool right;

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, size);
	text[size] = '\0';
	right = size_of(text, &right_value);
	check(value_parse_size(text, &value), &value, right, right_value);
	right = seconds_of(text, &right_value);
	check(value_parse_seconds(text, &value), &value, right, right_value);
	free(text);
	return 0;
}

/* numbers.c - durations, sizes and counts as people write them.
 * Row cli. */
#include "numbers.h"

#include "options.h"
#include "sockutil.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"

/* digits [. digits] or . digits, in units of 1/scale (a power of ten); *end is what follows.  A
 * rest below one unit counts as one, so that a little is never nothing. */
static bool
parse_decimal(const char *text, int64_t scale, int64_t *result, const char **end)
{
	size_t whole = strspn(text, DIGITS), fraction = 0;
	const char *p = text;
	int64_t value = 0, place = scale;
	bool rest = false;

	if (text[whole] == '.') {
		fraction = strspn(text + whole + 1, DIGITS);
		if (fraction == 0)
			return false;
	}
	if (whole + fraction == 0)
		return false;
	for (size_t i = 0; i < whole; i++, p++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *p - '0', &value))
			return false;
	}
	if (__builtin_mul_overflow(value, scale, &value))
		return false;
	p += fraction > 0;
	for (size_t i = 0; i < fraction; i++, p++) {
		place /= 10;
		if (place == 0)
			rest |= *p != '0';
		else if (__builtin_add_overflow(value, (*p - '0') * place, &value))
			return false;
	}
	if (rest && __builtin_add_overflow(value, 1, &value))
		return false;
	*result = value;
	*end = p;
	return true;
}

bool
cli_parse_seconds(const char *value, int64_t *ns)
{
	static const struct {
		const char *suffix;
		int64_t times, divided_by;
	} units[] = { { "", 1, 1 }, { "s", 1, 1 }, { "ms", 1, 1000 }, { "m", 60, 1 },
		{ "h", 3600, 1 } };
	const char *suffix;
	int64_t n;

	if (!parse_decimal(value, SKU_SECOND, &n, &suffix))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(suffix, units[i].suffix) != 0)
			continue;
		if (__builtin_mul_overflow(n, units[i].times, &n))
			return false;
		*ns = n / units[i].divided_by + (n % units[i].divided_by != 0);
		return true;
	}
	return false;
}

bool
cli_parse_size(const char *value, int64_t *size)
{
	static const char letters[] = "KMGT";
	size_t digits = strspn(value, DIGITS);
	const char *suffix = value + digits, *letter;
	int shift = 0;
	int64_t n;

	errno = 0;
	n = strtoll(value, NULL, 10);
	if (digits == 0 || errno != 0)
		return false;
	if (*suffix != '\0') {
		letter = strchr(letters, *suffix & ~0x20);
		if (letter == NULL || (suffix[1] != '\0' && strcasecmp(suffix + 1, "iB") != 0))
			return false;
		shift = 10 * (int)(letter - letters + 1);
	}
	return !__builtin_mul_overflow(n, INT64_C(1) << shift, size);
}

bool
cli_is_digits(const char *text)
{
	return *text != '\0' && text[strspn(text, DIGITS)] == '\0';
}

int64_t
cli_seconds(const char *option, const char *value, bool none_allowed)
{
	int64_t ns;

	if (none_allowed && strcmp(value, "none") == 0)
		return SKU_NO_TIMEOUT;
	if (!cli_parse_seconds(value, &ns))
		cli_usage_error("option '--%s' takes SECONDS (2, 0.25, 500ms, 1m, 1h%s), not '%s'",
		    option, none_allowed ? "; or none" : "", value);
	return ns;
}

int64_t
cli_size(const char *option, const char *value, int64_t least, int64_t most)
{
	int64_t size;

	if (!cli_parse_size(value, &size))
		cli_usage_error("option '--%s' takes a SIZE (bytes, or with K, M, G, T: powers of "
				"1024), not '%s'",
		    option, value);
	if (size < least || size > most)
		cli_usage_error("option '--%s' takes a SIZE of %lld to %lld bytes, not '%s'",
		    option, (long long)least, (long long)most, value);
	return size;
}

static int64_t
count_of(const char *option, const char *value, int64_t least, int64_t most, bool none_allowed)
{
	const char *why = NULL;
	int64_t n = 0;

	/* strtonum takes leading white space and '+'. */
	if (*value == '\0' || strspn(value, least < 0 ? "-" DIGITS : DIGITS) != strlen(value))
		why = "invalid";
	else
		n = strtonum(value, least, most, &why);
	if (why != NULL && most == INT64_MAX)
		cli_usage_error("option '--%s' takes a whole number of at least %lld%s, not '%s'",
		    option, (long long)least, none_allowed ? " or none" : "", value);
	if (why != NULL)
		cli_usage_error("option '--%s' takes a whole number from %lld to %lld%s, not '%s'",
		    option, (long long)least, (long long)most, none_allowed ? " or none" : "",
		    value);
	return n;
}

int64_t
cli_count(const char *option, const char *value, int64_t least, int64_t most)
{
	return count_of(option, value, least, most, false);
}

int64_t
cli_count_or_none(const char *option, const char *value, int64_t least, int64_t most)
{
	return strcmp(value, "none") == 0 ? -1 : count_of(option, value, least, most, true);
}

int64_t
cli_percent(const char *option, const char *value)
{
	const char *end;
	int64_t n;

	if (!parse_decimal(value, 10000, &n, &end) || *end != '\0' || n > 1000000)
		cli_usage_error(
		    "option '--%s' takes a PERCENT from 0 to 100, not '%s'", option, value);
	return n;
}

/* values.c - durations, sizes and counts as people write them.
 * Row options. */
#include "options/values.h"

#include "libsockutil/sockutil.h"
#include "options/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

/* The longest duration, which can still be added to the clock. */
#define CENTURY (INT64_C(36525) * 24 * 3600 * SKU_SECOND)

/* The length of the decimal at the beginning of text: digits, digits.digits or .digits.  0:
 * none. */
static size_t
span_decimal(const char *text)
{
	size_t whole = strspn(text, DIGITS), fraction;

	if (text[whole] != '.')
		return whole;
	fraction = strspn(text + whole + 1, DIGITS);
	return fraction > 0 ? whole + 1 + fraction : 0;
}

/* Multiply a decimal of len bytes by scale.  A fraction is rounded up, so that only 0 becomes 0.
 * Returns false when the result is too large. */
static bool
scale_decimal(const char *text, size_t len, int64_t scale, int64_t *result)
{
	size_t whole = strspn(text, DIGITS);
	int64_t value = 0, fraction = 0;

	for (size_t i = 0; i < whole; i++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, text[i] - '0', &value))
			return false;
	}
	/* From the last digit to the first, rounding up at each step is the same as rounding up
	 * once. */
	for (size_t i = len; i > whole + 1; i--)
		fraction = ((text[i - 1] - '0') * scale + fraction + 9) / 10;
	return !__builtin_mul_overflow(value, scale, &value) &&
	       !__builtin_add_overflow(value, fraction, result);
}

bool
value_parse_seconds(const char *value, int64_t *ns)
{
	static const struct {
		const char *suffix;
		int64_t ns;
	} units[] = { { "", SKU_SECOND }, { "s", SKU_SECOND }, { "ms", SKU_MS },
		{ "m", 60 * SKU_SECOND }, { "h", 3600 * SKU_SECOND } };
	size_t len = span_decimal(value);

	for (size_t i = 0; len > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(value + len, units[i].suffix) == 0)
			return scale_decimal(value, len, units[i].ns, ns) && *ns <= CENTURY;
	}
	return false;
}

/* Is c the letter, in either case and in every locale? */
static bool
is_letter(char c, char upper)
{
	return (c & ~0x20) == upper;
}

bool
value_parse_size(const char *value, int64_t *size)
{
	static const char letters[] = { 'K', 'M', 'G', 'T' };
	const char *suffix = value + strspn(value, DIGITS);
	int shift = 0;
	int64_t n;

	errno = EINVAL;
	if (suffix == value)
		return false;
	errno = 0;
	n = strtoll(value, NULL, 10);
	if (errno != 0)
		return false;
	errno = EINVAL;
	for (size_t i = 0; i < sizeof(letters); i++) {
		if (is_letter(*suffix, letters[i]))
			shift = 10 * (int)(i + 1);
	}
	if (shift > 0)
		suffix++;
	if (shift > 0 && is_letter(suffix[0], 'I') && is_letter(suffix[1], 'B'))
		suffix += 2;
	if (*suffix != '\0')
		return false;
	errno = ERANGE;
	return !__builtin_mul_overflow(n, INT64_C(1) << shift, size);
}

bool
value_is_digits(const char *text)
{
	return *text != '\0' && text[strspn(text, DIGITS)] == '\0';
}

int64_t
value_seconds(const char *option, const char *value, bool none_allowed)
{
	int64_t ns;

	if (none_allowed && strcmp(value, "none") == 0)
		return SKU_NO_TIMEOUT;
	if (!value_parse_seconds(value, &ns))
		opt_usage_error("option '--%s' takes SECONDS (2, 0.25, 500ms, 1m, 1h; 100 years "
				"at most%s), not '%s'",
		    option, none_allowed ? "; or none" : "", opt_quote(value));
	return ns;
}

int64_t
value_size(const char *option, const char *value, int64_t min, int64_t max)
{
	int64_t size;
	bool is_size = value_parse_size(value, &size);

	if (!is_size && errno != ERANGE)
		opt_usage_error("option '--%s' takes a SIZE (bytes, or with K, M, G, T: powers of "
				"1024), not '%s'",
		    option, opt_quote(value));
	if (!is_size || size < min || size > max)
		opt_usage_error("option '--%s' takes a SIZE of %lld to %lld bytes, not '%s'",
		    option, (long long)min, (long long)max, opt_quote(value));
	return size;
}

static int64_t
count_of(const char *option, const char *value, int64_t min, int64_t max, bool none_allowed)
{
	const char *reason = NULL;
	int64_t n = 0;

	/* strtonum(3) would accept leading white space and '+'. */
	if (*value == '\0' || strspn(value, min < 0 ? "-" DIGITS : DIGITS) != strlen(value))
		reason = "invalid";
	else
		n = strtonum(value, min, max, &reason);
	if (reason != NULL && max == INT64_MAX && strcmp(reason, "too large") != 0)
		opt_usage_error("option '--%s' takes a whole number of at least %lld%s, not '%s'",
		    option, (long long)min, none_allowed ? " or none" : "", opt_quote(value));
	if (reason != NULL)
		opt_usage_error("option '--%s' takes a whole number from %lld to %lld%s, not '%s'",
		    option, (long long)min, (long long)max, none_allowed ? " or none" : "",
		    opt_quote(value));
	return n;
}

int64_t
value_number(const char *option, const char *value, int64_t least, int64_t most, bool none_allowed)
{
	if (none_allowed && strcmp(value, "none") == 0)
		return -1;
	return count_of(option, value, least, most, none_allowed);
}

int64_t
value_fd(const char *option, const char *value)
{
	int64_t fd = count_of(option, value, 0, INT32_MAX, false);

	if (fcntl((int)fd, F_GETFD) == -1)
		opt_usage_error("option '--%s' takes a descriptor that is open, which %d is not",
		    option, (int)fd);
	return fd;
}

int64_t
value_percent(const char *option, const char *value)
{
	size_t len = span_decimal(value);
	int64_t n;

	if (len == 0 || value[len] != '\0' || !scale_decimal(value, len, 10000, &n) || n > 1000000)
		opt_usage_error("option '--%s' takes a PERCENT from 0 to 100, not '%s'", option,
		    opt_quote(value));
	return n;
}

void
value_show_seconds(int64_t ns, char *buf, size_t size)
{
	if (ns % SKU_SECOND == 0)
		(void)snprintf(buf, size, "%lld", (long long)(ns / SKU_SECOND));
	else
		(void)snprintf(buf, size, "%lldms", (long long)(ns / SKU_MS));
}

void
value_show_size(int64_t bytes, char *buf, size_t size)
{
	const char *unit = "KMGT";
	size_t i;

	for (i = 0; bytes != 0 && bytes % 1024 == 0 && unit[i] != '\0'; i++)
		bytes /= 1024;
	(void)snprintf(buf, size, "%lld%.*s", (long long)bytes, i > 0, i > 0 ? &unit[i - 1] : "");
}

bool
value_mode(const char *text, mode_t *mode)
{
	size_t digits = strspn(text, "01234567");

	if (digits == 0 || digits > 4 || text[digits] != '\0' || strtoul(text, NULL, 8) > 0777)
		return false;
	*mode = (mode_t)strtoul(text, NULL, 8);
	return true;
}

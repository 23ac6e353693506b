/* test_cli.c - values of options, escapes, access rules: functions that need no other
 * program. */
#include "libsockutil/sockutil.h"
#include "net/access.h"
#include "options/values.h"
#include "run/ascii.h"
#include "run/escape.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
seconds_are_read_exactly(void **state)
{
	static const struct {
		const char *text;
		int64_t ns; /* -1: malformed */
	} cases[] = {
		{ "2", 2 * SKU_SECOND },
		{ "0.25", 250 * SKU_MS },
		{ ".5", 500 * SKU_MS },
		{ "500ms", 500 * SKU_MS },
		{ "1.5ms", 1500 * SKU_US },
		{ "1m", 60 * SKU_SECOND },
		{ "1.5h", 5400 * SKU_SECOND },
		{ "3s", 3 * SKU_SECOND },
		{ "0", 0 },
		{ "0.0000000001", 1 },
		{ "0.0000000000", 0 },
		{ "0.0001ms", 100 },
		/* nothing is rounded before it is multiplied by the unit */
		{ "0.00000000001h", 36 },
		{ "0.000000000001h", 4 },
		{ "0.01666666666m", 1000000000 },
		{ "0000000000000000000000000000001", SKU_SECOND },
		{ "3155760000", INT64_C(3155760000) * SKU_SECOND }, /* 100 years of 365.25 days */
		{ "3155760000000ms", INT64_C(3155760000) * SKU_SECOND },
		{ "876600h", INT64_C(3155760000) * SKU_SECOND },
		{ "3155760000.000000001", -1 },
		{ "876600.0000000000001h", -1 },
		{ "52596001m", -1 },
		{ "9223372036", -1 },
		{ "18446744073709551617", -1 }, /* 2^64 + 1 */
		{ "99999999999999999999", -1 },
		{ "", -1 },
		{ ".", -1 },
		{ "5.", -1 },
		{ "-1", -1 },
		{ "+1", -1 },
		{ " 1", -1 },
		{ "1 ", -1 },
		{ "1e3", -1 },
		{ "1.2.3", -1 },
		{ "1d", -1 },
		{ "1S", -1 },
		{ "inf", -1 },
		{ "none", -1 },
		{ "0x10", -1 },
		{ "1 s", -1 },
		{ "1ms ", -1 },
		{ "1sm", -1 },
		{ "\t1", -1 },
		{ "1\n", -1 },
		{ "s", -1 },
		{ ".s", -1 },
		{ "1,5", -1 },
	};
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok = value_parse_seconds(cases[i].text, &ns);

		assert_int_equal(ok, cases[i].ns != -1);
		if (ok)
			assert_int_equal(ns, cases[i].ns);
	}
}

static void
sizes_are_powers_of_1024(void **state)
{
	static const struct {
		const char *text;
		int64_t size;
	} cases[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "64K", 65536 },
		{ "64k", 65536 },
		{ "1KiB", 1024 },
		{ "1kib", 1024 },
		{ "2M", 2 << 20 },
		{ "3GiB", INT64_C(3) << 30 },
		{ "1T", INT64_C(1) << 40 },
		{ "9223372036854775807", INT64_MAX },
		{ "9223372036854775808", -1 },
		{ "8388608T", -1 },
		{ "1KB", -1 },
		{ "1kb", -1 },
		{ "1B", -1 },
		{ "1P", -1 },
		{ "1Ki", -1 },
		{ "1KiBx", -1 },
		{ "K", -1 },
		{ "", -1 },
		{ "-1", -1 },
		{ "+1", -1 },
		{ " 1", -1 },
		{ "1.5K", -1 },
		{ "0x10", -1 },
		{ "1KIB", 1024 },
		{ "8388607T", INT64_C(8388607) << 40 },
		{ "8796093022207m", INT64_C(8796093022207) << 20 },
		{ "18446744073709551617", -1 }, /* 2^64 + 1 */
		{ "1 ", -1 },
		{ "1\n", -1 },
		{ "1K ", -1 },
		{ "1 K", -1 },
		{ "1KiB ", -1 },
		{ "1iB", -1 },
		{ "1 iB", -1 },
		{ "1KK", -1 },
		{ "1KBi", -1 },
		{ "1e3", -1 },
		{ "1_000", -1 },
		{ "\xd9\xa1", -1 }, /* ARABIC-INDIC DIGIT ONE */
		{ "none", -1 },
	};
	int64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok = value_parse_size(cases[i].text, &size);

		assert_int_equal(ok, cases[i].size != -1);
		if (ok)
			assert_int_equal(size, cases[i].size);
	}
}

static void
strangers_bytes_are_escaped(void **state)
{
	static const struct {
		const char *in;
		enum escape_for purpose;
		const char *out;
	} cases[] = {
		{ "plain", ESCAPE_TEXT, "plain" },
		{ "tab\tnl\n", ESCAPE_TEXT, "tab\tnl\n" },
		{ "tab\tnl\n\\", ESCAPE_LINE, "tab\\tnl\\n\\" },
		{ "tab\tnl\n\\", ESCAPE_FIELD, "tab\\tnl\\n\\\\" },
		{ "\x1b[31m\r\x7f", ESCAPE_TEXT, "\\x1b[31m\\x0d\\x7f" },
		{ "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", ESCAPE_TEXT,
		    "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xc2\x9b", ESCAPE_TEXT, "\\xc2\\x9b" }, /* C1 in UTF-8 */
		{ "\x9b", ESCAPE_TEXT, "\\x9b" },	   /* C1 as a single byte */
		{ "\xc0\xaf", ESCAPE_TEXT, "\\xc0\\xaf" }, /* an overlong form */
		{ "\xe0\x80\xaf", ESCAPE_TEXT, "\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", ESCAPE_TEXT, "\\xed\\xa0\\x80" }, /* a surrogate */
		{ "\xf4\x90\x80\x80", ESCAPE_TEXT, "\\xf4\\x90\\x80\\x80" },
		{ "\xe2\x82", ESCAPE_TEXT, "\\xe2\\x82" }, /* a sequence that was cut */
		{ "\xff", ESCAPE_TEXT, "\\xff" },
		{ "\xef\xbb\xbf"
		  "a\xe2\x80\x8b\xe2\x80\xae",
		    ESCAPE_LINE, "\\u{feff}a\\u{200b}\\u{202e}" },
		{ "\xe2\x80\x90\xe2\x81\xa9\xe2\x81\xaa", ESCAPE_LINE,
		    "\xe2\x80\x90\\u{2069}\xe2\x81\xaa" },
		{ "\xef\xbb\xbf", ESCAPE_TEXT, "\xef\xbb\xbf" },
		{ "\xef\xbb\xbf", ESCAPE_FIELD, "\xef\xbb\xbf" },
		{ "tab\t\\\x7f\xc2\x9b\xff", ESCAPE_JSON, "tab\t\\\x7f\xc2\x9b\\xff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len;
		char *out = escape_text(cases[i].in, strlen(cases[i].in), cases[i].purpose, &len);

		assert_string_equal(out, cases[i].out);
		assert_int_equal(len, strlen(out));
		free(out);
	}
	{
		char *out = escape_text("a\0b", 3, ESCAPE_TEXT, NULL);

		assert_string_equal(out, "a\\x00b");
		free(out);
	}
	assert_true(escape_is_utf8("h\xc3\xa9", 3));
	assert_false(escape_is_utf8("h\xc3", 2));
}

static bool
matches(const char *rule, const char *address)
{
	struct access_cidr cidr;
	struct access_list access = { .allow = &cidr, .allow_count = 1 };
	struct sku_address peer;

	assert_int_equal(access_cidr_parse(&cidr, rule), ACCESS_CIDR_OK);
	assert_int_equal(sku_address_from_numeric(&peer, AF_UNSPEC, address, 1), 0);
	return access_check(&access, &peer);
}

static void
rules_match_addresses(void **state)
{
	(void)state;
	assert_true(matches("10.0.0.0/8", "10.255.0.1"));
	assert_false(matches("10.0.0.0/8", "11.0.0.0"));
	assert_true(matches("10.1.2.3", "10.1.2.3"));
	assert_false(matches("10.1.2.3", "10.1.2.2"));
	assert_true(matches("10.0.0.128/25", "10.0.0.200"));
	assert_false(matches("10.0.0.128/25", "10.0.0.127"));
	assert_true(matches("0.0.0.0/0", "1.2.3.4"));
	assert_true(matches("0.0.0.0/0", "::ffff:1.2.3.4"));
	assert_false(matches("::/0", "1.2.3.4"));
	assert_false(matches("::/0", "::ffff:1.2.3.4"));
	assert_true(matches("::/0", "2001:db8::1"));
	assert_true(matches("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(matches("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(matches("::ffff:10.0.0.0/104", "10.9.9.9"));
	assert_true(matches("::ffff:0:0/96", "10.9.9.9"));
	assert_false(matches("::fffe:0:0/95", "10.9.9.9"));
	assert_true(matches("192.0.2.1/32", "::ffff:192.0.2.1"));
	assert_false(matches("192.0.2.1/32", "::192.0.2.1"));
}

static void
a_rule_is_never_guessed(void **state)
{
	static const char *const malformed[] = { "", "/", "/8", "localhost", "any", "10/8",
		"192.168/16", "127.1", "10", "167772161", "0x0a.0.0.1", "010.0.0.1", "10.0.0.00",
		"10.0.0.0.0", "10.0.0.256", "10.0.0.", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/08", "10.0.0.0/00",
		"10.0.0.0/8/9", "10.0.0.0/8x", "10.0.0.0/0x8", "10.0.0.0/255.0.0.0",
		"10.0.0.0/4294967304", "10.0.0.0/18446744073709551624", " 10.0.0.0/8",
		"10.0.0.0 /8", "10.0.0.1\n", "10.0.0.0-10.0.0.9", "::/129", "::/", ":::/0",
		"1::2::3", "[::1]", "fe80::1%lo", "fe80::%lo/10", "fe80::1%1", "2001:db8",
		"12345::" };
	static const struct {
		const char *text, *network;
	} too_long[] = {
		{ "10.1.2.3/8", "10.0.0.0/8" },
		{ "192.0.2.129/25", "192.0.2.128/25" },
		{ "0.0.0.1/0", "0.0.0.0/0" },
		{ "192.0.2.255/31", "192.0.2.254/31" },
		{ "2001:db8::1/32", "2001:db8::/32" },
		{ "2001:db8:ffff::/33", "2001:db8:8000::/33" },
		{ "::1/0", "::/0" },
		{ "::ffff:10.1.2.3/104", "::ffff:10.0.0.0/104" },
		{ "::ffff:0:0/95", "::fffe:0:0/95" },
	};
	struct access_cidr cidr, network;

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		if (access_cidr_parse(&cidr, malformed[i]) != ACCESS_CIDR_MALFORMED)
			fail_msg("'%s' is taken", malformed[i]);
	}
	for (size_t i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
		assert_int_equal(access_cidr_parse(&cidr, too_long[i].text), ACCESS_CIDR_HOST_BITS);
		assert_int_equal(access_cidr_parse(&network, too_long[i].network), ACCESS_CIDR_OK);
		assert_memory_equal(&cidr, &network, sizeof(cidr));
	}
}

static void
a_rule_refuses_what_it_cannot_judge(void **state)
{
	struct access_list none = { 0 }, deny = { 0 };
	struct sku_address path, ten;

	(void)state;
	assert_int_equal(sku_address_from_path(&path, "/x"), 0);
	assert_int_equal(sku_address_from_numeric(&ten, AF_INET, "10.0.0.1", 1), 0);
	assert_true(access_check(&none, &path));
	assert_null(access_add(&deny, false, "192.0.2.0/24"));
	assert_false(access_check(&deny, &path));
	assert_true(access_check(&deny, &ten));
	assert_null(access_add(&deny, true, "10.0.0.0/8"));
	assert_null(access_add(&deny, false, "10.0.0.1"));
	assert_false(access_check(&deny, &ten));
	access_free(&deny);
}

static void
upper_is_bytes_upper(void **state)
{
	char bytes[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	ascii_upper(bytes, sizeof(bytes));
	for (int i = 0; i < 256; i++)
		assert_int_equal((unsigned char)bytes[i], i >= 'a' && i <= 'z' ? i - 'a' + 'A' : i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_are_read_exactly),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(strangers_bytes_are_escaped),
		cmocka_unit_test(rules_match_addresses),
		cmocka_unit_test(a_rule_is_never_guessed),
		cmocka_unit_test(a_rule_refuses_what_it_cannot_judge),
		cmocka_unit_test(upper_is_bytes_upper),
	};

	return cmocka_run_group_tests_name("the command-line layer", tests, NULL, NULL);
}

/* test_cli.c - the pure parts of the command-line layer: numbers, escapes, rules, timers. */
#include "cidr.h"
#include "escape.h"
#include "numbers.h"
#include "sockutil.h"
#include "timers.h"
#include "upper.h"

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
		int64_t ns; /* -1: no such thing */
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
		{ "9223372036", INT64_C(9223372036) * SKU_SECOND },
		{ "9223372037", -1 },
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
		{ "0x10", -1 },
	};
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok = cli_parse_seconds(cases[i].text, &ns);

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
	};
	int64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok = cli_parse_size(cases[i].text, &size);

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
		enum cli_escape_for purpose;
		const char *out;
	} cases[] = {
		{ "plain", CLI_ESCAPE_TEXT, "plain" },
		{ "tab\tnl\n", CLI_ESCAPE_TEXT, "tab\tnl\n" },
		{ "tab\tnl\n\\", CLI_ESCAPE_LINE, "tab\\tnl\\n\\" },
		{ "tab\tnl\n\\", CLI_ESCAPE_FIELD, "tab\\tnl\\n\\\\" },
		{ "\x1b[31m\r\x7f", CLI_ESCAPE_TEXT, "\\x1b[31m\\x0d\\x7f" },
		{ "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", CLI_ESCAPE_TEXT,
		    "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xc2\x9b", CLI_ESCAPE_TEXT, "\\xc2\\x9b" }, /* C1 in UTF-8 */
		{ "\x9b", CLI_ESCAPE_TEXT, "\\x9b" },	       /* C1 as a byte */
		{ "\xc0\xaf", CLI_ESCAPE_TEXT, "\\xc0\\xaf" }, /* overlong */
		{ "\xe0\x80\xaf", CLI_ESCAPE_TEXT, "\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", CLI_ESCAPE_TEXT, "\\xed\\xa0\\x80" }, /* surrogate */
		{ "\xf4\x90\x80\x80", CLI_ESCAPE_TEXT, "\\xf4\\x90\\x80\\x80" },
		{ "\xe2\x82", CLI_ESCAPE_TEXT, "\\xe2\\x82" }, /* cut */
		{ "\xff", CLI_ESCAPE_TEXT, "\\xff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len;
		char *out = cli_escape(cases[i].in, strlen(cases[i].in), cases[i].purpose, &len);

		assert_string_equal(out, cases[i].out);
		assert_int_equal(len, strlen(out));
		free(out);
	}
	{
		char *out = cli_escape("a\0b", 3, CLI_ESCAPE_TEXT, NULL);

		assert_string_equal(out, "a\\x00b");
		free(out);
	}
	assert_true(cli_is_utf8("h\xc3\xa9", 3));
	assert_false(cli_is_utf8("h\xc3", 2));
}

static bool
matches(const char *rule, const char *address)
{
	struct cli_cidr cidr;
	struct cli_access access = { .allow = &cidr, .allow_count = 1 };
	struct sku_address peer;

	assert_true(cli_cidr_parse(&cidr, rule));
	assert_int_equal(sku_address_from_numeric(&peer, AF_UNSPEC, address, 1), 0);
	return cli_access_check(&access, &peer);
}

static void
rules_match_addresses(void **state)
{
	struct cli_cidr cidr;

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
	assert_false(cli_cidr_parse(&cidr, "10.0.0.0/33"));
	assert_false(cli_cidr_parse(&cidr, "::/129"));
	assert_false(cli_cidr_parse(&cidr, "10.0.0.0/"));
	assert_false(cli_cidr_parse(&cidr, "10.0.0.0/-1"));
	assert_false(cli_cidr_parse(&cidr, "10.0.0.0/8/9"));
	assert_false(cli_cidr_parse(&cidr, "localhost"));
	assert_false(cli_cidr_parse(&cidr, ""));
}

static void
a_rule_refuses_what_it_cannot_judge(void **state)
{
	struct cli_access none = { 0 }, deny = { 0 };
	struct sku_address path, ten;

	(void)state;
	assert_int_equal(sku_address_from_path(&path, "/x"), 0);
	assert_int_equal(sku_address_from_numeric(&ten, AF_INET, "10.0.0.1", 1), 0);
	assert_true(cli_access_check(&none, &path));
	cli_access_add(&deny, false, "deny", "192.0.2.0/24");
	assert_false(cli_access_check(&deny, &path));
	assert_true(cli_access_check(&deny, &ten));
	cli_access_add(&deny, true, "allow", "10.0.0.0/8");
	cli_access_add(&deny, false, "deny", "10.0.0.1");
	assert_false(cli_access_check(&deny, &ten));
	cli_access_free(&deny);
}

static void
timers_come_in_order(void **state)
{
	enum { COUNT = 500 };
	static struct cli_timer timers[COUNT];
	struct cli_timers heap = { 0 };
	int64_t last = -1;
	size_t n = 0;

	(void)state;
	srand(1);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(cli_timer_set(&heap, &timers[i], rand() % 1000), 0);
	for (size_t i = 0; i < COUNT; i += 3)
		assert_int_equal(cli_timer_set(&heap, &timers[i], rand() % 1000), 0);
	for (size_t i = 0; i < COUNT; i += 5)
		cli_timer_clear(&heap, &timers[i]);
	cli_timer_clear(&heap, &timers[0]);
	for (struct cli_timer *t; (t = cli_timers_first(&heap)) != NULL; n++) {
		assert_true(t->at_ns >= last);
		last = t->at_ns;
		cli_timer_clear(&heap, t);
	}
	assert_int_equal(n, COUNT - COUNT / 5);
	cli_timers_free(&heap);
}

static void
upper_is_bytes_upper(void **state)
{
	char bytes[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	cli_upper(bytes, sizeof(bytes));
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
		cmocka_unit_test(a_rule_refuses_what_it_cannot_judge),
		cmocka_unit_test(timers_come_in_order),
		cmocka_unit_test(upper_is_bytes_upper),
	};

	return cmocka_run_group_tests_name("the command-line layer", tests, NULL, NULL);
}

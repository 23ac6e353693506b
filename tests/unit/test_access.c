/* test_access.c - the rules of --allow and --deny. */
#include "net/access.h"

#include "unit.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_match_addresses),
		cmocka_unit_test(a_rule_is_never_guessed),
		cmocka_unit_test(a_rule_refuses_what_it_cannot_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_lookup.c - the parts of hostlookup that ask nobody: the cache, answers as bytes, networks,
 * and addresses as lists hold them. */
#include "hostlookup/answer.h"
#include "hostlookup/cache.h"
#include "hostlookup/network.h"
#include "hostlookup/reverse.h"
#include "run/status.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the cache ----------------------------------------------------------------------------- */

static void
put(struct cache *cache, const char *key, const char *value, int64_t until_ns)
{
	cache_put(cache, key, value, strlen(value) + 1, until_ns);
}

/* The value, or "" if there is none. */
static const char *
get(struct cache *cache, const char *key, int64_t now_ns)
{
	const char *value = cache_get(cache, key, now_ns);

	return value != NULL ? value : "";
}

static void
test_a_value_is_there_until_its_time_is_over(void **state)
{
	static struct cache cache = { .limit = 1 << 20 };
	static const struct {
		const char *key;
		int64_t now_ns;
		const char *value;
	} cases[] = {
		{ "a", 0, "one" },
		{ "a", 9, "one" },
		{ "b", 9, "two" },
		{ "c", 9, "" },
		{ "", 9, "empty" },
		{ "a", 10, "" }, /* it is gone for good */
		{ "a", 0, "" },
		{ "b", 19, "two" },
		{ "b", 20, "" },
	};

	(void)state;
	assert_string_equal(get(&cache, "a", 0), "");
	put(&cache, "a", "one", 10);
	put(&cache, "b", "two", 20);
	put(&cache, "", "empty", 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(get(&cache, cases[i].key, cases[i].now_ns), cases[i].value);
	cache_clear(&cache);
	assert_int_equal(cache.used, 0);
	assert_null(cache.oldest);
	assert_null(cache.newest);
}

static void
test_a_newer_value_takes_the_place_of_an_older_one(void **state)
{
	static struct cache cache = { .limit = 1 << 20 };
	size_t used;

	(void)state;
	put(&cache, "key", "old", 10);
	used = cache.used;
	assert_true(used >= sizeof("key") + sizeof("old"));
	put(&cache, "key", "new", 20);
	assert_int_equal(cache.used, used);
	assert_string_equal(get(&cache, "key", 15), "new");
	cache_clear(&cache);
}

static void
test_what_is_oldest_goes_where_there_is_no_room(void **state)
{
	static struct cache cache = { .limit = 8 * 1024 * sizeof(void *) }; /* some 500 entries */
	char key[20];
	unsigned there = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(key, sizeof(key), "%u", i);
		put(&cache, key, key, 10);
		assert_true(cache.used <= cache.limit);
		/* One in the middle goes by its time, or is put anew. */
		if (i % 3 == 0) {
			(void)snprintf(key, sizeof(key), "%u", i - i % 100);
			(void)get(&cache, key, i % 2 == 0 ? 20 : 0);
			put(&cache, key, key, 10);
		}
	}
	for (unsigned i = 0; i < 99000; i++) {
		(void)snprintf(key, sizeof(key), "%u", i);
		assert_string_equal(get(&cache, key, 0), "");
	}
	for (unsigned i = 99000; i < 100000; i++) {
		if (i % 100 == 0)
			continue; /* it was put anew */
		(void)snprintf(key, sizeof(key), "%u", i);
		if (*get(&cache, key, 0) != '\0') {
			assert_string_equal(get(&cache, key, 0), key);
			there++;
		} else {
			assert_int_equal(there, 0); /* the newest ones are there */
		}
	}
	assert_true(there > 300);
	cache_clear(&cache);
	assert_int_equal(cache.used, 0);
}

static void
test_what_has_no_room_at_all_is_not_kept(void **state)
{
	static struct cache cache = { .limit = 1000 };
	char large[1000];

	(void)state;
	memset(large, 'x', sizeof(large));
	put(&cache, "small", "value", 10);
	cache_put(&cache, "large", large, sizeof(large), 10);
	assert_string_equal(get(&cache, "small", 0), "value");
	assert_null(cache_get(&cache, "large", 0));
	/* An older value of the same key is not true any more. */
	cache_put(&cache, "small", large, sizeof(large), 10);
	assert_null(cache_get(&cache, "small", 0));
	cache_clear(&cache);
}

/* ---- answers ------------------------------------------------------------------------------- */

static void
assert_list(char *const *list, const char *const *expected)
{
	size_t n = 0;

	for (; expected[n] != NULL; n++)
		assert_string_equal(list[n], expected[n]);
	assert_true(n == 0 ? list == NULL : list[n] == NULL);
}

static void
test_an_answer_comes_back_from_bytes(void **state)
{
	static const struct {
		int status, errnum, family;
		const char *message, *name, *aliases[4], *addresses[4];
	} cases[] = {
		{ STATUS_OK, 0, 2, "", "a.test", { "b", "c", NULL }, { "192.0.2.1", NULL } },
		{ STATUS_OK, 0, 10, "", NULL, { NULL }, { "::1", "192.0.2.1", "::2", NULL } },
		{ STATUS_OK, 0, 2, "", "", { NULL }, { NULL } },
		{ STATUS_NOT_FOUND, 0, 0, "it has no name", NULL, { NULL }, { NULL } },
		{ STATUS_FAILED, EIO, 0, "reason", NULL, { NULL }, { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lookup_answer answer = { .status = cases[i].status,
			.errnum = cases[i].errnum,
			.family = cases[i].family,
			.seconds_ns = 7 };
		struct lookup_answer again;
		size_t len;
		char *bytes;

		(void)snprintf(answer.message, sizeof(answer.message), "%s", cases[i].message);
		answer.name = cases[i].name != NULL ? strdup(cases[i].name) : NULL;
		for (size_t n = 0; cases[i].aliases[n] != NULL; n++)
			assert_true(answer_append(&answer.aliases, cases[i].aliases[n]));
		for (size_t n = 0; cases[i].addresses[n] != NULL; n++)
			assert_true(answer_append(&answer.addresses, cases[i].addresses[n]));
		bytes = answer_pack(&answer, &len);
		assert_non_null(bytes);
		answer_clear(&answer);
		assert_int_equal(answer_unpack(&again, bytes), 0);
		memset(bytes, 'x', len);
		free(bytes);
		assert_int_equal(again.status, cases[i].status);
		assert_int_equal(again.errnum, cases[i].errnum);
		assert_int_equal(again.family, cases[i].family);
		assert_int_equal(again.seconds_ns, 0);
		assert_true(again.from_memory);
		assert_string_equal(again.message, cases[i].message);
		assert_true((again.name == NULL) == (cases[i].name == NULL));
		if (again.name != NULL)
			assert_string_equal(again.name, cases[i].name);
		assert_list(again.aliases, cases[i].aliases);
		assert_list(again.addresses, cases[i].addresses);
		answer_clear(&again);
	}
}

/* ---- networks and addresses ---------------------------------------------------------------- */

static void
test_a_network_has_these_addresses(void **state)
{
	static const struct {
		const char *query;
		uint32_t count;
		const char *first, *last;
	} cases[] = {
		{ "192.0.2.1/32", 1, "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.0/31", 2, "192.0.2.0", "192.0.2.1" },
		{ "192.0.2.128/25", 128, "192.0.2.128", "192.0.2.255" },
		{ "10.1.0.0/16", 65536, "10.1.0.0", "10.1.255.255" },
		{ "0.0.0.0/16", 65536, "0.0.0.0", "0.0.255.255" },
		{ "::ffff:192.0.2.0/127", 2, "::ffff:192.0.2.0", "::ffff:192.0.2.1" },
		{ "2001:db8::/112", 65536, "2001:db8::", "2001:db8::ffff" },
		{ "2001:db8::ff00/120", 256, "2001:db8::ff00", "2001:db8::ffff" },
		{ "::1/128", 1, "::1", "::1" },
	};
	static const char *const none[] = { "", "/", "192.0.2.0", "192.0.2.0/", "/24",
		"192.0.2.0/024", "192.0.2.0/15", "192.0.2.0/0", "192.0.2.0/33", "192.0.2.0/-1",
		"192.0.2.0/ 24", "192.0.2.0/24 ", "192.0.2.0/0x18", "192.0.2.0/4294967320",
		"192.0.2.1/24", "192.0.2/24", "::/111", "::/129", "::1/127", "fe80::%lo/120",
		"[::]/120", "localhost/32" };
	char text[SKU_ADDRESS_TEXT_MAX];
	struct network network;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(network_parse(&network, cases[i].query), 0);
		assert_int_equal(network.count, cases[i].count);
		network_address(&network, 0, text);
		assert_string_equal(text, cases[i].first);
		network_address(&network, network.count - 1, text);
		assert_string_equal(text, cases[i].last);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(network_parse(&network, none[i]), -1);
		assert_true(network.fault[0] != '\0');
	}
}

static void
test_an_address_may_stand_as_lists_have_it(void **state)
{
#define ZEROS "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	static const char *const cases[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0xc0000201", "0xc0000201" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "4.3.2.1.in-addr.arpa", "1.2.3.4" },
		{ "4.3.2.1.IN-ADDR.arpa.", "1.2.3.4" },
		{ "10.2.0.192.in-addr.arpa", "192.0.2.10" },
		{ "0.0.0.127.in-addr.arpa", "127.0.0.0" },
		{ "a." ZEROS "8.b.d.0.1.0.0.2.ip6.arpa", "2001:db8::a" },
		{ "A." ZEROS "8.B.D.0.1.0.0.2.IP6.ARPA.", "2001:db8::a" },
		{ "", NULL },
		{ "localhost", NULL },
		{ "[192.0.2.1]", NULL },
		{ "[2001:db8::1", NULL },
		{ "[2001:db8::1]:80", NULL },
		{ "192.0.2.1:80", NULL },
		{ ".in-addr.arpa", NULL },
		{ "3.2.1.in-addr.arpa", NULL },
		{ "010.2.0.192.in-addr.arpa", NULL },
		{ "00.2.0.192.in-addr.arpa", NULL },
		{ "5.4.3.2.1.in-addr.arpa", NULL },
		{ "256.3.2.1.in-addr.arpa", NULL },
		{ "99999999999.3.2.1.in-addr.arpa", NULL },
		{ "4.3.2.1.in-addr.arpa..", NULL },
		{ "4.3.2.1.in-addr.arpa.test", NULL },
		{ "4.3.2.1in-addr.arpa", NULL },
		{ "a." ZEROS "8.b.d.0.1.0.0.ip6.arpa", NULL },
		{ "a." ZEROS "8.b.d.0.1.0.0.2.2.ip6.arpa", NULL },
		{ "g." ZEROS "8.b.d.0.1.0.0.2.ip6.arpa", NULL },
		{ "aa" ZEROS "8.b.d.0.1.0.0.2.ip6.arpa", NULL },
	};
	char buf[SKU_ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *address = reverse_address(cases[i][0], buf);

		if (cases[i][1] == NULL) {
			assert_null(address);
			assert_non_null(reverse_fault(cases[i][0]));
		} else {
			assert_non_null(address);
			assert_string_equal(address, cases[i][1]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_value_is_there_until_its_time_is_over),
		cmocka_unit_test(test_a_newer_value_takes_the_place_of_an_older_one),
		cmocka_unit_test(test_what_is_oldest_goes_where_there_is_no_room),
		cmocka_unit_test(test_what_has_no_room_at_all_is_not_kept),
		cmocka_unit_test(test_an_answer_comes_back_from_bytes),
		cmocka_unit_test(test_a_network_has_these_addresses),
		cmocka_unit_test(test_an_address_may_stand_as_lists_have_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

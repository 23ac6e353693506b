/* test_tls.c - keys, and what they encrypt. */
#include "transfer/secret.h"
#include "transfer/tls.h"

#include "tls_pair.h"

static void
the_key_is_derived_as_the_page_says(void **state)
{
	static const uint8_t expected[] = { 0xc4, 0x6a, 0xb5, 0x0e, 0x8b, 0x30, 0xd2, 0xe8, 0x56,
		0x76, 0xb1, 0xd6, 0x9b, 0x27, 0x4c, 0xd8, 0x3b, 0x41, 0x77, 0xe7, 0xce, 0x42, 0x21,
		0xc2, 0xec, 0x58, 0x52, 0xdb, 0xc7, 0xac, 0x7f, 0x36 };
	static const char secret[] = "0123456789abcdef0123456789abcdef";
	uint8_t key[SECRET_KEY_BYTES];

	(void)state;
	need_openssl();
	assert_true(tls_derive_key((const uint8_t *)secret, sizeof(secret) - 1, key));
	assert_memory_equal(key, expected, sizeof(key));
}

static void
bytes_pass_and_keys_are_renewed(void **state)
{
	static const uint8_t key[32] = "0123456789abcdef0123456789abcde";
	static char out[200000], in[sizeof(out)];
	size_t sent = 0, received = 0, n;
	enum tls_result c, s;
	struct tls_pair pair;

	(void)state;
	need_openssl();
	tls_pair_open(&pair, key, key, &c, &s);
	assert_int_equal(c, TLS_DONE);
	assert_int_equal(s, TLS_DONE);
	fill(out, sizeof(out));
	tls_set_key_update(pair.client, 20000); /* instead of 64 GiB */
	while (received < sizeof(out)) {
		size_t piece = sizeof(out) - sent < 10000 ? sizeof(out) - sent : 10000;

		if (piece > 0 && tls_write(pair.client, out + sent, piece, &n) == TLS_DONE)
			sent += n;
		if (tls_read(pair.server, in + received, sizeof(in) - received, &n) == TLS_DONE)
			received += n;
	}
	assert_memory_equal(in, out, sizeof(out));
	assert_true(tls_key_updates(pair.client) >= 8);
	tls_pair_close(&pair);
}

/* New keys are due while a record could not be written yet.  The key update must neither go before
 * that record nor delay it.  And tls_read() returns at each key update, however many there are. */
static void
keys_are_renewed_over_a_full_socket(void **state)
{
	static const uint8_t key[32] = "0123456789abcdef0123456789abcde";
	static char out[3000000], in[sizeof(out)];
	size_t sent = 0, received = 0, n;
	int full = 0, turns = 0, early = 0;
	enum tls_result c, s;
	struct tls_pair pair;

	(void)state;
	need_openssl();
	tls_pair_open(&pair, key, key, &c, &s);
	fill(out, sizeof(out));
	while (received < sizeof(out)) {
		assert_true(turns++ < 10000);
		while (sent < sizeof(out) &&
		       (c = tls_write(pair.client, out + sent, sizeof(out) - sent, &n)) == TLS_DONE)
			sent += n;
		if (sent < sizeof(out)) {
			assert_int_equal(c, TLS_WANT_WRITE);
			full++;
			tls_set_key_update(pair.client, 1);
		}
		s = tls_read(pair.server, in + received, sizeof(in) - received, &n);
		assert_true(s == TLS_DONE || s == TLS_WANT_READ);
		received += n;
		early += received < sizeof(in) && bytes_waiting(pair.fds[1]) > 0;
	}
	assert_memory_equal(in, out, sizeof(out));
	assert_true(full > 0);
	assert_true(early > 0);
	assert_true(tls_key_updates(pair.client) > 1);
	/* The peer was not asked for new keys, so its next record is its first. */
	assert_int_equal(tls_write(pair.server, out, 1, &n), TLS_DONE);
	assert_int_equal(bytes_waiting(pair.fds[0]), 5 + 1 + 1 + 16);
	tls_pair_close(&pair);
}

static void
another_key_is_found_out_by_both(void **state)
{
	static const uint8_t key[32] = "0123456789abcdef0123456789abcde",
			     other[32] = "0123456789abcdef0123456789abcdX";
	enum tls_result c, s;
	struct tls_pair pair;

	(void)state;
	need_openssl();
	tls_pair_open(&pair, key, other, &c, &s);
	assert_int_equal(c, TLS_KEYS_DIFFER);
	assert_int_equal(s, TLS_KEYS_DIFFER);
	tls_pair_close(&pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_is_derived_as_the_page_says),
		cmocka_unit_test(bytes_pass_and_keys_are_renewed),
		cmocka_unit_test(keys_are_renewed_over_a_full_socket),
		cmocka_unit_test(another_key_is_found_out_by_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

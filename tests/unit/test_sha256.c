/* test_sha256.c - SHA-256, as a word and of bytes that come piece by piece. */
#include "transfer/sha256.h"

#include "tls_pair.h"

static void
sha256_is_sha256(void **state)
{
	static const char hex[] =
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	unsigned char expected[SHA256_BYTES], digest[SHA256_BYTES];
	struct sha256 *hash;

	(void)state;
	assert_true(sha256_parse(hex, expected));
	assert_false(sha256_parse("ba78", expected + 0));
	assert_false(sha256_parse("", digest));
	need_openssl();
	assert_true(sha256_parse(hex, expected));
	hash = sha256_new();
	assert_non_null(hash);
	sha256_update(hash, "ab", 2);
	assert_int_equal(sha256_so_far(hash, digest), 0);
	sha256_update(hash, "c", 1);
	assert_int_equal(sha256_so_far(hash, digest), 0);
	assert_memory_equal(digest, expected, sizeof(digest));
	sha256_free(hash);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_is_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

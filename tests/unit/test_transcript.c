/* test_transcript.c - the digest of all that was said, and that there is none without memory. */
#include "transfer/sha256.h"
#include "transfer/transcript.h"

#include "tls_pair.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void
the_transcript_covers_all_that_was_said(void **state)
{
	struct transcript transcript = { .hello = { .type = WIRE_HELLO },
		.offer = { .type = WIRE_OFFER },
		.start = { .type = WIRE_START } };
	struct digest *bytes = digest_new();
	uint8_t first[DIGEST_BYTES], second[DIGEST_BYTES];

	(void)state;
	assert_non_null(bytes);
	transcript_digest(&transcript, bytes, first);
	transcript.offer.offer.mtime_s = 1;
	transcript_digest(&transcript, bytes, second);
	assert_memory_not_equal(first, second, DIGEST_BYTES);
	transcript.offer.offer.mtime_s = 0;
	digest_update(bytes, "x", 1);
	transcript_digest(&transcript, bytes, second);
	assert_memory_not_equal(first, second, DIGEST_BYTES);
	digest_reset(bytes);
	transcript_digest(&transcript, bytes, second);
	assert_memory_equal(first, second, DIGEST_BYTES);
	digest_free(bytes);
}

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED
#endif
#endif

#ifndef IS_SANITIZED
/* There is none from here on. */
static void
use_up_memory(void)
{
	const struct rlimit none = { 0, 0 };
	void *volatile block; /* else a compiler may leave the allocations out */

	(void)setrlimit(RLIMIT_AS, &none);
	/* Each size, for the C library keeps what was freed by its size. */
	for (size_t size = (size_t)1 << 20; size > 0; size -= size > 4096 ? size / 2 : 8) {
		do
			block = malloc(size); /* the process ends soon */
		while (block != NULL);
	}
}
#endif

static void
no_memory_is_no_digest(void **state)
{
#ifdef IS_SANITIZED
	(void)state;
	(void)printf("# skip: memory is the sanitizers'\n");
	skip();
#else
	struct transcript transcript = { .hello = { .type = WIRE_HELLO },
		.offer = { .type = WIRE_OFFER },
		.start = { .type = WIRE_START } };
	struct digest *bytes = digest_new();
	uint8_t expected[DIGEST_BYTES], digest[DIGEST_BYTES], other[SHA256_BYTES];
	struct sha256 *hash;
	int status;
	pid_t child;

	(void)state;
	need_openssl();
	hash = sha256_new();
	assert_non_null(bytes);
	assert_non_null(hash);
	transcript_digest(&transcript, bytes, expected);
	assert_int_equal(sha256_so_far(hash, other), 0);
	child = fork();
	if (child == 0) {
		use_up_memory();
		transcript_digest(&transcript, bytes, digest);
		_exit((memcmp(digest, expected, sizeof(digest)) != 0) |
		      (sha256_so_far(hash, other) != -1) << 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	digest_free(bytes);
	sha256_free(hash);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_transcript_covers_all_that_was_said),
		cmocka_unit_test(no_memory_is_no_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

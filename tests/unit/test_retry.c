/* test_retry.c - which failures are tried again, how soon, and what is said at the end. */
#include "net/retry.h"

#include "unit.h"

#include <errno.h>

static void
test_which_failures_are_temporary(void **state)
{
	static const struct {
		int errnum;
		bool temporary;
	} cases[] = {
		{ ECONNREFUSED, true },
		{ ECONNRESET, true },
		{ EHOSTUNREACH, true },
		{ ENETUNREACH, true },
		{ ETIMEDOUT, true },
		{ ENOENT, true },
		{ EADDRNOTAVAIL, true },
		{ EADDRINUSE, true },
		{ EAFNOSUPPORT, true },
		{ EAGAIN, true },
		{ EACCES, false },
		{ EMFILE, false },
		{ ENOMEM, false },
		{ EINVAL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure failure = { .status = STATUS_OK };

		(void)failure_peer(&failure, cases[i].errnum, "connect");
		assert_int_equal(failure_is_temporary(&failure), cases[i].temporary);
	}
}

static void
test_the_end_of_the_time_names_the_failure_before(void **state)
{
	struct failure last = { .status = STATUS_OK }, now = { .status = STATUS_OK };
	struct retry retry;
	int64_t begin;

	(void)state;
	retry_begin(&retry, 1 * SKU_MS);
	(void)failure_peer(&now, ECONNREFUSED, "connect to somebody");
	begin = sku_now();
	retry_try(&retry);
	assert_true(retry.next_at.at_ns >= begin + 50 * SKU_MS);
	retry.until = sku_deadline_never();
	assert_true(retry_again(&retry, &last, &now));
	/* The try that the end cuts short says nothing about the peer. */
	retry.until = sku_deadline_in(0);
	failure_clear(&now);
	(void)failure_peer(&now, ETIMEDOUT, "connect to somebody");
	assert_false(retry_again(&retry, &last, &now));
	assert_int_equal(last.status, STATUS_TIMED_OUT);
	assert_string_equal(last.message, "timed out; the last failure: Connection refused");
	/* Where there is nothing else to say, it is a time-out and no more. */
	failure_clear(&last);
	assert_false(retry_again(&retry, &last, &now));
	assert_string_equal(last.message, "timed out");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_failures_are_temporary),
		cmocka_unit_test(test_the_end_of_the_time_names_the_failure_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

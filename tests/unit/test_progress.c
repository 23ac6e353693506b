/* test_progress.c - rates that are kept, and amounts that are told. */
#include "run/progress.h"
#include "run/rate.h"

#include "unit.h"

static void
a_pace_is_never_above_its_rate(void **state)
{
	struct rate rate = { .bytes_per_second = 1000 };
	int64_t now = 5 * SKU_SECOND, begin = now, sent = 0;

	(void)state;
	while (now < begin + 2 * SKU_SECOND) {
		size_t n = rate_allowance(&rate, 1 << 20, now);

		assert_true(n <= 1000);
		if (n > 0) {
			rate_account(&rate, n, now);
			sent += (int64_t)n;
		}
		now += 7 * SKU_MS;
	}
	assert_in_range(sent, 1900, 2030);
	rate.bytes_per_second = UNLIMITED;
	assert_int_equal(rate_allowance(&rate, 77, 0), 77);
}

static void
amounts_are_short(void **state)
{
	char buf[FORMAT_BYTES_MAX];

	(void)state;
	assert_string_equal(format_bytes(0, buf), "0 B");
	assert_string_equal(format_bytes(999, buf), "999 B");
	assert_string_equal(format_bytes(1536, buf), "1.5 KiB");
	assert_string_equal(format_bytes(INT64_C(5) << 30, buf), "5.0 GiB");
	assert_string_equal(format_rate(1 << 20, SKU_SECOND / 2, buf), "2.0 MiB/s");
	assert_string_equal(format_rate(5, 0, buf), "4.7 GiB/s");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pace_is_never_above_its_rate),
		cmocka_unit_test(amounts_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_faults.c - the lines of --faults FILE, and which connection each is for. */
#include "libsockutil/sockutil.h"
#include "net/fault_plan.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define NO UNLIMITED

static void
lines_say_what_the_options_say(void **state)
{
	static const struct {
		const char *text;
		struct fault_line line;
	} cases[] = {
		{ "ok", { { 0, NO, NO, NO }, false, 1 } },
		{ " \t ok \r", { { 0, NO, NO, NO }, false, 1 } },
		{ "delay=0.2", { { 200 * SKU_MS, NO, NO, NO }, false, 1 } },
		{ "delay=0", { { 0, NO, NO, NO }, false, 1 } },
		{ "limit-rate=1K", { { 0, 1024, NO, NO }, false, 1 } },
		{ "limit-rate=1024T", { { 0, INT64_C(1) << 50, NO, NO }, false, 1 } },
		{ "close-after=0", { { 0, NO, 0, NO }, false, 1 } },
		{ "reset-after=1KiB", { { 0, NO, NO, 1024 }, false, 1 } },
		{ "reset-after=1K delay=0.2", { { 200 * SKU_MS, NO, NO, 1024 }, false, 1 } },
		{ "delay=5ms\tlimit-rate=2  close-after=3",
		    { { 5 * SKU_MS, 2, 3, NO }, false, 1 } },
		{ "reset-first=3", { { 0, NO, NO, NO }, true, 3 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fault_line *right = &cases[i].line;
		char why[FAULT_WHY_MAX] = "";
		struct fault_line line;

		if (!fault_line_parse(&line, cases[i].text, true, why))
			fail_msg("%s: %s", cases[i].text, why);
		assert_int_equal(line.faults.delay_ns, right->faults.delay_ns);
		assert_int_equal(line.faults.limit_rate, right->faults.limit_rate);
		assert_int_equal(line.faults.close_after, right->faults.close_after);
		assert_int_equal(line.faults.reset_after, right->faults.reset_after);
		assert_int_equal(line.is_reset, right->is_reset);
		assert_int_equal(line.connections, right->connections);
	}
}

static void
what_a_line_may_not_say_is_named(void **state)
{
	static const struct {
		bool can_reset;
		const char *text, *why;
	} cases[] = {
		{ true, "frob=1",
		    "'frob=1' is none of ok, delay, limit-rate, close-after, reset-after, "
		    "reset-first" },
		{ true, "dela=1",
		    "'dela=1' is none of ok, delay, limit-rate, close-after, reset-after, "
		    "reset-first" },
		{ true, "ok delay=1 # slow",
		    "'#' is none of ok, delay, limit-rate, close-after, reset-after, "
		    "reset-first" },
		{ true, "delay",
		    "'delay' is without its value: it takes SECONDS (2, 0.25, "
		    "500ms, 1m, 1h; 100 years at most)" },
		{ true, "delay=none",
		    "'delay=none': delay takes SECONDS (2, 0.25, 500ms, 1m, "
		    "1h; 100 years at most)" },
		{ true, "limit-rate=0",
		    "'limit-rate=0': limit-rate takes a SIZE of 1 to 1024T "
		    "(bytes, or with K, M, G, T)" },
		{ true, "limit-rate=1025T",
		    "'limit-rate=1025T': limit-rate takes a SIZE of 1 to "
		    "1024T (bytes, or with K, M, G, T)" },
		{ true, "close-after=1KB",
		    "'close-after=1KB': close-after takes a SIZE (bytes, "
		    "or with K, M, G, T)" },
		{ true, "reset-after=",
		    "'reset-after=': reset-after takes a SIZE (bytes, or "
		    "with K, M, G, T)" },
		{ true, "reset-first=0",
		    "'reset-first=0': reset-first takes N, a whole number of at least 1" },
		{ true, "reset-first= 1",
		    "'reset-first=': reset-first takes N, a whole number of at least 1" },
		{ true, "reset-first=9223372036854775808",
		    "'reset-first=9223372036854775808': reset-first takes N, a whole number of at "
		    "least 1, and this is too large" },
		{ true, "close-after=9223372036854775808",
		    "'close-after=9223372036854775808': close-after takes a SIZE (bytes, or with "
		    "K, M, G, T), and this is too large" },
		{ true, "reset-after=8388608T",
		    "'reset-after=8388608T': reset-after takes a SIZE (bytes, or with K, M, G, T), "
		    "and this is too large" },
		{ true, "reset-after=down:1K",
		    "'reset-after=down:1K': what comes goes back, which is one direction: leave "
		    "up: and down: out" },
		{ true, "delay=up:1",
		    "'delay=up:1': what comes goes back, which is one "
		    "direction: leave up: and down: out" },
		{ true, "delay=1 delay=1", "'delay' stands there twice" },
		{ true, "ok ok", "'ok' stands there twice" },
		{ true, "delay=1 ok", "'ok' is a line without faults: it stands alone" },
		{ true, "reset-first=1 delay=1",
		    "'reset-first' resets before a byte: it stands alone" },
		{ true, "close-after=1 reset-after=1",
		    "close-after and reset-after exclude each other" },
		{ false, "reset-after=1", "reset-after and reset-first are about TCP alone" },
		{ false, "reset-first=1", "reset-after and reset-first are about TCP alone" },
		{ true, " ", "it is without a word: 'ok' is a line without faults" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[FAULT_WHY_MAX] = "";
		struct fault_line line;

		if (fault_line_parse(&line, cases[i].text, cases[i].can_reset, why))
			fail_msg("accepted: %s", cases[i].text);
		assert_string_equal(why, cases[i].why);
	}
}

static void
each_connection_has_its_line(void **state)
{
	static const struct fault_line lines[] = {
		{ { 1, NO, NO, NO }, false, 1 },
		{ { 2, NO, NO, NO }, true, 3 },
		{ { 3, NO, NO, NO }, false, 1 },
		{ { 4, NO, NO, NO }, true, 2 },
	};
	static const int64_t order[] = { 1, 2, 2, 2, 3, 4, 4, 4, 4, 4, 4 };
	struct fault_plan plan = { .lines = NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(fault_plan_add(&plan, &lines[i]), 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		assert_int_equal(fault_plan_next(&plan)->faults.delay_ns, order[i]);
	fault_plan_free(&plan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_say_what_the_options_say),
		cmocka_unit_test(what_a_line_may_not_say_is_named),
		cmocka_unit_test(each_connection_has_its_line),
	};

	return cmocka_run_group_tests_name("faults as lines", tests, NULL, NULL);
}

/* test_progress.c - rates that are kept, amounts that are told, and the progress bar. */
#include "run/progress.h"
#include "run/rate.h"
#include "run/run.h"

#include "unit.h"
#include <string.h>

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

/* The line that is drawn once so much is done, a second after the last one. */
static const char *
line_drawn(struct progress *progress, int pipe_end, state_counter *done, uint64_t value)
{
	static char line[200];
	ssize_t n;

	counter_set(done, value);
	progress->loop->now += SKU_SECOND;
	progress->timer.due(progress->loop, &progress->timer);
	n = read(pipe_end, line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = '\0';
	return line;
}

/* Progress of 400 bytes whose lines come out of a pipe: progress_pipe[0]. */
static int progress_pipe[2], standard_error;

static void
begin_lines(struct progress *progress, struct loop *loop, const state_counter *done)
{
	run.program = "test_progress";
	standard_error = dup(STDERR_FILENO);
	assert_int_equal(loop_open(loop), 0);
	assert_int_equal(pipe(progress_pipe), 0);
	assert_int_equal(fcntl(progress_pipe[0], F_SETFL, O_NONBLOCK), 0);
	assert_true(dup2(progress_pipe[1], STDERR_FILENO) != -1);
	progress_begin(progress, PROGRESS_ON, 400);
	loop->now = progress->started_ns;
	progress_draw_in(progress, loop, done);
}

static void
end_lines(struct progress *progress, struct loop *loop)
{
	assert_int_equal(dup2(standard_error, STDERR_FILENO), STDERR_FILENO);
	loop_clear_timer(loop, &progress->timer);
	loop_close(loop);
	assert_int_equal(
	    close(progress_pipe[0]) | close(progress_pipe[1]) | close(standard_error), 0);
}

static void
a_pause_is_neither_in_the_rate_nor_in_the_time(void **state)
{
	static state_counter done;
	struct progress progress;
	struct loop loop = { 0 };

	(void)state;
	begin_lines(&progress, &loop, &done);
	for (uint64_t i = 1; i <= 3; i++) {
		char expected[80];

		progress_set_paused(&progress, true);
		progress_set_paused(&progress, true);
		loop.now += 60 * SKU_SECOND;
		progress_set_paused(&progress, false);
		progress_set_paused(&progress, false);
		(void)snprintf(expected, sizeof(expected),
		    "%3d%% %d B of 400 B 100 B/s 0:%02d left\n", (int)i * 25, (int)i * 100,
		    4 - (int)i);
		assert_non_null(
		    strstr(line_drawn(&progress, progress_pipe[0], &done, i * 100), expected));
	}
	end_lines(&progress, &loop);
}

static void
a_pause_at_the_end_is_not_in_the_last_rate(void **state)
{
	static state_counter done;
	struct progress progress;
	struct loop loop = { 0 };
	char line[120] = "";

	(void)state;
	begin_lines(&progress, &loop, &done);
	loop.now -= 60 * SKU_SECOND;
	progress.started_ns = progress.drawn_ns = loop.now;
	loop.now += 2 * SKU_SECOND;
	progress_set_paused(&progress, true);
	progress_end(&progress, 200);
	assert_true(read(progress_pipe[0], line, sizeof(line) - 1) > 0);
	assert_non_null(strstr(line, " 50% 200 B of 400 B 100 B/s 0:02 left\n"));
	end_lines(&progress, &loop);
}

static void
a_first_look_after_a_moment_does_not_spoil_the_rate(void **state)
{
	static state_counter done;
	struct progress progress;
	struct loop loop = { 0 };

	(void)state;
	begin_lines(&progress, &loop, &done);
	progress.next_ns = loop.now; /* as on a terminal */
	loop.now += SKU_MS - SKU_SECOND;
	(void)line_drawn(&progress, progress_pipe[0], &done, 10);
	assert_non_null(strstr(
	    line_drawn(&progress, progress_pipe[0], &done, 100), " 25% 100 B of 400 B 99 B/s"));
	end_lines(&progress, &loop);
}

static void
nothing_is_drawn_between_two_connections(void **state)
{
	static state_counter done;
	struct progress progress;
	struct loop loop = { 0 };
	int *ends = progress_pipe;

	(void)state;
	begin_lines(&progress, &loop, &done);
	assert_non_null(strstr(line_drawn(&progress, ends[0], &done, 0), "  0% 0 B of 400 B"));
	assert_non_null(strstr(line_drawn(&progress, ends[0], &done, 100), " 25% 100 B of 400 B"));
	assert_string_equal(line_drawn(&progress, ends[0], &done, 0), "");
	assert_string_equal(line_drawn(&progress, ends[0], &done, 0), "");
	assert_non_null(strstr(line_drawn(&progress, ends[0], &done, 200), " 50% 200 B of 400 B"));
	end_lines(&progress, &loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pace_is_never_above_its_rate),
		cmocka_unit_test(amounts_are_short),
		cmocka_unit_test(a_pause_is_neither_in_the_rate_nor_in_the_time),
		cmocka_unit_test(a_pause_at_the_end_is_not_in_the_last_rate),
		cmocka_unit_test(a_first_look_after_a_moment_does_not_spoil_the_rate),
		cmocka_unit_test(nothing_is_drawn_between_two_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

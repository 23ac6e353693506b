/* test_output.c - standard output and standard error: what waits, how long, and what never does. */
#include "run/output.h"
#include "run/run.h"
#include "run/wait.h"

#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Poll says that a pipe with one free page has room, and a blocking write of two would wait. */
static void
try_to_write_two_pages(void)
{
	struct failure failure = { .status = STATUS_OK };
	static char pages[64 * 1024];
	int err = pipe_at(STDERR_FILENO), room = fcntl(err, F_GETPIPE_SZ);

	run_begin("test");
	while (room > 4096)
		room -= (int)write(STDERR_FILENO, pages, 4096);
	if (!run_is_ready(STDERR_FILENO, POLLOUT))
		_exit(90);
	if (output_try(STDERR_FILENO, pages, 8192))
		_exit(91);
	if (read(err, pages, 4096) != 4096)
		_exit(92);
	/* The same with a description of our own. */
	if (run_catch_signals(RUN_WITHOUT_THREAD, &failure) == -1 ||
	    output_try(STDERR_FILENO, pages, 8192))
		_exit(93);
	_exit(read(err, pages, 4096) == 4096 && output_try(STDERR_FILENO, "x", 1) ? 0 : 94);
}

static void
test_what_is_tried_to_write_never_waits(void **state)
{
	(void)state;
	assert_exits(try_to_write_two_pages, 0);
}

static void
let_the_first_pipe_go(void)
{
	char bytes[8];
	int first = pipe_at(STDERR_FILENO), second;

	run_begin("test");
	output_open_all();
	second = pipe_at(STDERR_FILENO);
	output_open_all();
	if (read(first, bytes, sizeof(bytes)) != 0)
		_exit(90);
	output_error_text("a", 1);
	_exit(
	    output_try(STDERR_FILENO, "b", 1) && read(second, bytes, sizeof(bytes)) == 2 ? 0 : 91);
}

static void
test_output_that_becomes_another_is_let_go(void **state)
{
	(void)state;
	assert_exits(let_the_first_pipe_go, 0);
}

static void
print_into_a_full_pipe(void)
{
	struct failure failure = { .status = STATUS_OK };
	int fds[2];
	char text[1000];

	(void)memset(text, 'x', sizeof(text));
	if (pipe(fds) == -1 || dup2(fds[1], STDOUT_FILENO) == -1)
		_exit(90);
	run_begin("test");
	run.timeouts.run = sku_deadline_in(50 * SKU_MS);
	for (int i = 0; i < 1000; i++)
		output_add(text, sizeof(text));
	if (output_flush(&failure) != -1 || failure.status != STATUS_TIMED_OUT)
		_exit(91);
	_exit(run_finish(0));
}

static void
test_a_full_standard_output_ends_with_max_time(void **state)
{
	(void)state;
	assert_exits(print_into_a_full_pipe, STATUS_TIMED_OUT);
}

static void
write_to_a_file(void)
{
	struct failure failure = { .status = STATUS_OK };
	char name[] = "test_output.XXXXXX";
	int fd = mkstemp(name), threads = count_threads();

	if (fd == -1 || unlink(name) == -1 || dup2(fd, STDERR_FILENO) == -1)
		_exit(90);
	run_begin("test");
	if (run_catch_signals(RUN_WITHOUT_THREAD, &failure) == -1 || count_threads() != threads)
		_exit(91);
	output_error_text("x\n", 2);
	_exit(count_threads() == threads + 1 ? 0 : 92);
}

static void
test_who_writes_to_a_file_has_the_thread_of_the_signals(void **state)
{
	(void)state;
	assert_exits(write_to_a_file, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_tried_to_write_never_waits),
		cmocka_unit_test(test_output_that_becomes_another_is_let_go),
		cmocka_unit_test(test_a_full_standard_output_ends_with_max_time),
		cmocka_unit_test(test_who_writes_to_a_file_has_the_thread_of_the_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

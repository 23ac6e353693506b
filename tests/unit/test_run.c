/* test_run.c - the run of a program: signals, limits, what is removed at its end. */
#include "run/loop.h"
#include "run/output.h"
#include "run/run.h"
#include "run/wait.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void
wait_for_a_signal(void)
{
	struct failure failure = { .status = STATUS_OK };
	struct pollfd none;

	run_begin("test");
	if (run_catch_signals(0, &failure) == -1)
		_exit(90);
	(void)kill(getpid(), SIGTERM);
	if (run_wait(&none, 0, sku_deadline_in(20 * SKU_SECOND)) != -1 || errno != ECANCELED)
		_exit(91);
	if (run_signals() != 1 || run_check() != -1)
		_exit(92);
	_exit(run_finish(93));
}

static void
test_a_signal_ends_a_wait_and_then_the_program(void **state)
{
	(void)state;
	assert_dies(wait_for_a_signal, SIGTERM);
}

/* With both, whoever reads the signals. */
static const unsigned with_and_without[] = { 0, RUN_WITHOUT_THREAD };
static unsigned flags;

static void
die_of_one_signal_that_is_not_ignored(void)
{
	struct failure failure = { .status = STATUS_OK };

	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGRTMIN, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	run_begin("test");
	if (run_catch_signals(flags, &failure) == -1)
		_exit(90);
	(void)kill(getpid(), SIGHUP);
	(void)kill(getpid(), SIGRTMIN);
	(void)kill(getpid(), SIGTERM);
	if (run_wait(NULL, 0, sku_deadline_in(20 * SKU_SECOND)) != -1 || errno != ECANCELED)
		_exit(91);
	if (run_signals() != 1)
		_exit(92);
	_exit(run_finish(93));
}

static void
test_a_signal_that_is_ignored_stays_so_but_for_sigterm(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		flags = with_and_without[i];
		assert_dies(die_of_one_signal_that_is_not_ignored, SIGTERM);
	}
}

static unsigned times_canceled;

static void
note_cancel(struct loop *loop)
{
	times_canceled++;
	if (run_signals() == 2)
		loop_stop(loop, 0);
	else
		(void)kill(getpid(), SIGINT);
}

static void
loop_until_the_second_signal(void)
{
	struct failure failure = { .status = STATUS_OK };
	struct loop loop = { .canceled = note_cancel };

	run_begin("test");
	if (run_catch_signals(flags | RUN_ENDS_BY_SIGNAL, &failure) == -1 || loop_open(&loop) == -1)
		_exit(90);
	(void)kill(getpid(), SIGTERM);
	(void)loop_run(&loop);
	_exit(times_canceled == 2 ? run_finish(7) : 91);
}

static void
test_a_loop_is_told_of_each_signal_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		flags = with_and_without[i];
		assert_exits(loop_until_the_second_signal, 7); /* not by force */
	}
}

/* The first signal is seen between two pieces of work, and then one of them hangs. */
static void
hang_after_the_first_signal(void)
{
	struct failure failure = { .status = STATUS_OK };
	char byte;
	int never[2], threads = count_threads();

	run_begin("test");
	if (pipe(never) == -1 || run_catch_signals(RUN_WITHOUT_THREAD, &failure) == -1 ||
	    count_threads() != threads)
		_exit(90);
	(void)kill(getpid(), SIGINT);
	if (run_check() != -1 || errno != ECANCELED || count_threads() != threads + 1)
		_exit(91);
	(void)kill(getpid(), SIGTERM);
	(void)!read(never[0], &byte, 1);
	_exit(92);
}

static void
test_the_first_signal_starts_the_thread_that_ends_what_hangs(void **state)
{
	(void)state;
	assert_dies(hang_after_the_first_signal, SIGINT);
}

static void
see_a_signal_without_threads(void)
{
	const struct rlimit none = { 0, 0 };
	struct failure failure = { .status = STATUS_OK };

	run_begin("test");
	if ((geteuid() == 0 && setuid(65534) == -1) || /* for root there is no limit */
	    run_catch_signals(RUN_WITHOUT_THREAD, &failure) == -1 ||
	    setrlimit(RLIMIT_NPROC, &none) == -1)
		_exit(90);
	(void)kill(getpid(), SIGINT);
	(void)run_check();
	_exit(91);
}

static void
test_where_no_thread_can_be_started_the_first_signal_ends_it(void **state)
{
	(void)state;
	assert_dies(see_a_signal_without_threads, SIGINT);
}

static int removed[2];

static int
tell_removal(void *arg)
{
	(void)!write(removed[1], arg, 1);
	return 0;
}

static int
fail_to_remove(void *arg)
{
	(void)arg;
	return EROFS;
}

static void
hang_through_two_signals(void)
{
	struct failure failure = { .status = STATUS_OK };
	char byte;
	int never[2];

	if (pipe(never) == -1 || run_catch_signals(0, &failure) == -1)
		_exit(91);
	(void)kill(getpid(), SIGINT);
	(void)kill(getpid(), SIGTERM);
	(void)!read(never[0], &byte, 1);
	_exit(92);
}

static void
begin_with_a_remover_that_fails(void)
{
	run_begin("test");
	run.verbose = 1;
	run_at_end(fail_to_remove, NULL, "a thing");
}

static void
end_with_a_remover_that_fails(void)
{
	char line[80] = "";
	int err = pipe_at(STDERR_FILENO);

	begin_with_a_remover_that_fails();
	(void)run_finish(0);
	_exit(read(err, line, sizeof(line)) > 0 &&
		      strcmp(line, "test: remove a thing: Read-only file system\n") == 0 ?
		  0 :
		  91);
}

static void
be_forced_to_end_with_a_remover_that_fails(void)
{
	if (dup2(removed[1], STDERR_FILENO) == -1)
		_exit(90);
	begin_with_a_remover_that_fails();
	hang_through_two_signals();
}

static void
test_a_failure_to_remove_is_told_but_not_by_force(void **state)
{
	char byte;

	(void)state;
	assert_exits(end_with_a_remover_that_fails, 0);
	assert_int_equal(pipe2(removed, O_NONBLOCK), 0);
	assert_dies(be_forced_to_end_with_a_remover_that_fails, SIGINT);
	assert_int_equal(read(removed[0], &byte, 1), -1); /* there would be a lock */
	(void)close(removed[0]);
	(void)close(removed[1]);
}

static void
remove_too_much(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	for (int i = 0; i < RUN_REMOVERS; i++)
		run_at_end(fail_to_remove, NULL, "a thing");
	(void)!write(removed[1], "8", 1);
	run_at_end(fail_to_remove, NULL, "a thing too many");
}

static void
test_one_remover_too_many_is_not_overlooked(void **state)
{
	char byte = 0;

	(void)state;
	assert_int_equal(pipe2(removed, O_NONBLOCK), 0);
	assert_dies(remove_too_much, SIGABRT);
	assert_int_equal(read(removed[0], &byte, 1), 1);
	(void)close(removed[0]);
	(void)close(removed[1]);
}

static void
hang_until_the_second_signal(void)
{
	run_begin("test");
	run_at_end(tell_removal, (void *)(uintptr_t) "r", "a thing");
	hang_through_two_signals();
}

static void
test_the_second_signal_ends_a_program_that_hangs(void **state)
{
	char byte = 0;

	(void)state;
	assert_int_equal(pipe2(removed, O_NONBLOCK), 0);
	assert_dies(hang_until_the_second_signal, SIGINT);
	assert_int_equal(read(removed[0], &byte, 1), 1);
	assert_int_equal(byte, 'r');
	assert_int_equal(read(removed[0], &byte, 1), -1); /* removed once, not twice */
	(void)close(removed[0]);
	(void)close(removed[1]);
}

static void
wait_for_max_time(void)
{
	struct failure failure = { .status = STATUS_OK };

	run_begin("test");
	run.timeouts.run = sku_deadline_in(20 * SKU_MS);
	if (run_catch_signals(0, &failure) == -1)
		_exit(90);
	if (run_wait(NULL, 0, sku_deadline_never()) != -1 || errno != ETIMEDOUT)
		_exit(91);
	(void)run_wait_failed(&failure, errno, LIMIT_OTHER, "wait");
	if (strcmp(failure.message, "timed out (--max-time)") != 0)
		_exit(92);
	_exit(run_finish((int)failure.status));
}

static void
test_max_time_ends_a_wait(void **state)
{
	(void)state;
	assert_exits(wait_for_max_time, STATUS_TIMED_OUT);
}

/* What was said on descriptors 1, 2 and LOG_FD. */
#define LOG_FD 9
static int told[3];
static bool has_log;

/* The limit passed 5 s ago, and main hangs. */
static void
be_forced_to_end_by_the_limit(void)
{
	static const int fds[] = { STDOUT_FILENO, STDERR_FILENO, LOG_FD };
	char byte;
	int never[2];

	for (size_t i = 0; i < 3; i++) {
		if (dup2(told[i], fds[i]) == -1)
			_exit(90);
	}
	run_begin("test");
	if (has_log)
		output_log_to(LOG_FD);
	run.timeouts.run.at_ns = sku_now() - 5 * SKU_SECOND;
	if (pipe(never) == -1)
		_exit(91);
	run_keep_limit();
	(void)!read(never[0], &byte, 1);
	_exit(92);
}

static void
assert_told_by_force(const char *output, const char *error, const char *log)
{
	const char *const expected[] = { output, error, log };
	int pipes[3][2];

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		told[i] = pipes[i][1];
	}
	assert_exits(be_forced_to_end_by_the_limit, STATUS_TIMED_OUT);
	for (size_t i = 0; i < 3; i++) {
		char text[400];
		ssize_t n;

		(void)close(pipes[i][1]);
		n = read(pipes[i][0], text, sizeof(text) - 1);
		(void)close(pipes[i][0]);
		text[n > 0 ? n : 0] = '\0';
		assert_string_equal(text, expected[i]);
	}
}

#define HANGS_FOR(option) "test: wait for a system call: timed out (" option ")\n"
#define HANGS_RECORD                                                                               \
	"{\"program\":\"test\",\"error\":{\"code\":\"timed_out\","                                 \
	"\"message\":\"timed out (--max-time)\",\"errno\":110,"                                    \
	"\"during\":\"wait for a system call\"}}\n"

static void
test_max_time_is_told_by_force(void **state)
{
	(void)state;
	assert_told_by_force("", HANGS_FOR("--max-time"), "");
	run.timeouts.run_by_timeout = true;
	assert_told_by_force("", HANGS_FOR("--timeout"), "");
	run.timeouts.run_by_timeout = false;
	has_log = true;
	assert_told_by_force("", "", HANGS_FOR("--max-time"));
	run.json = true;
	assert_told_by_force(HANGS_RECORD, "", HANGS_FOR("--max-time"));
	has_log = false;
	run.quiet = 2;
	assert_told_by_force(HANGS_RECORD, "", "");
	run.stdout_is_data = true;
	assert_told_by_force("", HANGS_RECORD, "");
	run.json = run.stdout_is_data = false;
	assert_told_by_force("", HANGS_FOR("--max-time"), "");
	run.quiet = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_signal_ends_a_wait_and_then_the_program),
		cmocka_unit_test(test_a_signal_that_is_ignored_stays_so_but_for_sigterm),
		cmocka_unit_test(test_a_loop_is_told_of_each_signal_once),
		cmocka_unit_test(test_the_first_signal_starts_the_thread_that_ends_what_hangs),
		cmocka_unit_test(test_where_no_thread_can_be_started_the_first_signal_ends_it),
		cmocka_unit_test(test_the_second_signal_ends_a_program_that_hangs),
		cmocka_unit_test(test_a_failure_to_remove_is_told_but_not_by_force),
		cmocka_unit_test(test_one_remover_too_many_is_not_overlooked),
		cmocka_unit_test(test_max_time_ends_a_wait),
		cmocka_unit_test(test_max_time_is_told_by_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

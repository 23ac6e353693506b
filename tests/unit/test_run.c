/* test_run.c - the run of a program: signals, limits, what is removed at its end. */
#include "run/loop.h"
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
	int status = in_a_child(wait_for_a_signal);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

/* With both, whoever reads the signals. */
static const unsigned with_and_without[] = { 0, RUN_WITHOUT_THREAD };
static unsigned flags;

static void
die_of_one_signal_that_is_not_ignored(void)
{
	struct failure failure = { .status = STATUS_OK };

	run_begin("test");
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGRTMIN, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
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
		int status;

		flags = with_and_without[i];
		status = in_a_child(die_of_one_signal_that_is_not_ignored);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGTERM);
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
		int status;

		flags = with_and_without[i];
		status = in_a_child(loop_until_the_second_signal);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 7); /* not by force */
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
	int status = in_a_child(hang_after_the_first_signal);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
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
	int status = in_a_child(see_a_signal_without_threads);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
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
	struct failure failure = { .status = STATUS_OK };
	char byte;
	int never[2];

	if (dup2(removed[1], STDERR_FILENO) == -1)
		_exit(90);
	begin_with_a_remover_that_fails();
	if (pipe(never) == -1 || run_catch_signals(0, &failure) == -1)
		_exit(91);
	(void)kill(getpid(), SIGINT);
	(void)kill(getpid(), SIGTERM);
	(void)!read(never[0], &byte, 1);
	_exit(92);
}

static void
test_a_failure_to_remove_is_told_but_not_by_force(void **state)
{
	char byte;
	int status;

	(void)state;
	assert_int_equal(in_a_child(end_with_a_remover_that_fails), 0);
	assert_int_equal(pipe2(removed, O_NONBLOCK), 0);
	status = in_a_child(be_forced_to_end_with_a_remover_that_fails);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
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
	int status;

	(void)state;
	assert_int_equal(pipe2(removed, O_NONBLOCK), 0);
	status = in_a_child(remove_too_much);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_int_equal(read(removed[0], &byte, 1), 1);
	(void)close(removed[0]);
	(void)close(removed[1]);
}

static void
hang_until_the_second_signal(void)
{
	struct failure failure = { .status = STATUS_OK };
	char byte;
	int never[2];

	run_begin("test");
	run_at_end(tell_removal, (void *)(uintptr_t) "r", "a thing");
	if (pipe(never) == -1 || run_catch_signals(0, &failure) == -1)
		_exit(90);
	(void)kill(getpid(), SIGINT);
	(void)kill(getpid(), SIGTERM);
	(void)!read(never[0], &byte, 1);
	_exit(91);
}

static void
test_the_second_signal_ends_a_program_that_hangs(void **state)
{
	int status;
	char byte = 0;

	(void)state;
	assert_int_equal(pipe2(removed, O_NONBLOCK), 0);
	status = in_a_child(hang_until_the_second_signal);
	assert_true(WIFSIGNALED(status));
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
	int status = in_a_child(wait_for_max_time);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), STATUS_TIMED_OUT);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

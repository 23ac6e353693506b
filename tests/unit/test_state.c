/* test_state.c - what a program says at SIGUSR1. */
#include "run/run.h"
#include "run/state.h"
#include "run/wait.h"

#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static state_counter one_counter;
static const struct state_row counter_rows[] = { { "n", &one_counter }, { NULL, NULL } };

static void
say_the_state_and_go_on(void)
{
	struct failure failure = { .status = STATUS_OK };
	char line[80] = "";
	int err = pipe_at(STDERR_FILENO), threads = count_threads();

	run_begin("test");
	(void)kill(getpid(), SIGUSR1); /* too soon */
	state_on_sigusr1("state", counter_rows);
	if (run_catch_signals(RUN_WITHOUT_THREAD, &failure) == -1)
		_exit(90);
	(void)kill(getpid(), SIGUSR1);
	if (run_wait(NULL, 0, sku_deadline_in(10 * SKU_MS)) != -1 || errno != ETIMEDOUT)
		_exit(91);
	if (read(err, line, sizeof(line)) <= 0 || strcmp(line, "state: n=0\n") != 0)
		_exit(92);
	_exit(count_threads() == threads ? run_finish(0) : 93);
}

static void
test_without_the_thread_sigusr1_says_the_state(void **state)
{
	(void)state;
	assert_exits(say_the_state_and_go_on, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_the_thread_sigusr1_says_the_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

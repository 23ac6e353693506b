/* test_pool.c - threads that work for a loop. */
#include "run/handover.h"
#include "run/pool.h"
#include "run/run.h"
#include "run/wait.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STACK ((size_t)256 * 1024)
#define WORKERS 40

struct task {
	struct loop_worker worker;
	int hold[2]; /* task_work() waits for a byte on it; -1: no wait */
	_Atomic bool begun;
	_Atomic int worked;
	int done;
	_Atomic int discarded;
};

static struct pool *pool;
static int tasks_done;

static void
task_work(struct loop_worker *worker)
{
	struct task *t = LOOP_OWNER(worker, struct task, worker);
	char byte;

	t->begun = true;
	if (t->hold[0] != -1)
		(void)!read(t->hold[0], &byte, 1);
	t->worked++;
}

static void
task_done(struct loop *loop, struct loop_worker *worker)
{
	LOOP_OWNER(worker, struct task, worker)->done++;
	if (++tasks_done == WORKERS)
		loop_stop(loop, 3);
}

static void
task_discard(struct loop_worker *worker)
{
	LOOP_OWNER(worker, struct task, worker)->discarded++;
}

static struct task
new_task(bool held)
{
	struct task t = {
		.worker = { .work = task_work, .done = task_done, .discard = task_discard },
		.hold = { -1, -1 }
	};

	if (held)
		assert_int_equal(pipe2(t.hold, O_CLOEXEC), 0);
	return t;
}

static void
test_each_worker_is_done_once(void **state)
{
	struct loop *loop = *state;
	struct task tasks[WORKERS];

	tasks_done = 0;
	pool = pool_new(loop, 3, STACK);
	assert_non_null(pool);
	for (int i = 0; i < WORKERS; i++) {
		tasks[i] = new_task(false);
		assert_int_equal(pool_submit(pool, &tasks[i].worker), 0);
	}
	assert_int_equal(loop_run(loop), 3);
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(tasks[i].worked, 1);
		assert_int_equal(tasks[i].done, 1);
		assert_int_equal(tasks[i].discarded, 0);
	}
	pool_free(pool);
}

static void
submit_and_see_it_begin(struct task *task)
{
	assert_int_equal(pool_submit(pool, &task->worker), 0);
	while (!task->begun)
		(void)usleep(1000);
}

static void
test_an_abandoned_worker_is_discarded_and_its_place_is_taken(void **state)
{
	struct loop *loop = *state;
	struct task stuck = new_task(true), waiting = new_task(false), next = new_task(false);

	tasks_done = WORKERS - 1;
	pool = pool_new(loop, 1, STACK);
	assert_non_null(pool);
	submit_and_see_it_begin(&stuck);
	assert_int_equal(pool_submit(pool, &waiting.worker), 0);
	assert_int_equal(pool_submit(pool, &next.worker), 0);
	pool_abandon(pool, &waiting.worker); /* before a thread runs it */
	assert_int_equal(waiting.discarded, 1);
	pool_abandon(pool, &stuck.worker);
	assert_int_equal(loop_run(loop), 3);
	assert_int_equal(next.done, 1);
	assert_int_equal(stuck.discarded, 0);
	assert_int_equal(write(stuck.hold[1], "x", 1), 1);
	while (stuck.discarded == 0)
		(void)usleep(1000);
	assert_int_equal(stuck.done, 0);
	pool_free(pool);
	(void)close(stuck.hold[0]);
	(void)close(stuck.hold[1]);
}

static void
test_beyond_the_limit_of_abandoned_workers_the_next_waits(void **state)
{
	struct loop *loop = *state;
	struct task stuck = new_task(true), next = new_task(false);
	int threads;

	tasks_done = WORKERS - 1;
	pool = pool_new(loop, 1, STACK);
	assert_non_null(pool);
	pool_limit_abandoned(pool, 1);
	submit_and_see_it_begin(&stuck);
	pool_abandon(pool, &stuck.worker);
	threads = count_threads();
	assert_int_equal(pool_submit(pool, &next.worker), 0);
	assert_true(count_threads() <= threads);
	assert_int_equal(next.worked, 0);
	assert_int_equal(write(stuck.hold[1], "x", 1), 1);
	/* The thread that was lost does it. */
	assert_int_equal(loop_run(loop), 3);
	assert_int_equal(next.done, 1);
	assert_int_equal(stuck.discarded, 1);
	pool_free(pool);
	(void)close(stuck.hold[0]);
	(void)close(stuck.hold[1]);
}

static int
set_up(void **state)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	assert_non_null(loop);
	assert_int_equal(loop_open(loop), 0);
	*state = loop;
	return 0;
}

static int
tear_down(void **state)
{
	loop_close(*state);
	free(*state);
	return 0;
}

/* In a child: signals are caught without a thread, and a pool with one thread works for a loop. */
static void
open_pool(struct loop *loop)
{
	struct failure failure = { .status = STATUS_OK };

	run_begin("test");
	tasks_done = WORKERS - 1;
	if (run_catch_signals(RUN_WITHOUT_THREAD, &failure) == -1 || loop_open(loop) == -1)
		_exit(90);
	pool = pool_new(loop, 1, STACK);
	if (pool == NULL)
		_exit(91);
}

static void
be_canceled(struct loop *loop)
{
	(void)loop; /* the worker sees it, too */
}

static void
wait_for_the_signal(struct loop_worker *worker)
{
	(void)kill(getpid(), SIGTERM);
	if (run_wait(NULL, 0, sku_deadline_in(20 * SKU_SECOND)) == -1 && errno == ECANCELED)
		LOOP_OWNER(worker, struct task, worker)->worked++;
}

static void
read_signals_for_a_pool(void)
{
	struct task task = new_task(false);
	struct loop loop = { .canceled = be_canceled };
	int threads = count_threads();

	open_pool(&loop);
	if (pool_submit(pool, &task.worker) == -1 || loop_run(&loop) != 3 ||
	    count_threads() != threads + 1)
		_exit(92);
	loop.stopped = false;
	task.worker.work = wait_for_the_signal;
	tasks_done = WORKERS - 1;
	if (pool_submit(pool, &task.worker) == -1 || loop_run(&loop) != 3)
		_exit(93);
	_exit(task.worked == 2 && count_threads() == threads + 2 ? 0 : 94);
}

static void
test_a_loop_reads_the_signals_for_its_pool(void **state)
{
	(void)state;
	assert_exits(read_signals_for_a_pool, 0);
}

/* Let a thread of the pool work, and wait until the task says that it has begun. */
static void
begin_work(struct task *task, void (*work)(struct loop_worker *worker))
{
	task->worker.work = work;
	if (pool_submit(pool, &task->worker) == -1)
		_exit(92);
	while (task->worked == 0)
		(void)usleep(1000);
}

static int threads_awaited;

static void
wait_for_a_thread(struct loop_worker *worker)
{
	struct task *t = LOOP_OWNER(worker, struct task, worker);

	t->worked++;
	for (int i = 0; i < 20000 && count_threads() < threads_awaited; i++)
		(void)usleep(1000);
	t->worked += count_threads() == threads_awaited;
}

static void
wait_for_a_pool(void)
{
	struct task task = new_task(false);
	struct loop loop = { .canceled = NULL };

	threads_awaited = count_threads() + 2;
	open_pool(&loop);
	begin_work(&task, wait_for_a_thread);
	pool_free(pool);
	_exit(task.worked == 2 ? 0 : 93);
}

static void
test_who_waits_for_a_pool_has_the_thread_of_the_signals(void **state)
{
	(void)state;
	assert_exits(wait_for_a_pool, 0);
}

static pthread_t main_thread;
static _Atomic int lines_printed;
static int lines_before_done;

/* Count it if main prints it. */
static void
print_line(const char *bytes, size_t len)
{
	(void)bytes;
	(void)len;
	lines_printed += pthread_equal(pthread_self(), main_thread) ? 1 : 100;
}

/* Say something, go on once it is printed, and say something at last. */
static void
talk(struct loop_worker *worker)
{
	handover(print_line, "a", 1);
	for (int i = 0; i < 20000 && lines_printed == 0; i++)
		(void)usleep(1000);
	LOOP_OWNER(worker, struct task, worker)->worked += lines_printed > 0;
	handover(print_line, "b", 1);
}

static void
count_lines(struct loop *loop, struct loop_worker *worker)
{
	(void)worker;
	lines_before_done = lines_printed;
	loop_stop(loop, 3);
}

static void
test_what_a_worker_says_is_printed_at_once_and_before_it_is_done(void **state)
{
	struct loop *loop = *state;
	struct task task = new_task(false);

	lines_printed = 0;
	task.worker.work = talk;
	task.worker.done = count_lines;
	pool = pool_new(loop, 1, STACK);
	assert_non_null(pool);
	assert_int_equal(pool_submit(pool, &task.worker), 0);
	assert_int_equal(loop_run(loop), 3);
	assert_int_equal(task.worked, 1);
	assert_int_equal(lines_before_done, 2);
	pool_free(pool);
}

#define MANY 6

/* Say more than there is room for. */
static void
talk_much(struct loop_worker *worker)
{
	static const char text[HANDOVER_MAX];
	struct task *t = LOOP_OWNER(worker, struct task, worker);

	t->worked++;
	for (int i = 0; i < MANY; i++)
		handover(print_line, text, sizeof(text));
}

static void
free_a_pool_that_talks(void)
{
	struct task task = new_task(false);
	struct loop loop = { .canceled = NULL };

	open_pool(&loop);
	begin_work(&task, talk_much);
	pool_free(pool);
	_exit(lines_printed == MANY ? 0 : 93);
}

static void
test_who_waits_for_a_pool_prints_what_it_says(void **state)
{
	(void)state;
	lines_printed = 0;
	assert_exits(free_a_pool_that_talks, 0);
}

/* Say something once it is abandoned. */
static void
talk_late(struct loop_worker *worker)
{
	struct task *t = LOOP_OWNER(worker, struct task, worker);
	char byte;

	t->begun = true;
	(void)!read(t->hold[0], &byte, 1);
	handover(print_line, "a", 1);
}

static void
test_a_thread_of_a_pool_that_is_gone_does_not_keep_the_next_from_being_heard(void **state)
{
	struct loop *loop = *state;
	struct task late = new_task(true), task = new_task(false);

	late.worker.work = talk_late;
	pool = pool_new(loop, 1, STACK);
	assert_non_null(pool);
	submit_and_see_it_begin(&late);
	pool_abandon(pool, &late.worker);
	pool_free(pool);
	pool = pool_new(loop, 1, STACK);
	assert_non_null(pool);
	assert_int_equal(write(late.hold[1], "x", 1), 1);
	while (late.discarded == 0)
		(void)usleep(1000);
	/* The loop hears of it, although its thread is none of this pool. */
	lines_printed = 0;
	task.worker.work = talk;
	task.worker.done = count_lines;
	assert_int_equal(pool_submit(pool, &task.worker), 0);
	assert_int_equal(loop_run(loop), 3);
	assert_int_equal(task.worked, 1);
	assert_int_equal(lines_before_done, 3);
	pool_free(pool);
	(void)close(late.hold[0]);
	(void)close(late.hold[1]);
}

static void
open_a_second_pool(void)
{
	struct loop loop = { .canceled = NULL };

	(void)prctl(PR_SET_DUMPABLE, 0); /* it leaves no core */
	open_pool(&loop);
	(void)pool_new(&loop, 1, STACK);
}

static void
test_a_second_pool_at_once_is_a_mistake(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(open_a_second_pool), SIGABRT);
}

static void
talk_and_hang(struct loop_worker *worker)
{
	handover(print_line, "a", 1);
	LOOP_OWNER(worker, struct task, worker)->worked++;
	for (;;)
		(void)pause();
}

static void
finish_without_a_thread(void)
{
	struct task task = new_task(false);
	struct loop loop = { .canceled = NULL };

	open_pool(&loop);
	begin_work(&task, talk_and_hang);
	_exit(run_finish(0) == 0 && lines_printed == 1 ? 0 : 93);
}

static void
test_what_a_thread_said_that_does_not_come_back_is_printed_at_the_end(void **state)
{
	(void)state;
	lines_printed = 0;
	assert_exits(finish_without_a_thread, 0);
}

int
main(void)
{
#define IN_A_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_A_LOOP(test_each_worker_is_done_once),
		IN_A_LOOP(test_an_abandoned_worker_is_discarded_and_its_place_is_taken),
		IN_A_LOOP(test_beyond_the_limit_of_abandoned_workers_the_next_waits),
		IN_A_LOOP(test_what_a_worker_says_is_printed_at_once_and_before_it_is_done),
		IN_A_LOOP(
		    test_a_thread_of_a_pool_that_is_gone_does_not_keep_the_next_from_being_heard),
		cmocka_unit_test(test_a_second_pool_at_once_is_a_mistake),
		cmocka_unit_test(test_who_waits_for_a_pool_prints_what_it_says),
		cmocka_unit_test(
		    test_what_a_thread_said_that_does_not_come_back_is_printed_at_the_end),
		cmocka_unit_test(test_a_loop_reads_the_signals_for_its_pool),
		cmocka_unit_test(test_who_waits_for_a_pool_has_the_thread_of_the_signals),
	};

	main_thread = pthread_self();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

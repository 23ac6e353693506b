/* test_run.c - the event loop, the thread pool, and waiting. */
#include "run/loop.h"
#include "run/output.h"
#include "run/pool.h"
#include "run/run.h"
#include "run/state.h"
#include "run/wait.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- loop ---------------------------------------------------------------------------------- */

struct fixture {
	struct loop loop;
	struct loop_io a, b;
	struct loop_timer timers[8];
	int pair[2], other[2];
	int order[8], count;
	int calls;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(loop_open(&f->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->pair), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->other), 0);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	loop_close(&f->loop);
	for (int i = 0; i < 2; i++) {
		(void)close(f->pair[i]);
		(void)close(f->other[i]);
	}
	free(f);
	run.timeouts.run = sku_deadline_never();
	return 0;
}

static struct fixture *
fixture_of(struct loop *loop)
{
	return LOOP_OWNER(loop, struct fixture, loop);
}

static void
timer_due(struct loop *loop, struct loop_timer *timer)
{
	struct fixture *f = fixture_of(loop);

	f->order[f->count++] = (int)(timer - f->timers);
	if (f->count == 6)
		loop_stop(loop, 42);
}

static void
test_timers_run_in_their_order(void **state)
{
	static const int at[] = { 5, 1, 4, 2, 6, 3, 9 };
	struct fixture *f = *state;
	int64_t now = sku_now();

	for (int i = 0; i < 7; i++) {
		f->timers[i].due = timer_due;
		assert_int_equal(loop_set_timer(&f->loop, &f->timers[i], now + at[i] * SKU_MS), 0);
	}
	/* Move one timer and clear another. */
	assert_int_equal(loop_set_timer(&f->loop, &f->timers[6], now), 0);
	assert_int_equal(loop_set_timer(&f->loop, &f->timers[4], INT64_MAX), 0);
	assert_int_equal(loop_run(&f->loop), 42);
	assert_true(f->loop.now >= now + 5 * SKU_MS);
	assert_memory_equal(f->order, ((const int[]){ 6, 1, 3, 5, 2, 0 }), 6 * sizeof(int));
}

static int64_t last_at_ns;

static void
in_order(struct loop *loop, struct loop_timer *timer)
{
	struct fixture *f = fixture_of(loop);

	assert_true(timer->at_ns >= last_at_ns);
	last_at_ns = timer->at_ns;
	if (++f->calls == 500)
		loop_stop(loop, 8);
}

static void
test_many_timers_that_are_moved_and_cleared_come_in_order(void **state)
{
	static struct loop_timer many[1000];
	struct fixture *f = *state;
	int64_t now = sku_now();

	last_at_ns = 0;
	srand(1);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			many[i].due = in_order;
			assert_int_equal(
			    loop_set_timer(&f->loop, &many[i], now - rand() % 1000), 0);
		}
	}
	for (int i = 0; i < 1000; i += 2)
		loop_clear_timer(&f->loop, &many[i]);
	loop_clear_timer(&f->loop, &many[0]); /* harmless */
	assert_int_equal(loop_run(&f->loop), 8);
}

static void
stop_at_once(struct loop *loop, struct loop_io *io, uint32_t events)
{
	(void)io;
	loop_stop(loop, (int)events);
}

static void
test_a_descriptor_is_told(void **state)
{
	struct fixture *f = *state;

	f->a = (struct loop_io){ .ready = stop_at_once, .fd = f->pair[0] };
	assert_false(f->a.watched != 0);
	assert_int_equal(loop_watch(&f->loop, &f->a, EPOLLIN), 0);
	assert_true(f->a.watched != 0);
	assert_int_equal(write(f->pair[1], "x", 1), 1);
	assert_int_equal(loop_run(&f->loop), EPOLLIN);
}

static void
test_without_interest_a_hang_up_is_told(void **state)
{
	struct fixture *f = *state;

	f->a = (struct loop_io){ .ready = stop_at_once, .fd = f->pair[0] };
	assert_int_equal(loop_watch(&f->loop, &f->a, 0), 0);
	assert_int_equal(write(f->pair[1], "x", 1), 1); /* EPOLLIN is not watched */
	(void)shutdown(f->pair[1], SHUT_RDWR);
	assert_true((loop_run(&f->loop) & (int)EPOLLHUP) != 0);
}

/* Whichever is ready first unwatches the other. */
static void
unwatch_both(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct fixture *f = fixture_of(loop);

	(void)io;
	(void)events;
	f->calls++;
	loop_unwatch(loop, &f->a);
	loop_unwatch(loop, &f->b);
}

static void
test_what_is_unwatched_is_not_told_even_in_this_batch(void **state)
{
	struct fixture *f = *state;

	f->a = (struct loop_io){ .ready = unwatch_both, .fd = f->pair[0] };
	f->b = (struct loop_io){ .ready = unwatch_both, .fd = f->other[0] };
	assert_int_equal(loop_watch(&f->loop, &f->a, EPOLLIN), 0);
	assert_int_equal(loop_watch(&f->loop, &f->b, EPOLLIN), 0);
	assert_int_equal(write(f->pair[1], "x", 1), 1);
	assert_int_equal(write(f->other[1], "x", 1), 1);
	f->timers[0].due = timer_due;
	f->count = 5;
	assert_int_equal(loop_set_timer(&f->loop, &f->timers[0], sku_now() + 20 * SKU_MS), 0);
	assert_int_equal(loop_run(&f->loop), 42);
	assert_int_equal(f->calls, 1);
}

static void
count_calls(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct fixture *f = fixture_of(loop);

	assert_int_equal(events, EPOLLIN);
	if (io == &f->b)
		f->calls += 10;
	if (++f->calls > 20)
		loop_stop(loop, 1);
}

static void
test_two_sources_may_watch_one_descriptor(void **state)
{
	struct fixture *f = *state;

	f->a = (struct loop_io){ .ready = count_calls, .fd = f->pair[0] };
	f->b = (struct loop_io){ .ready = count_calls, .fd = f->pair[0] };
	assert_int_equal(loop_watch(&f->loop, &f->a, EPOLLIN), 0);
	assert_int_equal(loop_watch(&f->loop, &f->b, EPOLLIN), 0);
	assert_int_equal(write(f->pair[1], "x", 1), 1);
	assert_int_equal(loop_run(&f->loop), 1);
	loop_unwatch(&f->loop, &f->b);
	assert_false(f->b.watched != 0);
	assert_true(f->a.watched != 0);
	/* The duplicate that stood for it is gone, and may come again. */
	f->b.ready = stop_at_once;
	f->loop.stopped = false;
	f->calls = 0;
	f->timers[0].due = timer_due;
	f->count = 5;
	assert_int_equal(loop_set_timer(&f->loop, &f->timers[0], sku_now()), 0);
	assert_int_equal(loop_run(&f->loop), 42);
	assert_int_equal(f->calls, 1);
	assert_int_equal(loop_watch(&f->loop, &f->b, EPOLLIN), 0);
	f->loop.stopped = false;
	loop_unwatch(&f->loop, &f->a);
	assert_int_equal(loop_run(&f->loop), EPOLLIN);
}

static void
read_to_the_end(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct fixture *f = fixture_of(loop);
	char buf[1000];
	ssize_t n = read(io->fd, buf, sizeof(buf));

	assert_int_equal(events, EPOLLIN);
	f->calls++;
	if (n == 0)
		loop_stop(loop, 7);
}

static void
test_a_regular_file_is_always_ready(void **state)
{
	struct fixture *f = *state;
	char name[] = "/tmp/test_run.XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd != -1);
	(void)unlink(name);
	assert_int_equal(ftruncate(fd, 2500), 0);
	f->a = (struct loop_io){ .ready = read_to_the_end, .fd = fd };
	assert_int_equal(loop_watch(&f->loop, &f->a, EPOLLIN), 0);
	assert_int_equal(loop_run(&f->loop), 7);
	assert_int_equal(f->calls, 4);
	loop_unwatch(&f->loop, &f->a);
	(void)close(fd);
}

static void
tell_why(struct loop *loop)
{
	loop_stop(loop, run_check() == -1 ? errno : 0);
}

static void
test_max_time_is_told(void **state)
{
	struct fixture *f = *state;

	run.timeouts.run = sku_deadline_in(10 * SKU_MS);
	f->loop.canceled = tell_why;
	assert_int_equal(loop_run(&f->loop), ETIMEDOUT);
}

/* ---- pool ---------------------------------------------------------------------------------- */

#define STACK ((size_t)256 * 1024)
#define WORKERS 40

struct task {
	struct loop_worker worker;
	int hold[2]; /* task_work() waits for a byte on it; -1: no wait */
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
	struct task t = { .worker = { task_work, task_done, task_discard, NULL, 0 },
		.hold = { -1, -1 } };

	if (held)
		assert_int_equal(pipe2(t.hold, O_CLOEXEC), 0);
	return t;
}

static void
test_each_worker_is_done_once(void **state)
{
	struct fixture *f = *state;
	struct task tasks[WORKERS];

	tasks_done = 0;
	pool = pool_new(&f->loop, 3, STACK);
	assert_non_null(pool);
	for (int i = 0; i < WORKERS; i++) {
		tasks[i] = new_task(false);
		assert_int_equal(pool_submit(pool, &tasks[i].worker), 0);
	}
	assert_int_equal(loop_run(&f->loop), 3);
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(tasks[i].worked, 1);
		assert_int_equal(tasks[i].done, 1);
		assert_int_equal(tasks[i].discarded, 0);
	}
	pool_free(pool);
}

static void
test_an_abandoned_worker_is_discarded_and_its_place_is_taken(void **state)
{
	struct fixture *f = *state;
	struct task stuck = new_task(true), waiting = new_task(false), next = new_task(false);

	tasks_done = WORKERS - 1;
	pool = pool_new(&f->loop, 1, STACK);
	assert_non_null(pool);
	assert_int_equal(pool_submit(pool, &stuck.worker), 0);
	while (stuck.worker.state != 2) /* until a thread runs it */
		(void)usleep(1000);
	assert_int_equal(pool_submit(pool, &waiting.worker), 0);
	assert_int_equal(pool_submit(pool, &next.worker), 0);
	pool_abandon(pool, &waiting.worker); /* before a thread runs it */
	assert_int_equal(waiting.discarded, 1);
	pool_abandon(pool, &stuck.worker);
	assert_int_equal(loop_run(&f->loop), 3);
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

static int
count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	assert_non_null(dir);
	for (const struct dirent *d; (d = readdir(dir)) != NULL;)
		n += d->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static void
test_beyond_the_limit_of_abandoned_workers_the_next_waits(void **state)
{
	struct fixture *f = *state;
	struct task stuck = new_task(true), next = new_task(false);
	int threads;

	tasks_done = WORKERS - 1;
	pool = pool_new(&f->loop, 1, STACK);
	assert_non_null(pool);
	pool_limit_abandoned(pool, 1);
	assert_int_equal(pool_submit(pool, &stuck.worker), 0);
	while (stuck.worker.state != 2) /* a thread has it */
		(void)usleep(1000);
	pool_abandon(pool, &stuck.worker);
	threads = count_threads();
	assert_int_equal(pool_submit(pool, &next.worker), 0);
	assert_true(count_threads() <= threads);
	assert_int_equal(next.worked, 0);
	assert_int_equal(write(stuck.hold[1], "x", 1), 1);
	/* The thread that was lost does it. */
	assert_int_equal(loop_run(&f->loop), 3);
	assert_int_equal(next.done, 1);
	assert_int_equal(stuck.discarded, 1);
	pool_free(pool);
	(void)close(stuck.hold[0]);
	(void)close(stuck.hold[1]);
}

/* ---- signals and limits, each in a process of its own --------------------------------------- */

/* The wait status (wait(2)) of a child that runs body; it is killed after half a minute. */
static int
in_a_child(void (*body)(void))
{
	int status = 0;
	pid_t child = fork(), ended = 0;

	if (child == 0) {
		body();
		_exit(99);
	}
	assert_true(child > 0);
	for (int i = 0; i < 30000 && ended == 0; i++) {
		(void)usleep(1000);
		ended = waitpid(child, &status, WNOHANG);
	}
	if (ended == 0) {
		(void)kill(child, SIGKILL);
		ended = waitpid(child, &status, 0);
	}
	assert_int_equal(ended, child);
	return status;
}

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

static state_counter one_counter;
static const struct state_row counter_rows[] = { { "n", &one_counter }, { NULL, NULL } };

/* Descriptor fd is a pipe from here on: its other end. */
static int
pipe_at(int fd)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1 || dup2(fds[1], fd) == -1)
		_exit(80);
	(void)close(fds[1]);
	return fds[0];
}

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
	assert_int_equal(in_a_child(say_the_state_and_go_on), 0);
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

static void
work_in_a_pool(void)
{
	struct failure failure = { .status = STATUS_OK };
	struct task task = new_task(false);
	struct loop loop = { .canceled = NULL };
	int threads = count_threads();

	run_begin("test");
	tasks_done = WORKERS - 1;
	if (run_catch_signals(RUN_WITHOUT_THREAD, &failure) == -1 || loop_open(&loop) == -1)
		_exit(90);
	pool = pool_new(&loop, 1, STACK);
	if (pool == NULL || pool_submit(pool, &task.worker) == -1 || loop_run(&loop) != 3)
		_exit(91);
	_exit(count_threads() == threads + 2 ? 0 : 92);
}

static void
write_to_a_file(void)
{
	struct failure failure = { .status = STATUS_OK };
	char name[] = "test_run.XXXXXX";
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
test_what_may_hang_has_the_thread(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(work_in_a_pool), 0);
	assert_int_equal(in_a_child(write_to_a_file), 0);
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
	assert_int_equal(in_a_child(try_to_write_two_pages), 0);
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
	assert_int_equal(in_a_child(let_the_first_pipe_go), 0);
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
	int status = in_a_child(print_into_a_full_pipe);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), STATUS_TIMED_OUT);
}

int
main(void)
{
#define IN_A_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_A_LOOP(test_timers_run_in_their_order),
		IN_A_LOOP(test_many_timers_that_are_moved_and_cleared_come_in_order),
		IN_A_LOOP(test_a_descriptor_is_told),
		IN_A_LOOP(test_without_interest_a_hang_up_is_told),
		IN_A_LOOP(test_what_is_unwatched_is_not_told_even_in_this_batch),
		IN_A_LOOP(test_two_sources_may_watch_one_descriptor),
		IN_A_LOOP(test_a_regular_file_is_always_ready),
		IN_A_LOOP(test_max_time_is_told),
		IN_A_LOOP(test_each_worker_is_done_once),
		IN_A_LOOP(test_an_abandoned_worker_is_discarded_and_its_place_is_taken),
		IN_A_LOOP(test_beyond_the_limit_of_abandoned_workers_the_next_waits),
		cmocka_unit_test(test_a_signal_ends_a_wait_and_then_the_program),
		cmocka_unit_test(test_a_signal_that_is_ignored_stays_so_but_for_sigterm),
		cmocka_unit_test(test_without_the_thread_sigusr1_says_the_state),
		cmocka_unit_test(test_a_loop_is_told_of_each_signal_once),
		cmocka_unit_test(test_the_first_signal_starts_the_thread_that_ends_what_hangs),
		cmocka_unit_test(test_where_no_thread_can_be_started_the_first_signal_ends_it),
		cmocka_unit_test(test_what_may_hang_has_the_thread),
		cmocka_unit_test(test_the_second_signal_ends_a_program_that_hangs),
		cmocka_unit_test(test_a_failure_to_remove_is_told_but_not_by_force),
		cmocka_unit_test(test_one_remover_too_many_is_not_overlooked),
		cmocka_unit_test(test_what_is_tried_to_write_never_waits),
		cmocka_unit_test(test_output_that_becomes_another_is_let_go),
		cmocka_unit_test(test_max_time_ends_a_wait),
		cmocka_unit_test(test_a_full_standard_output_ends_with_max_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

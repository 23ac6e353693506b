/* test_loop.c - the event loop: timers, descriptors, the end. */
#include "run/loop.h"
#include "run/run.h"
#include "run/wait.h"

#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void
timer_due(struct loop *loop, struct loop_timer *timer)
{
	struct fixture *f = FIXTURE_OF(loop);

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
	struct fixture *f = FIXTURE_OF(loop);

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
	struct fixture *f = FIXTURE_OF(loop);

	(void)io;
	(void)events;
	f->calls++;
	loop_unwatch(loop, &f->a);
	loop_unwatch(loop, &f->b);
}

static void
watch_two(struct fixture *f, void (*ready)(struct loop *, struct loop_io *, uint32_t), int second)
{
	f->a = (struct loop_io){ .ready = ready, .fd = f->pair[0] };
	f->b = (struct loop_io){ .ready = ready, .fd = second };
	assert_int_equal(loop_watch(&f->loop, &f->a, EPOLLIN), 0);
	assert_int_equal(loop_watch(&f->loop, &f->b, EPOLLIN), 0);
}

static void
test_what_is_unwatched_is_not_told_even_in_this_batch(void **state)
{
	struct fixture *f = *state;

	watch_two(f, unwatch_both, f->other[0]);
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
	struct fixture *f = FIXTURE_OF(loop);

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

	watch_two(f, count_calls, f->pair[0]);
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
	struct fixture *f = FIXTURE_OF(loop);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_handover.c - what threads of a pool have to print, and the loop prints for them. */
#include "run/handover.h"

#include "unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define LINES 3000
#define THREADS 4

static pthread_t printer;
static char printed[1000];
static size_t printed_len, longest;
static _Atomic int handed, woken;

static void
note_printer(size_t len)
{
	printer = pthread_self();
	longest = len > longest ? len : longest;
}

static void
print(const char *bytes, size_t len)
{
	note_printer(len);
	if (printed_len + len <= sizeof(printed))
		(void)memcpy(printed + printed_len, bytes, len);
	printed_len += len;
}

static void
wake(void *arg)
{
	(void)arg;
	woken++;
}

static void
run_thread(void *(*body)(void *), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, body, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *
hand_over_two(void *arg)
{
	handover_from_here();
	handover(print, "one ", 4);
	handover(print, "two ", 4);
	return arg;
}

static void
test_the_loop_prints_what_was_handed_over_before_its_own(void **state)
{
	(void)state;
	run_thread(hand_over_two, NULL);
	assert_int_equal(printed_len, 0);
	assert_int_equal(woken, 1); /* the second is beside the first */
	handover(print, "three", 5);
	assert_int_equal(printed_len, 13);
	assert_memory_equal(printed, "one two three", 13);
	assert_true(pthread_equal(printer, pthread_self()));
	handover_take();
	assert_int_equal(printed_len, 13);
}

static void *
print_alone(void *arg)
{
	handover(print, "x", 1);
	handover_take();
	assert_true(pthread_equal(printer, pthread_self()));
	return arg;
}

static void
test_a_thread_of_no_pool_prints_itself_and_nothing_else(void **state)
{
	(void)state;
	run_thread(hand_over_two, NULL);
	run_thread(print_alone, NULL);
	assert_int_equal(printed_len, 1);
	handover_take();
	assert_int_equal(printed_len, 9);
}

static void
test_what_nobody_was_woken_for_is_printed_by_the_next_that_takes(void **state)
{
	(void)state;
	handover_to_nobody();
	run_thread(hand_over_two, NULL);
	assert_int_equal(woken, 0);
	assert_int_equal(printed_len, 0);
	handover_to_here(wake, NULL);
	assert_int_equal(printed_len, 8);
	run_thread(hand_over_two, NULL);
	assert_int_equal(woken, 1);
	handover_to_nobody();
	assert_int_equal(printed_len, 16);
	handover_to_here(wake, NULL);
}

static _Atomic pid_t filler;

static void *
fill(void *arg)
{
	char *text = malloc(2 * HANDOVER_MAX);

	filler = (pid_t)syscall(SYS_gettid);
	handover_from_here();
	(void)memset(text, 'x', 2 * HANDOVER_MAX);
	for (handed = 0; handed < 4; handed++)
		handover(print, text, HANDOVER_MAX + (size_t)handed);
	free(text);
	return arg;
}

/* Does that thread sleep? */
static bool
sleeps(pid_t tid)
{
	char path[64], text[200] = "", *state;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	file = fopen(path, "r");
	assert_non_null(file);
	(void)!fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	state = strrchr(text, ')');
	return state != NULL && state[2] == 'S';
}

static void
test_a_thread_waits_where_there_is_no_room_and_too_long_a_text_is_cut(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, fill, NULL), 0);
	/* One has room; the second waits. */
	while (handed < 1 || !sleeps(filler))
		(void)usleep(1000);
	assert_int_equal(handed, 1);
	while (handed < 4)
		handover_take();
	assert_int_equal(pthread_join(thread, NULL), 0);
	handover_take();
	assert_int_equal(printed_len, 4 * HANDOVER_MAX);
	assert_int_equal(longest, HANDOVER_MAX);
}

struct line {
	int thread, number;
	char more[200];
};

static int next_of[THREADS];

static void
check_line(const char *bytes, size_t len)
{
	struct line line;

	note_printer(len);
	assert_true(len <= sizeof(line));
	(void)memcpy(&line, bytes, len);
	assert_in_range(line.thread, 0, THREADS - 1);
	assert_int_equal(line.number, next_of[line.thread]++);
	for (const char *p = line.more; p < (const char *)&line + len; p++)
		assert_int_equal(*p, 'a' + line.thread);
}

static void *
hand_over_lines(void *arg)
{
	struct line line = { .thread = (int)(intptr_t)arg };

	handover_from_here();
	(void)memset(line.more, 'a' + line.thread, sizeof(line.more));
	for (; line.number < LINES; line.number++)
		handover(check_line, (const char *)&line,
		    sizeof(line) - (size_t)(line.number % (int)sizeof(line.more)));
	handed++;
	return NULL;
}

static void
test_what_each_thread_says_stays_whole_and_in_order(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hand_over_lines, (void *)i), 0);
	while (handed < THREADS)
		handover_take();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	handover_take();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next_of[i], LINES);
	assert_true(pthread_equal(printer, pthread_self()));
}

static int
begin(void **state)
{
	(void)state;
	handover_to_here(wake, NULL);
	printed_len = longest = 0;
	handed = woken = 0;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	handover_to_nobody();
	return 0;
}

int
main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_the_loop_prints_what_was_handed_over_before_its_own),
		TEST(test_a_thread_of_no_pool_prints_itself_and_nothing_else),
		TEST(test_what_nobody_was_woken_for_is_printed_by_the_next_that_takes),
		TEST(test_a_thread_waits_where_there_is_no_room_and_too_long_a_text_is_cut),
		TEST(test_what_each_thread_says_stays_whole_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

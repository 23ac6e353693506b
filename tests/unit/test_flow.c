/* test_flow.c - bytes from one socket to another, and what goes wrong with them on purpose.  Each
 * test says what time it is. */
#include "net/flow.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NOW (1000 * SKU_SECOND)
#define MANY ((size_t)4 << 20)

/* A writes, and B reads; the flow is between their other ends. */
struct fixture {
	struct sku_sock a, from, to, b;
	char bytes[1024];
	struct flow_buffer buffer;
	struct flow flow;
};

static const struct faults none = FAULTS_INIT;

static void
make_pair(struct sku_sock *one, struct sku_sock *other)
{
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(sku_socket_from_fd(one, fds[0]), 0);
	assert_int_equal(sku_socket_from_fd(other, fds[1]), 0);
	assert_int_equal(sku_settimeout(one, 0), 0);
	assert_int_equal(sku_settimeout(other, 0), 0);
}

static void
open_flow(struct fixture *f, const struct faults *faults)
{
	make_pair(&f->a, &f->from);
	make_pair(&f->to, &f->b);
	f->buffer = (struct flow_buffer){ f->bytes, sizeof(f->bytes), NULL };
	assert_int_equal(flow_init(&f->flow, &f->from, &f->to, faults), 0);
}

static void
close_flow(struct fixture *f)
{
	flow_free(&f->flow);
	(void)sku_close(&f->a);
	(void)sku_close(&f->from);
	(void)sku_close(&f->to);
	(void)sku_close(&f->b);
}

static void
say(struct fixture *f, const char *text)
{
	assert_int_equal(sku_send(&f->a, text, strlen(text), 0), strlen(text));
}

/* B has been sent this, and no more. */
static void
assert_came(struct fixture *f, const char *text)
{
	char bytes[256];
	ssize_t n = sku_recv(&f->b, bytes, sizeof(bytes), 0);

	assert_int_equal(n == -1 ? 0 : n, strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
}

static enum flow_next
read_at(struct fixture *f, int64_t now)
{
	return flow_readable(&f->flow, &f->buffer, now);
}

static void
upper_x(char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = bytes[i] == 'x' ? 'X' : bytes[i];
}

static void
bytes_go_to_the_other_socket(void **state)
{
	struct fixture f;
	char byte;

	(void)state;
	open_flow(&f, &none);
	f.buffer.pass = upper_x;
	say(&f, "axb");
	assert_int_equal(read_at(&f, NOW), FLOW_CONTINUES);
	assert_came(&f, "aXb");
	assert_int_equal(f.flow.bytes_in, 3);
	assert_int_equal(f.flow.bytes_out, 3);
	assert_true(flow_wants_input(&f.flow, &f.buffer));
	assert_int_equal(flow_deadline(&f.flow), INT64_MAX);
	assert_false(f.flow.over);
	/* The end of one half goes through, and the other half is open still. */
	assert_int_equal(sku_shutdown(&f.a, SHUT_WR), 0);
	assert_int_equal(read_at(&f, NOW), FLOW_CONTINUES);
	assert_true(f.flow.ended && f.flow.over);
	assert_false(flow_wants_input(&f.flow, &f.buffer));
	assert_int_equal(sku_recv(&f.b, &byte, 1, 0), 0);
	assert_int_equal(sku_send(&f.b, "y", 1, 0), 1);
	assert_int_equal(sku_recv(&f.to, &byte, 1, 0), 1);
	close_flow(&f);
}

static void
one_socket_is_not_shut_by_its_own_end(void **state)
{
	struct fixture f;
	char byte;

	(void)state;
	open_flow(&f, &none);
	flow_free(&f.flow);
	assert_int_equal(flow_init(&f.flow, &f.from, &f.from, &none), 0);
	assert_int_equal(sku_shutdown(&f.a, SHUT_WR), 0);
	assert_int_equal(read_at(&f, NOW), FLOW_CONTINUES);
	assert_true(f.flow.over);
	assert_int_equal(sku_recv(&f.a, &byte, 1, 0), -1); /* the owner closes it */
	close_flow(&f);
}

/* All that the flow wants to read now. */
static void
read_what_is_wanted(struct fixture *f)
{
	uint64_t before = UINT64_MAX;

	while (flow_wants_input(&f->flow, &f->buffer) && f->flow.bytes_in != before) {
		before = f->flow.bytes_in;
		assert_int_equal(read_at(f, NOW), FLOW_CONTINUES);
	}
}

/* Who does not read is not read for, and gets all in its order. */
static void
a_slow_reader_is_waited_for(void **state)
{
	char *sent = malloc(MANY), *came = malloc(MANY);
	size_t written = 0, got = 0;
	struct fixture f;
	ssize_t n;

	(void)state;
	assert_non_null(sent);
	assert_non_null(came);
	for (size_t i = 0; i < MANY; i++)
		sent[i] = (char)(i * 7 + i / 1021);
	open_flow(&f, &none);
	while (!f.flow.over) {
		n = written < MANY ? sku_send(&f.a, sent + written, MANY - written, 0) : 0;
		written += n > 0 ? (size_t)n : 0;
		if (written == MANY)
			(void)sku_shutdown(&f.a, SHUT_WR);
		read_what_is_wanted(&f);
		assert_in_range(f.flow.bytes_in - f.flow.bytes_out, 0, 2 * sizeof(f.bytes));
		assert_true(f.flow.blocked == (f.flow.last != NULL));
		assert_int_equal(flow_deadline(&f.flow), INT64_MAX);
		while ((n = sku_recv(&f.b, came + got, MANY - got, 0)) > 0)
			got += (size_t)n;
		/* A loop that hears of a hang-up reads what was not wanted: the order holds. */
		if (f.flow.blocked && !f.flow.ended)
			assert_int_equal(read_at(&f, NOW), FLOW_CONTINUES);
		assert_int_equal(flow_advance(&f.flow, NOW), FLOW_CONTINUES);
	}
	while ((n = sku_recv(&f.b, came + got, MANY - got, 0)) > 0)
		got += (size_t)n;
	assert_int_equal(got, MANY);
	assert_memory_equal(sent, came, MANY);
	free(sent);
	free(came);
	close_flow(&f);
}

static void
delay_holds_back_each_for_its_own_time(void **state)
{
	const struct faults late = { 2 * SKU_SECOND, UNLIMITED, UNLIMITED, UNLIMITED };
	struct fixture f;

	(void)state;
	open_flow(&f, &late);
	say(&f, "one");
	assert_int_equal(read_at(&f, NOW), FLOW_CONTINUES);
	say(&f, "two");
	assert_int_equal(read_at(&f, NOW + SKU_SECOND), FLOW_CONTINUES);
	assert_came(&f, "");
	assert_true(flow_is_holding_back(&f.flow));
	assert_true(flow_wants_input(&f.flow, &f.buffer));
	assert_int_equal(flow_deadline(&f.flow), NOW + 2 * SKU_SECOND);
	assert_int_equal(flow_advance(&f.flow, NOW + 2 * SKU_SECOND - 1), FLOW_CONTINUES);
	assert_came(&f, "");
	assert_int_equal(flow_advance(&f.flow, NOW + 2 * SKU_SECOND), FLOW_CONTINUES);
	assert_came(&f, "one");
	assert_int_equal(flow_deadline(&f.flow), NOW + 3 * SKU_SECOND);
	/* Who stops reading still owes what it has read. */
	assert_int_equal(flow_stop(&f.flow, NOW + 2 * SKU_SECOND), FLOW_CONTINUES);
	assert_false(f.flow.over);
	assert_int_equal(flow_advance(&f.flow, NOW + 3 * SKU_SECOND), FLOW_CONTINUES);
	assert_came(&f, "two");
	assert_true(f.flow.over && !f.flow.ended);
	assert_false(flow_wants_input(&f.flow, &f.buffer));
	close_flow(&f);
}

static void
a_flow_that_holds_back_is_bounded(void **state)
{
	const struct faults late = { SKU_SECOND, UNLIMITED, UNLIMITED, UNLIMITED };
	char bytes[1000] = "";
	struct fixture f;
	int reads = 0;

	(void)state;
	open_flow(&f, &late);
	while (flow_wants_input(&f.flow, &f.buffer)) {
		assert_int_equal(sku_send(&f.a, bytes, sizeof(bytes), 0), sizeof(bytes));
		assert_int_equal(read_at(&f, NOW), FLOW_CONTINUES);
		reads++;
	}
	assert_int_equal(reads, 2); /* of a buffer of 1,024 */
	close_flow(&f);
}

static void
limit_rate_is_kept(void **state)
{
	const struct faults slow = { 0, 100, UNLIMITED, UNLIMITED };
	struct fixture f;
	char text[51];
	int64_t now;

	(void)state;
	memset(text, 'r', 50);
	text[50] = '\0';
	open_flow(&f, &slow);
	say(&f, text);
	assert_int_equal(read_at(&f, NOW), FLOW_CONTINUES);
	assert_int_equal(f.flow.bytes_out, 2); /* a 50th of a second's */
	for (now = NOW; f.flow.last != NULL; now = flow_deadline(&f.flow)) {
		assert_true(flow_is_holding_back(&f.flow));
		assert_int_equal(flow_advance(&f.flow, now), FLOW_CONTINUES);
	}
	assert_int_equal(f.flow.bytes_out, 50);
	assert_int_equal(faults_next_at(f.flow.faults), NOW + SKU_SECOND / 2);
	close_flow(&f);
}

static void
the_end_comes_after_so_many_bytes(void **state)
{
	static const struct {
		int64_t close_after, reset_after;
		enum flow_next end;
		const char *came;
	} cases[] = {
		{ 4, UNLIMITED, FLOW_CLOSE, "1234" },
		{ UNLIMITED, 4, FLOW_RESET, "1234" },
		{ 0, UNLIMITED, FLOW_CLOSE, "" },
		{ UNLIMITED, 0, FLOW_RESET, "" },
		{ 6, UNLIMITED, FLOW_CLOSE, "123456" },
		{ 7, UNLIMITED, FLOW_CONTINUES, "123456" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct faults cut = { 0, UNLIMITED, cases[i].close_after,
			cases[i].reset_after };
		struct fixture f;

		open_flow(&f, &cut);
		/* Before the first byte too. */
		assert_int_equal(flow_advance(&f.flow, NOW),
		    *cases[i].came == '\0' ? cases[i].end : FLOW_CONTINUES);
		say(&f, "123456");
		assert_int_equal(read_at(&f, NOW), cases[i].end);
		assert_came(&f, cases[i].came);
		close_flow(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_to_the_other_socket),
		cmocka_unit_test(one_socket_is_not_shut_by_its_own_end),
		cmocka_unit_test(a_slow_reader_is_waited_for),
		cmocka_unit_test(delay_holds_back_each_for_its_own_time),
		cmocka_unit_test(a_flow_that_holds_back_is_bounded),
		cmocka_unit_test(limit_rate_is_kept),
		cmocka_unit_test(the_end_comes_after_so_many_bytes),
	};

	return cmocka_run_group_tests_name("a flow of bytes", tests, NULL, NULL);
}

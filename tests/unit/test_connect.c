/* test_connect.c - connecting in a loop and at once, and trying again. */
#include "net/connect.h"
#include "net/reconnect.h"
#include "run/run.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 200

struct fixture {
	struct loop loop;
	struct sku_sock server; /* bound: who connects is refused until it listens */
	struct endpoint endpoint;
	struct connect_options options;
	struct connector connectors[MANY];
	struct failure failures[MANY];
	struct reconnect reconnect;
	struct loop_timer timer, end;
	int descriptors, left, connected;
	struct failure failure;
	struct sku_address peer;
};

static void
too_late(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop, -1);
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sku_address address;

	assert_non_null(f);
	run.quiet = true;
	assert_int_equal(loop_open(&f->loop), 0);
	assert_int_equal(sku_socket(&f->server, AF_INET, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_address_from_numeric(&address, AF_INET, "127.0.0.1", 0), 0);
	assert_int_equal(sku_bind(&f->server, &address), 0);
	assert_int_equal(sku_getsockname(&f->server, &address), 0);
	(void)snprintf(
	    f->endpoint.text[1], sizeof(f->endpoint.text[1]), "%u", sku_address_port(&address));
	f->endpoint.host = "127.0.0.1";
	f->endpoint.port = f->endpoint.text[1];
	f->options =
	    (struct connect_options){ .connect_timeout_ns = SKU_DEFAULT_TIMEOUT, .fd = -1 };
	f->end.due = too_late;
	assert_int_equal(loop_set_timer(&f->loop, &f->end, sku_now() + 60 * SKU_SECOND), 0);
	f->descriptors = count_descriptors();
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	(void)sku_close(&f->server);
	loop_close(&f->loop);
	free(f);
	run.timeouts.run = sku_deadline_never();
	return 0;
}

/* One of those that are left has ended. */
static void
ended(struct fixture *f, struct sku_sock *sock, const struct failure *failure)
{
	if (sock != NULL) {
		f->connected++;
		assert_int_equal(sku_gettimeout(sock), 0);
		assert_int_equal(sku_send(sock, "x", 1, 0), 1);
		assert_int_equal(sku_close(sock), 0);
	} else {
		f->failure = *failure;
	}
	if (--f->left == 0)
		loop_stop(&f->loop, 0);
}

static void
done(struct connector *connector, struct sku_sock *sock, const struct failure *failure)
{
	ended(FIXTURE_OF(connector->loop), sock, failure);
}

static void
start(struct fixture *f, int count)
{
	f->left = count;
	for (int i = 0; i < count; i++) {
		f->connectors[i].done = done;
		f->connectors[i].failure = &f->failures[i];
		assert_int_equal(
		    connector_start(&f->loop, &f->connectors[i], &f->endpoint, &f->options), 0);
	}
	assert_int_equal(f->left, count); /* nothing is told before the loop runs */
}

static void
test_connectors_connect_in_a_loop(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sku_listen(&f->server, MANY), 0);
	start(f, MANY);
	assert_int_equal(loop_run(&f->loop), 0);
	assert_int_equal(f->connected, MANY);
	assert_int_equal(count_descriptors(), f->descriptors);
}

static void
test_names_connect_in_a_loop(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sku_listen(&f->server, MANY), 0);
	f->endpoint.host = "localhost";
	f->options.address.family = AF_INET; /* no second look-up, whose thread might stay behind */
	start(f, 20);
	assert_int_equal(loop_run(&f->loop), 0);
	assert_int_equal(f->connected, 20);
	assert_int_equal(count_descriptors(), f->descriptors);
}

static void
test_without_wait_a_refusal_is_told(void **state)
{
	struct fixture *f = *state;

	start(f, 2);
	assert_int_equal(loop_run(&f->loop), 0);
	assert_int_equal(f->connected, 0);
	assert_int_equal(f->failure.status, STATUS_NO_PEER);
	assert_int_equal(f->failure.errnum, ECONNREFUSED);
	assert_int_equal(count_descriptors(), f->descriptors);
}

static void
begin_to_listen(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	assert_int_equal(sku_listen(&FIXTURE_OF(loop)->server, MANY), 0);
}

static void
test_with_wait_the_peer_may_come_later(void **state)
{
	struct fixture *f = *state;

	f->options.wait_ns = SKU_NO_TIMEOUT;
	f->timer.due = begin_to_listen;
	assert_int_equal(loop_set_timer(&f->loop, &f->timer, sku_now() + 300 * SKU_MS), 0);
	start(f, 10);
	assert_int_equal(loop_run(&f->loop), 0);
	assert_int_equal(f->connected, 10);
	for (int i = 0; i < 10; i++)
		assert_in_range(f->connectors[i].retry.tries, 2, 8);
}

static void
test_the_time_is_up_and_the_last_failure_is_named(void **state)
{
	struct fixture *f = *state;
	int64_t begin = sku_now();

	f->options.wait_ns = 200 * SKU_MS;
	start(f, 1);
	assert_int_equal(loop_run(&f->loop), 0);
	assert_true(sku_now() - begin >= f->options.wait_ns);
	assert_int_equal(f->failure.status, STATUS_TIMED_OUT);
	assert_string_equal(f->failure.message, "timed out; the last failure: Connection refused");
	/* --max-time is an end, too; --wait 0 is none. */
	f->options.wait_ns = SKU_NO_TIMEOUT;
	run.timeouts.run = sku_deadline_in(100 * SKU_MS);
	assert_int_equal(
	    connect_now(&f->endpoint, &f->options, &f->server, &f->peer, &(struct failure){ 0 }),
	    -1);
	run.timeouts.run = sku_deadline_never();
	f->options.wait_ns = 0;
	failure_clear(&f->failure);
	assert_int_equal(
	    connect_now(&f->endpoint, &f->options, &f->server, &f->peer, &f->failure), -1);
	assert_int_equal(f->failure.status, STATUS_NO_PEER);
}

static void
test_what_time_cannot_mend_is_not_tried_again(void **state)
{
	struct fixture *f = *state;

	f->options.wait_ns = SKU_NO_TIMEOUT;
	f->endpoint.port = "no-such-service";
	start(f, 1);
	assert_int_equal(loop_run(&f->loop), 0);
	assert_int_equal(f->failure.status, STATUS_NOT_FOUND);
	f->endpoint.port = f->endpoint.text[1];
	(void)strcpy(f->options.source_host, "192.0.2.1");
	failure_clear(&f->failure);
	assert_int_equal(
	    connect_now(&f->endpoint, &f->options, &f->server, &f->peer, &f->failure), -1);
	assert_int_equal(f->failure.status, STATUS_FAILED);
	assert_int_equal(f->failure.errnum, EADDRNOTAVAIL);
}

static void
give_up(struct loop *loop, struct loop_timer *timer)
{
	struct fixture *f = FIXTURE_OF(loop);

	(void)timer;
	for (int i = 0; i < 10; i++)
		connector_cancel(&f->connectors[i]);
	connector_cancel(&f->connectors[10]); /* it was never started */
	assert_int_equal(sku_listen(&f->server, MANY), 0);
	f->timer.due = too_late;
	assert_int_equal(loop_set_timer(&f->loop, &f->timer, sku_now() + 200 * SKU_MS), 0);
}

static void
test_what_is_given_up_is_told_nothing(void **state)
{
	struct fixture *f = *state;

	f->options.wait_ns = SKU_NO_TIMEOUT;
	f->timer.due = give_up;
	assert_int_equal(loop_set_timer(&f->loop, &f->timer, sku_now() + 120 * SKU_MS), 0);
	start(f, 10);
	assert_int_equal(loop_run(&f->loop), -1);
	assert_int_equal(f->left, 10);
	assert_int_equal(count_descriptors(), f->descriptors);
}

static void
reconnected(struct reconnect *reconnect, struct sku_sock *sock, const struct failure *failure)
{
	ended(LOOP_OWNER(reconnect, struct fixture, reconnect), sock, failure);
}

static void
test_reconnecting_in_a_loop_counts_its_tries(void **state)
{
	struct fixture *f = *state;
	struct failure failure = { .status = STATUS_OK }, last = { .status = STATUS_OK };

	f->left = 1;
	f->reconnect = (struct reconnect)RECONNECT_INIT(2);
	f->reconnect.done = reconnected;
	f->reconnect.failure = &last;
	assert_int_equal(
	    reconnect_start(&f->loop, &f->reconnect, &f->endpoint, &f->options, &failure), 0);
	assert_int_equal(loop_run(&f->loop), 0);
	assert_int_equal(f->reconnect.left, 0);
	assert_int_equal(f->failure.status, STATUS_NO_PEER);
	/* Again, and somebody is there at the third try. */
	f->loop.stopped = false;
	f->left = 1;
	f->reconnect = (struct reconnect)RECONNECT_INIT(20);
	f->reconnect.done = reconnected;
	f->reconnect.failure = &last;
	f->timer.due = begin_to_listen;
	assert_int_equal(loop_set_timer(&f->loop, &f->timer, sku_now() + 450 * SKU_MS), 0);
	assert_int_equal(
	    reconnect_start(&f->loop, &f->reconnect, &f->endpoint, &f->options, &failure), 0);
	assert_int_equal(loop_run(&f->loop), 0);
	assert_int_equal(f->connected, 1);
	assert_in_range(f->reconnect.left, 14, 18);
	assert_int_equal(count_descriptors(), f->descriptors);
}

int
main(void)
{
#define WITH_A_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_A_SERVER(test_connectors_connect_in_a_loop),
		WITH_A_SERVER(test_names_connect_in_a_loop),
		WITH_A_SERVER(test_without_wait_a_refusal_is_told),
		WITH_A_SERVER(test_with_wait_the_peer_may_come_later),
		WITH_A_SERVER(test_the_time_is_up_and_the_last_failure_is_named),
		WITH_A_SERVER(test_what_time_cannot_mend_is_not_tried_again),
		WITH_A_SERVER(test_what_is_given_up_is_told_nothing),
		WITH_A_SERVER(test_reconnecting_in_a_loop_counts_its_tries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

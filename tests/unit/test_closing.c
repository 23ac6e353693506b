/* test_closing.c - the end of a connection: what the peer has by then, and how it sees it. */
#include "net/closing.h"

#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW (1000 * SKU_SECOND)
#define UNTIL (NOW + 10 * SKU_SECOND)

struct fixture {
	struct sku_sock ours, peer;
	struct closing closing;
	char bytes[1 << 20];
	size_t sent; /* to the peer, which has not read them */
};

/* The peer has little room, so that it does not acknowledge what it has not read. */
static void
connect_tcp(struct fixture *f)
{
	struct sku_address address = { .len = 0 };
	struct sku_sock listener;

	assert_int_equal(sku_address_from_numeric(&address, AF_INET, "127.0.0.1", 0), 0);
	assert_int_equal(sku_socket(&listener, AF_INET, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_setsockopt_int(&listener, SOL_SOCKET, SO_RCVBUF, 4096), 0);
	assert_int_equal(sku_bind(&listener, &address), 0);
	assert_int_equal(sku_listen(&listener, 1), 0);
	assert_int_equal(sku_getsockname(&listener, &address), 0);
	assert_int_equal(sku_socket(&f->ours, AF_INET, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_connect(&f->ours, &address), 0);
	assert_int_equal(sku_accept(&listener, &f->peer, NULL), 0);
	(void)sku_close(&listener);
}

static void
connect_unix(struct fixture *f)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(sku_socket_from_fd(&f->ours, fds[0]), 0);
	assert_int_equal(sku_socket_from_fd(&f->peer, fds[1]), 0);
}

static struct fixture *
open_connection(void (*connect_them)(struct fixture *))
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	connect_them(f);
	assert_int_equal(sku_settimeout(&f->ours, 0), 0);
	assert_int_equal(sku_settimeout(&f->peer, 0), 0);
	return f;
}

static void
close_connection(struct fixture *f)
{
	(void)sku_close(&f->ours);
	(void)sku_close(&f->peer);
	free(f);
}

/* Until there is no room. */
static void
fill(struct fixture *f)
{
	ssize_t n;

	while ((n = sku_send(&f->ours, f->bytes, sizeof(f->bytes), 0)) > 0)
		f->sent += (size_t)n;
	assert_int_equal(errno, EAGAIN);
}

/* The peer reads until its end, or an error: 0, or errno. */
static int
read_to_the_end(struct fixture *f, size_t *got)
{
	ssize_t n;

	assert_int_equal(sku_settimeout(&f->peer, 5 * SKU_SECOND), 0);
	*got = 0;
	while ((n = sku_recv(&f->peer, f->bytes, sizeof(f->bytes), 0)) > 0)
		*got += (size_t)n;
	return n == 0 ? 0 : errno;
}

/* As a loop does, until it is over or 5 s have passed. */
static enum closing_next
wait_for_end(struct fixture *f)
{
	for (int i = 0; i < 1000; i++) {
		enum closing_next next = closing_due(&f->closing, &f->ours);

		if (next != CLOSING_CONTINUES)
			return next;
		(void)usleep(5000);
	}
	return CLOSING_CONTINUES;
}

/* What a loop is told next is handled. */
static enum closing_next
handle_event(struct fixture *f, uint32_t events)
{
	struct pollfd fd = { .fd = sku_fileno(&f->ours), .events = (short)events };

	assert_int_equal(poll(&fd, 1, 5000), 1);
	return closing_ready(&f->closing, &f->ours, (uint32_t)fd.revents);
}

static void
in_order_it_waits_for_the_peers_end(void **state)
{
	void (*const ways[])(struct fixture *) = { connect_tcp, connect_unix };
	size_t got;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = open_connection(ways[i]);

		assert_int_equal(sku_send(&f->ours, "bye", 3, 0), 3);
		assert_int_equal(closing_begin(&f->closing, &f->ours, CLOSING_IN_ORDER, false),
		    CLOSING_CONTINUES);
		assert_int_equal(closing_deadline(&f->closing, NOW, UNTIL), UNTIL);
		assert_int_equal(read_to_the_end(f, &got), 0);
		assert_int_equal(got, 3);
		/* What it says still is thrown away. */
		assert_int_equal(sku_send(&f->peer, "more", 4, 0), 4);
		assert_int_equal(handle_event(f, EPOLLIN), CLOSING_CONTINUES);
		assert_int_equal(sku_shutdown(&f->peer, SHUT_WR), 0);
		assert_int_equal(handle_event(f, EPOLLIN), CLOSING_DONE);
		close_connection(f);
	}
}

static void
a_peer_that_ended_first_must_have_everything(void **state)
{
	struct fixture *f = open_connection(connect_tcp);
	size_t got;

	(void)state;
	fill(f);
	assert_int_equal(
	    closing_begin(&f->closing, &f->ours, CLOSING_IN_ORDER, true), CLOSING_CONTINUES);
	assert_true(closing_deadline(&f->closing, NOW, UNTIL) > NOW);
	assert_true(closing_deadline(&f->closing, NOW, UNTIL) < NOW + SKU_SECOND);
	assert_int_equal(closing_deadline(&f->closing, NOW, NOW + 1), NOW + 1);
	assert_true(closing_left(&f->ours) > 0);
	assert_int_equal(read_to_the_end(f, &got), 0);
	assert_int_equal(got, f->sent);
	assert_int_equal(wait_for_end(f), CLOSING_DONE);
	close_connection(f);
}

/* The peer's end says nothing of what it has read. */
static void
an_end_is_no_acknowledgement(void **state)
{
	struct fixture *f = open_connection(connect_tcp);

	(void)state;
	fill(f);
	assert_int_equal(
	    closing_begin(&f->closing, &f->ours, CLOSING_IN_ORDER, false), CLOSING_CONTINUES);
	assert_int_equal(sku_shutdown(&f->peer, SHUT_WR), 0);
	assert_int_equal(handle_event(f, EPOLLIN), CLOSING_CONTINUES);
	(void)sku_close(&f->peer); /* on unread bytes */
	assert_int_equal(wait_for_end(f), CLOSING_LOST);
	assert_true(errno == ECONNRESET || errno == EPIPE);
	close_connection(f);
}

static void
one_that_was_reset_is_lost(void **state)
{
	(void)state;
	for (int how = CLOSING_IN_ORDER; how <= CLOSING_BY_RESET; how++) {
		struct fixture *f = open_connection(connect_tcp);
		struct pollfd fd = { .fd = sku_fileno(&f->ours) };

		assert_int_equal(sku_reset(&f->peer), 0);
		assert_int_equal(poll(&fd, 1, 5000), 1);
		assert_int_equal(closing_begin(&f->closing, &f->ours, (enum closing_how)how, false),
		    CLOSING_LOST);
		assert_int_equal(errno, ECONNRESET);
		close_connection(f);
	}
}

static void
a_reset_takes_nothing_back(void **state)
{
	struct fixture *f = open_connection(connect_tcp);
	size_t got = 0;
	ssize_t n;

	(void)state;
	fill(f);
	assert_int_equal(
	    closing_begin(&f->closing, &f->ours, CLOSING_BY_RESET, false), CLOSING_CONTINUES);
	assert_int_equal(f->closing.how, CLOSING_BY_RESET);
	assert_true(closing_deadline(&f->closing, NOW, UNTIL) < NOW + SKU_SECOND);
	assert_int_equal(sku_settimeout(&f->peer, 5 * SKU_SECOND), 0);
	while (got < f->sent) {
		n = sku_recv(&f->peer, f->bytes, sizeof(f->bytes), 0);
		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_int_equal(wait_for_end(f), CLOSING_DONE);
	assert_int_equal(sku_reset(&f->ours), 0);
	assert_int_equal(read_to_the_end(f, &got), ECONNRESET);
	close_connection(f);
}

static void
a_unix_socket_has_no_reset(void **state)
{
	struct fixture *f = open_connection(connect_unix);
	size_t got;

	(void)state;
	assert_int_equal(sku_send(&f->ours, "bye", 3, 0), 3);
	assert_int_equal(
	    closing_begin(&f->closing, &f->ours, CLOSING_BY_RESET, false), CLOSING_CONTINUES);
	assert_int_equal(f->closing.how, CLOSING_IN_ORDER);
	assert_int_equal(read_to_the_end(f, &got), 0);
	assert_int_equal(got, 3);
	close_connection(f);
}

static void
a_close_is_a_reset_while_that_is_set(void **state)
{
	size_t got;

	(void)state;
	for (int back = 0; back < 2; back++) {
		struct fixture *f = open_connection(connect_tcp);

		closing_set_reset(&f->ours, true);
		if (back == 1)
			closing_set_reset(&f->ours, false);
		(void)sku_close(&f->ours);
		assert_int_equal(read_to_the_end(f, &got), back == 1 ? 0 : ECONNRESET);
		close_connection(f);
	}
}

static void
soon_is_at_once_for_one_that_is_quiet(void **state)
{
	void (*const ways[])(struct fixture *) = { connect_tcp, connect_unix };
	size_t got;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = open_connection(ways[i]);

		assert_int_equal(
		    closing_begin(&f->closing, &f->ours, CLOSING_SOON, false), CLOSING_DONE);
		(void)sku_close(&f->ours);
		assert_int_equal(read_to_the_end(f, &got), 0);
		close_connection(f);
	}
}

/* It goes on sending as long as it may: neither what it was sent nor the end becomes a reset. */
static void
soon_takes_nothing_back_from_one_that_sends(void **state)
{
	void (*const ways[])(struct fixture *) = { connect_tcp, connect_unix };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = open_connection(ways[i]);
		size_t got = 0;
		ssize_t n;

		assert_int_equal(sku_send(&f->peer, f->bytes, 50000, 0), 50000);
		fill(f);
		assert_int_equal(
		    closing_begin(&f->closing, &f->ours, CLOSING_SOON, false), CLOSING_CONTINUES);
		while ((n = sku_recv(&f->peer, f->bytes, 10000, 0)) != 0) {
			assert_true(n > 0 || errno == EAGAIN);
			got += n > 0 ? (size_t)n : 0;
			(void)sku_send(&f->peer, f->bytes, 10000, 0);
			assert_int_equal(handle_event(f, EPOLLIN), CLOSING_CONTINUES);
			assert_int_equal(closing_due(&f->closing, &f->ours), CLOSING_CONTINUES);
		}
		assert_int_equal(got, f->sent);
		assert_int_equal(wait_for_end(f), CLOSING_DONE); /* once it says nothing any more */
		assert_false(f->closing.peer_ended);
		close_connection(f);
	}
}

static void
what_a_hang_up_means_is_told(void **state)
{
	struct fixture *f = open_connection(connect_tcp);

	(void)state;
	assert_int_equal(
	    closing_begin(&f->closing, &f->ours, CLOSING_IN_ORDER, false), CLOSING_CONTINUES);
	assert_int_equal(sku_reset(&f->peer), 0);
	assert_int_equal(handle_event(f, 0), CLOSING_LOST);
	assert_int_equal(errno, ECONNRESET);
	close_connection(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_it_waits_for_the_peers_end),
		cmocka_unit_test(a_peer_that_ended_first_must_have_everything),
		cmocka_unit_test(an_end_is_no_acknowledgement),
		cmocka_unit_test(one_that_was_reset_is_lost),
		cmocka_unit_test(a_reset_takes_nothing_back),
		cmocka_unit_test(a_unix_socket_has_no_reset),
		cmocka_unit_test(a_close_is_a_reset_while_that_is_set),
		cmocka_unit_test(soon_is_at_once_for_one_that_is_quiet),
		cmocka_unit_test(soon_takes_nothing_back_from_one_that_sends),
		cmocka_unit_test(what_a_hang_up_means_is_told),
	};

	return cmocka_run_group_tests_name("the end of a connection", tests, NULL, NULL);
}

/* test_channel.c - a conversation and the limits of the run. */
#include "run/run.h"
#include "transfer/channel.h"
#include "transfer/tls.h"

#include "tls_pair.h"

#include <unistd.h>

/* Records without data do not stretch --max-time, even if more of them wait. */
static void
what_says_nothing_does_not_stop_the_clock(void **state)
{
	static const uint8_t key[32] = "0123456789abcdef0123456789abcde";
	struct failure failure = { .status = STATUS_OK };
	struct wire_message message;
	struct sku_sock sock;
	struct channel talk;
	struct tls_pair pair;
	enum tls_result c, s;
	size_t n;

	(void)state;
	need_openssl();
	tls_pair_open(&pair, key, key, &c, &s);
	assert_int_equal(sku_socket_from_fd(&sock, pair.fds[1]), 0);
	channel_init(&talk, &sock, "a peer", sku_now());
	talk.tls = pair.server;
	tls_set_key_update(
	    pair.client, 0); /* a key update before each byte: records without data */
	assert_int_equal(tls_write(pair.client, "any", 3, &n), TLS_DONE);
	run.timeouts.run = sku_deadline_in(0);
	assert_int_equal(channel_receive(&talk, &message, &failure), -1);
	assert_int_equal(failure.status, STATUS_TIMED_OUT);
	assert_true(bytes_waiting(pair.fds[1]) > 0);
	tls_pair_close(&pair);
}

/* The peer of one that ends has a moment to hear why, and no more, for the run is over. */
static void
the_end_of_the_run_leaves_a_moment_for_last_words(void **state)
{
	int64_t least = INT64_MAX;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const struct failure failure = { .status = STATUS_TIMED_OUT };
		uint8_t said[WIRE_HEADER_SIZE + 1];
		struct sku_sock sock;
		struct channel channel;
		int fds[2];
		int64_t began;

		open_pair(fds);
		assert_int_equal(sku_socket_from_fd(&sock, fds[1]), 0);
		channel_init(&channel, &sock, "a peer", sku_now());
		channel.greeted = true;
		run.timeouts.run = sku_deadline_in(0);
		began = sku_now();
		channel_close(&channel, &failure);
		assert_true(sku_now() - began >= 50 * SKU_MS);
		if (sku_now() - began < least)
			least = sku_now() - began;
		assert_int_equal(read(fds[0], said, sizeof(said)), sizeof(said));
		assert_int_equal(said[WIRE_HEADER_SIZE], WIRE_TIMED_OUT);
		(void)close(fds[0]);
		(void)sku_close(&sock);
	}
	assert_true(least < SKU_SECOND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_says_nothing_does_not_stop_the_clock),
		cmocka_unit_test(the_end_of_the_run_leaves_a_moment_for_last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_channel.c - a conversation and the limits of the run. */
#include "run/run.h"
#include "transfer/channel.h"
#include "transfer/tls.h"

#include "tls_pair.h"

#include <string.h>
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

/* Bytes of a greeting come, and then nothing for the rest of its ten seconds, or the end. */
static struct failure
greeting_of(size_t len, bool ends)
{
	const struct channel_options options = { .role = WIRE_SENDER };
	const struct wire_greeting whole = { WIRE_VERSION, WIRE_RECEIVER, false };
	struct failure failure = { .status = STATUS_OK };
	uint8_t greeting[WIRE_GREETING_SIZE];
	struct sku_sock sock;
	struct channel channel;
	int fds[2];

	open_pair(fds);
	assert_int_equal(sku_socket_from_fd(&sock, fds[1]), 0);
	channel_init(
	    &channel, &sock, "a peer", sku_now() - CHANNEL_HANDSHAKE_TIMEOUT + 20 * SKU_MS);
	wire_greeting_encode(greeting, &whole);
	assert_int_equal(write(fds[0], greeting, len), len);
	if (ends)
		assert_int_equal(shutdown(fds[0], SHUT_WR), 0);
	assert_int_equal(channel_open(&channel, &options, &failure), -1);
	(void)close(fds[0]);
	(void)sku_close(&sock);
	return failure;
}

static void
a_greeting_that_is_not_whole_is_called_what_it_is(void **state)
{
	struct failure failure;

	(void)state;
	run.timeouts.run = sku_deadline_never();
	run.timeouts.operation_ns = SKU_NO_TIMEOUT;
	failure = greeting_of(0, false);
	assert_non_null(strstr(failure.message, "the peer said nothing for 10 s"));
	assert_int_equal(failure.status, STATUS_MISMATCH);
	failure = greeting_of(1, false);
	assert_non_null(strstr(failure.message, "greeting was not complete after 10 s"));
	assert_int_equal(failure.status, STATUS_MISMATCH);
	assert_true(failure_is_connection_loss(&failure));
	/* What may be the first bytes of any file, and what can only be a greeting. */
	failure = greeting_of(WIRE_MAGIC_SIZE - 1, true);
	assert_int_equal(failure.status, STATUS_MISMATCH);
	assert_false(failure_is_connection_loss(&failure));
	failure = greeting_of(WIRE_MAGIC_SIZE, true);
	assert_int_equal(failure.status, STATUS_NO_PEER);
	assert_true(failure_is_connection_loss(&failure));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_says_nothing_does_not_stop_the_clock),
		cmocka_unit_test(the_end_of_the_run_leaves_a_moment_for_last_words),
		cmocka_unit_test(a_greeting_that_is_not_whole_is_called_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

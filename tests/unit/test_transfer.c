/* test_transfer.c - the functions of transfers that need no other program: messages, names, keys,
 * encryption, rates, amounts. */
#include "run/progress.h"
#include "run/rate.h"
#include "run/run.h"
#include "transfer/channel.h"
#include "transfer/secret.h"
#include "transfer/sha256.h"
#include "transfer/tls.h"
#include "transfer/transcript.h"
#include "transfer/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- messages ------------------------------------------------------------------------------ */

static void
a_greeting_is_what_the_page_says(void **state)
{
	static const uint8_t expected[] = { 0x89, 'S', 'F', 'V', '\r', '\n', 0x1a, '\n', 1, 2, 0, 1,
		0, 0, 0, 0 };
	const struct wire_greeting greeting = { WIRE_VERSION, WIRE_RECEIVER, true };
	struct wire_greeting back;
	uint8_t out[WIRE_GREETING_SIZE];

	(void)state;
	wire_greeting_encode(out, &greeting);
	assert_memory_equal(out, expected, sizeof(expected));
	assert_int_equal(wire_greeting_decode(out, &back), WIRE_GREETING_OK);
	assert_true(back.key && back.role == WIRE_RECEIVER && back.version == 1);
	for (size_t i = 0; i < sizeof(out); i++) {
		assert_true(wire_may_be_greeting(out, i));
		out[i] ^= 0x80;
		assert_int_not_equal(wire_greeting_decode(out, &back), WIRE_GREETING_OK);
		assert_int_equal(wire_may_be_greeting(out, sizeof(out)), i >= WIRE_MAGIC_SIZE);
		out[i] ^= 0x80;
	}
}

static void
every_message_comes_back_as_it_went(void **state)
{
	static const uint8_t types[] = { WIRE_HELLO, WIRE_OFFER, WIRE_HAVE, WIRE_PREFIX, WIRE_START,
		WIRE_DATA, WIRE_END, WIRE_VERDICT, WIRE_PROGRESS, WIRE_BYE, WIRE_BYE_OK,
		WIRE_ABORT };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX], again[sizeof(out)];
		struct wire_message message = { .type = (enum wire_type)types[i] }, back;
		enum wire_type type;
		uint32_t len;
		size_t n;

		switch (message.type) {
		case WIRE_OFFER:
			message.offer.index = 3;
			message.offer.mode = 0640;
			message.offer.size = INT64_MAX;
			message.offer.mtime_s = -1;
			message.offer.mtime_ns = 999999999;
			message.offer.name_len = WIRE_NAME_MAX;
			(void)memset(message.offer.name, 'x', WIRE_NAME_MAX);
			break;
		case WIRE_PREFIX:
			message.position.kind = WIRE_SHA256;
			break;
		case WIRE_DATA:
			message.data_len = WIRE_DATA_MAX;
			break;
		default:
			break;
		}
		n = wire_encode(out, &message);
		assert_true(wire_decode_header(out, &type, &len));
		assert_int_equal(type, message.type);
		assert_true(type == WIRE_DATA || n == WIRE_HEADER_SIZE + len);
		assert_true(wire_decode(type, out + WIRE_HEADER_SIZE, len, &back));
		assert_int_equal(wire_encode(again, &back), n);
		assert_memory_equal(out, again, n);
	}
}

static void
a_length_beyond_its_limits_is_no_header(void **state)
{
	uint8_t header[WIRE_HEADER_SIZE] = { WIRE_DATA, 0, 0, 0, 0, 0x10, 0, 0 };
	enum wire_type type;
	uint32_t len;

	(void)state;
	assert_true(wire_decode_header(header, &type, &len));
	assert_int_equal(len, WIRE_DATA_MAX);
	header[7] = 1;
	assert_false(wire_decode_header(header, &type, &len));
	(void)memset(header + 4, 0, 4);
	assert_false(wire_decode_header(header, &type, &len)); /* DATA must not be empty */
	header[0] = WIRE_BYE;
	assert_true(wire_decode_header(header, &type, &len));
	header[1] = 1;
	assert_false(wire_decode_header(header, &type, &len));
	header[1] = 0;
	for (int i = 0; i < 256; i++) {
		header[0] = (uint8_t)i;
		if (i < WIRE_HELLO || i > WIRE_ABORT)
			assert_false(wire_decode_header(header, &type, &len));
	}
}

static void
names_are_plain_or_none(void **state)
{
	static const char *const good[] = { "a", "a b", "x.txt", "\xc3\xa4", "x.part2", "part",
		"a-b", "~", "x\xc2\xa0y" };
	static const char *const bad[] = { "", ".", "..", ".x", "-x", "a/b", "/", "x.part", ".part",
		"\x1b", "x\n", "x\x7f", "\xc2\x80", "\xc2\x9f", "\xff", "\xc3", "\xed\xa0\x80" };
	char longest[WIRE_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(wire_name_is_plain(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wire_name_is_plain(bad[i], strlen(bad[i])));
	assert_false(wire_name_is_plain("a\0b", 3));
	(void)memset(longest, 'x', sizeof(longest));
	assert_true(wire_name_is_plain(longest, WIRE_NAME_MAX));
	assert_false(wire_name_is_plain(longest, WIRE_NAME_MAX + 1));
}

static void
every_code_has_a_status_and_words(void **state)
{
	(void)state;
	assert_int_equal(wire_code_status(WIRE_DONE), STATUS_OK);
	for (int code = WIRE_DONE + 1; code < WIRE_CODES; code++) {
		assert_int_not_equal(wire_code_status((uint8_t)code), STATUS_OK);
		assert_int_not_equal(strlen(wire_code_text((uint8_t)code)), 0);
	}
	assert_int_equal(wire_code_status(255), STATUS_MISMATCH);
}

static void
the_transcript_covers_all_that_was_said(void **state)
{
	struct transcript transcript = { .hello = { .type = WIRE_HELLO },
		.offer = { .type = WIRE_OFFER },
		.start = { .type = WIRE_START } };
	struct digest *bytes = digest_new();
	uint8_t first[DIGEST_BYTES], second[DIGEST_BYTES];

	(void)state;
	assert_non_null(bytes);
	transcript_digest(&transcript, bytes, first);
	transcript.offer.offer.mtime_s = 1;
	transcript_digest(&transcript, bytes, second);
	assert_memory_not_equal(first, second, DIGEST_BYTES);
	transcript.offer.offer.mtime_s = 0;
	digest_update(bytes, "x", 1);
	transcript_digest(&transcript, bytes, second);
	assert_memory_not_equal(first, second, DIGEST_BYTES);
	digest_reset(bytes);
	transcript_digest(&transcript, bytes, second);
	assert_memory_equal(first, second, DIGEST_BYTES);
	digest_free(bytes);
}

/* ---- keys and encryption -------------------------------------------------------------------- */

/* cmocka's skip() takes no reason.  tests/unit/run takes it from this line. */
static void
need_openssl(void)
{
	const char *why;

	if (tls_load(&why) && sha256_load(&why))
		return;
	(void)printf("# skip: %s\n", why);
	skip();
}

static void
the_key_is_derived_as_the_page_says(void **state)
{
	static const uint8_t expected[] = { 0xc4, 0x6a, 0xb5, 0x0e, 0x8b, 0x30, 0xd2, 0xe8, 0x56,
		0x76, 0xb1, 0xd6, 0x9b, 0x27, 0x4c, 0xd8, 0x3b, 0x41, 0x77, 0xe7, 0xce, 0x42, 0x21,
		0xc2, 0xec, 0x58, 0x52, 0xdb, 0xc7, 0xac, 0x7f, 0x36 };
	static const char secret[] = "0123456789abcdef0123456789abcdef";
	uint8_t key[SECRET_KEY_BYTES];

	(void)state;
	need_openssl();
	assert_true(tls_derive_key((const uint8_t *)secret, sizeof(secret) - 1, key));
	assert_memory_equal(key, expected, sizeof(key));
}

static void
sha256_is_sha256(void **state)
{
	static const char hex[] =
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	unsigned char expected[SHA256_BYTES], digest[SHA256_BYTES];
	struct sha256 *hash;

	(void)state;
	assert_true(sha256_parse(hex, expected));
	assert_false(sha256_parse("ba78", expected + 0));
	assert_false(sha256_parse("", digest));
	need_openssl();
	assert_true(sha256_parse(hex, expected));
	hash = sha256_new();
	assert_non_null(hash);
	sha256_update(hash, "ab", 2);
	assert_int_equal(sha256_so_far(hash, digest), 0);
	sha256_update(hash, "c", 1);
	assert_int_equal(sha256_so_far(hash, digest), 0);
	assert_memory_equal(digest, expected, sizeof(digest));
	sha256_free(hash);
}

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED
#endif
#endif

/* There is none from here on. */
static void
use_up_memory(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_AS, &none);
	/* Each size, for the C library keeps what was freed by its size. */
	for (size_t size = (size_t)1 << 20; size > 0; size -= size > 4096 ? size / 2 : 8) {
		while (malloc(size) != NULL) /* the process ends soon */
			;
	}
}

static void
no_memory_is_no_digest(void **state)
{
#ifdef IS_SANITIZED
	(void)state;
	(void)printf("# skip: memory is the sanitizers'\n");
	skip();
#else
	struct transcript transcript = { .hello = { .type = WIRE_HELLO },
		.offer = { .type = WIRE_OFFER },
		.start = { .type = WIRE_START } };
	struct digest *bytes = digest_new();
	uint8_t expected[DIGEST_BYTES], digest[DIGEST_BYTES], other[SHA256_BYTES];
	struct sha256 *hash;
	int status;
	pid_t child;

	(void)state;
	need_openssl();
	hash = sha256_new();
	assert_non_null(bytes);
	assert_non_null(hash);
	transcript_digest(&transcript, bytes, expected);
	assert_int_equal(sha256_so_far(hash, other), 0);
	child = fork();
	if (child == 0) {
		use_up_memory();
		transcript_digest(&transcript, bytes, digest);
		_exit((memcmp(digest, expected, sizeof(digest)) != 0) |
		      (sha256_so_far(hash, other) != -1) << 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	digest_free(bytes);
	sha256_free(hash);
#endif
}

/* The TLS handshake of both ends in one thread. */
static void
shake_hands(struct tls *client, struct tls *server, enum tls_result *c, enum tls_result *s)
{
	*c = *s = TLS_WANT_READ;
	for (int i = 0; i < 100 && (*c == TLS_WANT_READ || *s == TLS_WANT_READ); i++) {
		if (*c == TLS_WANT_READ)
			*c = tls_handshake(client);
		if (*s == TLS_WANT_READ)
			*s = tls_handshake(server);
	}
}

static void
open_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

static void
bytes_pass_and_keys_are_renewed(void **state)
{
	static const uint8_t key[32] = "0123456789abcdef0123456789abcde";
	static char out[200000], in[sizeof(out)];
	size_t sent = 0, received = 0, n;
	enum tls_result c, s;
	struct tls *client, *server;
	int fds[2];

	(void)state;
	need_openssl();
	open_pair(fds);
	client = tls_new(fds[0], true, key);
	server = tls_new(fds[1], false, key);
	assert_non_null(client);
	assert_non_null(server);
	shake_hands(client, server, &c, &s);
	assert_int_equal(c, TLS_DONE);
	assert_int_equal(s, TLS_DONE);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7 + i / 251);
	tls_set_key_update(client, 20000); /* instead of 64 GiB */
	while (received < sizeof(out)) {
		size_t piece = sizeof(out) - sent < 10000 ? sizeof(out) - sent : 10000;

		if (piece > 0 && tls_write(client, out + sent, piece, &n) == TLS_DONE)
			sent += n;
		if (tls_read(server, in + received, sizeof(in) - received, &n) == TLS_DONE)
			received += n;
	}
	assert_memory_equal(in, out, sizeof(out));
	assert_true(tls_key_updates(client) >= 8);
	tls_free(client);
	tls_free(server);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static int
bytes_waiting(int fd)
{
	int n;

	assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
	return n;
}

/* New keys are due while a record could not be written yet.  The key update must neither go before
 * that record nor delay it.  And tls_read() returns at each key update, however many there are. */
static void
keys_are_renewed_over_a_full_socket(void **state)
{
	static const uint8_t key[32] = "0123456789abcdef0123456789abcde";
	static char out[3000000], in[sizeof(out)];
	size_t sent = 0, received = 0, n;
	int fds[2], full = 0, turns = 0, early = 0;
	enum tls_result c, s;
	struct tls *client, *server;

	(void)state;
	need_openssl();
	open_pair(fds);
	client = tls_new(fds[0], true, key);
	server = tls_new(fds[1], false, key);
	assert_non_null(client);
	assert_non_null(server);
	shake_hands(client, server, &c, &s);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7 + i / 251);
	while (received < sizeof(out)) {
		assert_true(turns++ < 10000);
		while (sent < sizeof(out) &&
		       (c = tls_write(client, out + sent, sizeof(out) - sent, &n)) == TLS_DONE)
			sent += n;
		if (sent < sizeof(out)) {
			assert_int_equal(c, TLS_WANT_WRITE);
			full++;
			tls_set_key_update(client, 1);
		}
		s = tls_read(server, in + received, sizeof(in) - received, &n);
		assert_true(s == TLS_DONE || s == TLS_WANT_READ);
		received += n;
		early += received < sizeof(in) && bytes_waiting(fds[1]) > 0;
	}
	assert_memory_equal(in, out, sizeof(out));
	assert_true(full > 0);
	assert_true(early > 0);
	assert_true(tls_key_updates(client) > 1);
	/* The peer was not asked for new keys, so its next record is its first. */
	assert_int_equal(tls_write(server, out, 1, &n), TLS_DONE);
	assert_int_equal(bytes_waiting(fds[0]), 5 + 1 + 1 + 16);
	tls_free(client);
	tls_free(server);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* Records without data do not stretch --max-time, even if more of them wait. */
static void
what_says_nothing_does_not_stop_the_clock(void **state)
{
	static const uint8_t key[32] = "0123456789abcdef0123456789abcde";
	struct failure failure = { .status = STATUS_OK };
	struct wire_message message;
	struct sku_sock sock;
	struct channel talk;
	struct tls *client;
	enum tls_result c, s;
	int fds[2];
	size_t n;

	(void)state;
	need_openssl();
	open_pair(fds);
	assert_int_equal(sku_socket_from_fd(&sock, fds[1]), 0);
	channel_init(&talk, &sock, "a peer", sku_now());
	client = tls_new(fds[0], true, key);
	talk.tls = tls_new(fds[1], false, key);
	assert_non_null(client);
	assert_non_null(talk.tls);
	shake_hands(client, talk.tls, &c, &s);
	tls_set_key_update(client, 0); /* a key update before each byte: records without data */
	assert_int_equal(tls_write(client, "any", 3, &n), TLS_DONE);
	run.timeouts.run = sku_deadline_in(0);
	assert_int_equal(channel_receive(&talk, &message, &failure), -1);
	assert_int_equal(failure.status, STATUS_TIMED_OUT);
	assert_true(bytes_waiting(fds[1]) > 0);
	tls_free(talk.tls);
	tls_free(client);
	(void)close(fds[0]);
	(void)sku_close(&sock);
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

static void
another_key_is_found_out_by_both(void **state)
{
	static const uint8_t key[32] = "0123456789abcdef0123456789abcde",
			     other[32] = "0123456789abcdef0123456789abcdX";
	enum tls_result c, s;
	struct tls *client, *server;
	int fds[2];

	(void)state;
	need_openssl();
	open_pair(fds);
	client = tls_new(fds[0], true, key);
	server = tls_new(fds[1], false, other);
	shake_hands(client, server, &c, &s);
	assert_int_equal(c, TLS_KEYS_DIFFER);
	assert_int_equal(s, TLS_KEYS_DIFFER);
	tls_free(client);
	tls_free(server);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* ---- rates and amounts ---------------------------------------------------------------------- */

static void
a_pace_is_never_above_its_rate(void **state)
{
	struct rate rate = { .bytes_per_second = 1000 };
	int64_t now = 5 * SKU_SECOND, begin = now, sent = 0;

	(void)state;
	while (now < begin + 2 * SKU_SECOND) {
		size_t n = rate_allowance(&rate, 1 << 20, now);

		assert_true(n <= 1000);
		if (n > 0) {
			rate_account(&rate, n, now);
			sent += (int64_t)n;
		}
		now += 7 * SKU_MS;
	}
	assert_in_range(sent, 1900, 2030);
	rate.bytes_per_second = UNLIMITED;
	assert_int_equal(rate_allowance(&rate, 77, 0), 77);
}

static void
amounts_are_short(void **state)
{
	char buf[FORMAT_BYTES_MAX];

	(void)state;
	assert_string_equal(format_bytes(0, buf), "0 B");
	assert_string_equal(format_bytes(999, buf), "999 B");
	assert_string_equal(format_bytes(1536, buf), "1.5 KiB");
	assert_string_equal(format_bytes(INT64_C(5) << 30, buf), "5.0 GiB");
	assert_string_equal(format_rate(1 << 20, SKU_SECOND / 2, buf), "2.0 MiB/s");
	assert_string_equal(format_rate(5, 0, buf), "4.7 GiB/s");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_is_what_the_page_says),
		cmocka_unit_test(every_message_comes_back_as_it_went),
		cmocka_unit_test(a_length_beyond_its_limits_is_no_header),
		cmocka_unit_test(names_are_plain_or_none),
		cmocka_unit_test(every_code_has_a_status_and_words),
		cmocka_unit_test(the_transcript_covers_all_that_was_said),
		cmocka_unit_test(the_key_is_derived_as_the_page_says),
		cmocka_unit_test(sha256_is_sha256),
		cmocka_unit_test(no_memory_is_no_digest),
		cmocka_unit_test(bytes_pass_and_keys_are_renewed),
		cmocka_unit_test(keys_are_renewed_over_a_full_socket),
		cmocka_unit_test(what_says_nothing_does_not_stop_the_clock),
		cmocka_unit_test(the_end_of_the_run_leaves_a_moment_for_last_words),
		cmocka_unit_test(another_key_is_found_out_by_both),
		cmocka_unit_test(a_pace_is_never_above_its_rate),
		cmocka_unit_test(amounts_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

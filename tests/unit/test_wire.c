/* test_wire.c - greetings, messages, names and codes as bytes. */
#include "run/status.h"
#include "transfer/wire.h"

#include "unit.h"

#include <string.h>

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
		WIRE_DATA, WIRE_END, WIRE_VERDICT, WIRE_PROGRESS, WIRE_BYE, WIRE_BYE_OK, WIRE_ABORT,
		WIRE_HOLE };

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
		case WIRE_ABORT:
			message.code = WIRE_ONE_FILE;
			break;
		case WIRE_HOLE:
			message.hole_len = WIRE_HOLE_MAX;
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
		if (i < WIRE_HELLO || i > WIRE_HOLE)
			assert_false(wire_decode_header(header, &type, &len));
	}
}

static void
a_hole_has_a_length_within_its_limits(void **state)
{
	static const struct {
		uint8_t payload[8];
		bool good;
	} cases[] = {
		{ { 0 }, false },
		{ { 0, 0, 0, 0, 0, 0, 0, 1 }, true },
		{ { 0, 0, 0, 0, 4, 0, 0, 0 }, true },
		{ { 0, 0, 0, 0, 4, 0, 0, 1 }, false },
		{ { 0xff, 0, 0, 0, 0, 0, 0, 1 }, false },
	};
	struct wire_message message;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    wire_decode(WIRE_HOLE, cases[i].payload, 8, &message), cases[i].good);
}

static void
nobody_gives_up_because_all_is_done(void **state)
{
	uint8_t payload[4] = { 0 };
	struct wire_message message;

	(void)state;
	for (int code = 0; code < 256; code++) {
		payload[0] = (uint8_t)code;
		assert_int_equal(wire_decode(WIRE_ABORT, payload, sizeof(payload), &message),
		    code > WIRE_DONE && code < WIRE_CODES);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_is_what_the_page_says),
		cmocka_unit_test(every_message_comes_back_as_it_went),
		cmocka_unit_test(a_length_beyond_its_limits_is_no_header),
		cmocka_unit_test(a_hole_has_a_length_within_its_limits),
		cmocka_unit_test(nobody_gives_up_because_all_is_done),
		cmocka_unit_test(names_are_plain_or_none),
		cmocka_unit_test(every_code_has_a_status_and_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

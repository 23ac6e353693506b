/* test_sockwait.c - TEXT and TARGETs of sockwait: functions that need no other program. */
#include "run/run.h"
#include "sockwait/targets.h"
#include "sockwait/text.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void
escapes_stand_for_bytes(void **state)
{
	static const struct {
		const char *value, *bytes;
		size_t len;
	} cases[] = {
		{ "PING", "PING", 4 },
		{ "PING\\r\\n", "PING\r\n", 6 },
		{ "\\t\\\\\\x41", "\t\\A", 3 },
		{ "\\x00\\xff\\xFe", "\0\xff\xfe", 3 },
		{ "\\\\r", "\\r", 2 },
		{ "\\x0dx", "\rx", 2 },
		{ "\xff\xc3\xa4", "\xff\xc3\xa4", 3 },
		{ " ", " ", 1 },
	};
	struct text text;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		assert_null(text_parse(&text, cases[i].value));
		assert_int_equal(text.len, cases[i].len);
		assert_memory_equal(text.bytes, cases[i].bytes, cases[i].len);
		text_free(&text);
	}
}

static void
other_escapes_are_refused(void **state)
{
	static const char *const cases[] = { "", "\\", "x\\", "\\a", "\\0", "\\R", "\\x", "\\x1",
		"\\x1g", "\\xg1", "\\X41", "\\u0041", "a\\x4" };
	struct text text;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		assert_non_null(text_parse(&text, cases[i]));
		assert_null(text.bytes);
		assert_null(text.borders);
	}
}

/* Is the text found in what comes in pieces of that size? */
static bool
finds(const char *value, const char *bytes, size_t len, size_t piece)
{
	struct text text;
	size_t matched = 0;
	bool found = false;

	assert_null(text_parse(&text, value));
	for (size_t at = 0; at < len && !found; at += piece)
		found = text_find(&text, &matched, bytes + at, len - at < piece ? len - at : piece);
	text_free(&text);
	return found;
}

static void
text_is_found_across_pieces(void **state)
{
	static const struct {
		const char *value, *bytes;
		bool found;
	} cases[] = {
		{ "+PONG", "+PONG\r\n", true },
		{ "+PONG", "-LOADING\r\n+PONG", true },
		{ "+PONG", "+PON", false },
		{ "+PONG", "+PO+PONG", true },
		{ "aab", "aaaaaab", true },
		{ "abab", "abacabab", true },
		{ "abcabd", "abcabcabd", true },
		{ "aabaabaaa", "aabaabaabaaa", true },
		{ "aabaabaaa", "aabaabaab", false },
		{ "x", "", false },
		{ "ab", "a b", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		for (size_t piece = 1; piece <= 4; piece++)
			assert_int_equal(
			    finds(cases[i].value, cases[i].bytes, strlen(cases[i].bytes), piece),
			    cases[i].found);
	}
	assert_true(finds("a\\x00b", "xa\0b", 4, 1));
}

/* The same as memmem(3) says, for all short texts of two letters. */
static void
text_is_found_where_memmem_finds_it(void **state)
{
	enum { BITS = 8 };

	(void)state;
	for (unsigned needle = 0; needle < 1u << 4; needle++) {
		for (unsigned hay = 0; hay < 1u << BITS; hay++) {
			char text[5] = { 0 }, bytes[BITS];

			for (unsigned i = 0; i < 4; i++)
				text[i] = (char)('a' + (needle >> i & 1));
			for (unsigned i = 0; i < BITS; i++)
				bytes[i] = (char)('a' + (hay >> i & 1));
			assert_int_equal(
			    finds(text, bytes, BITS, 3), memmem(bytes, BITS, text, 4) != NULL);
		}
	}
}

static void
targets_have_these_forms(void **state)
{
	static const struct {
		const char *text, *host, *port, *path;
	} cases[] = {
		{ "localhost:80", "localhost", "80", NULL },
		{ "127.0.0.1:65535", "127.0.0.1", "65535", NULL },
		{ "[::1]:80", "::1", "80", NULL },
		{ "[fe80::1%1]:80", "fe80::1%1", "80", NULL },
		{ "db:ssh", "db", "ssh", NULL },
		{ "/run/db.sock", NULL, NULL, "/run/db.sock" },
		{ "./db.sock", NULL, NULL, "./db.sock" },
		{ "run/db.sock", NULL, NULL, "run/db.sock" },
		{ "./a:80", NULL, NULL, "./a:80" },
		{ "/run/a:80/b", NULL, NULL, "/run/a:80/b" },
		{ "@db", NULL, NULL, "@db" },
		{ "@a/b:1", NULL, NULL, "@a/b:1" },
		{ "db:@/run/port", "db", "@/run/port", NULL },
		{ "[::1]:@a:b/c", "::1", "@a:b/c", NULL },
	};
	const struct address_flags flags = { 0 };
	struct endpoint endpoint;
	struct failure failure = { 0 };
	char text[40];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		assert_int_equal(
		    target_parse(&endpoint, &flags, strcpy(text, cases[i].text), &failure), 0);
		if (cases[i].path != NULL) {
			assert_string_equal(endpoint.path, cases[i].path);
			continue;
		}
		assert_null(endpoint.path);
		assert_string_equal(endpoint.host, cases[i].host);
		assert_string_equal(endpoint.port, cases[i].port);
	}
}

static void
targets_of_one_place_are_joined(void **state)
{
	char *operands[] = { "LOCALHOST:80", "127.0.0.1:80", "/a", "localhost:080", "127.1:80",
		"@a", "[0:0::1]:80", "/a", "[::1]:80", "localhost:81", "localhost:80" };
	enum { N = LENGTH(operands) };
	/* The next one of the same place; 0: there is none. */
	static const size_t same[N] = { 3, 4, 7, 10, 0, 0, 8 };
	static const bool again[N] = {
		[3] = true, [4] = true, [7] = true, [8] = true, [10] = true
	};
	static const bool name[N] = { [0] = true, [3] = true, [9] = true, [10] = true };
	struct target targets[N] = { 0 };
	const struct address_flags flags = { 0 };
	struct failure failure = { 0 };

	(void)state;
	assert_int_equal(targets_parse(targets, &flags, operands, N, &failure), 0);
	for (size_t i = 0; i < N; i++) {
		assert_string_equal(targets[i].text, operands[i]);
		assert_int_equal(targets[i].is_again, again[i]);
		assert_int_equal(targets[i].needs_lookup, name[i]);
		assert_ptr_equal(targets[i].same, same[i] != 0 ? &targets[same[i]] : NULL);
	}
	targets_free(targets, N);
}

/* Misuse is a failure that says what is wrong. */
static bool
is_accepted(const char *target)
{
	const struct address_flags flags = { 0 };
	char text[100], *operands[] = { strcpy(text, target) };
	struct target parsed = { 0 };
	struct failure failure = { 0 };
	int result = targets_parse(&parsed, &flags, operands, 1, &failure);

	assert_int_equal(failure.status, result == 0 ? STATUS_OK : STATUS_USAGE);
	assert_true(result == 0 || failure.message[0] != '\0');
	targets_free(&parsed, 1);
	return result == 0;
}

/* HOST:PORT is a TARGET exactly where HOST and PORT are right, each by itself. */
static void
a_target_is_a_right_host_with_a_right_port(void **state)
{
	static const struct {
		const char *text;
		bool right;
	} hosts[] = { { "localhost", true }, { "db-1.example", true }, { "127.0.0.1", true },
		{ "127.1", true }, { "[::1]", true }, { "[fe80::1%1]", true }, { "", false },
		{ "*", false }, { "1.2.3.999", false }, { "[::1", false }, { "[fe80::1]", false },
		{ "[fe80::1%nosuch]", false }, { "[::1%]", false }, { "[localhost]", false },
		{ "[]", false }, { "a..b", false }, { "d b", false }, { "user@db", false },
		{ "tcp:db", false }, { "http://db", false } },
	  ports[] = { { "80", true }, { "1", true }, { "65535", true }, { "0080", true },
		  { "http", true }, { "@file", true }, { "@/a:b", true }, { "", false },
		  { "0", false }, { "65536", false }, { "99999999999999999999", false },
		  { "-1", false }, { "+1", false }, { " 80", false }, { "80 ", false },
		  { "8 0", false }, { "0x50", false }, { "nosuchservice", false },
		  { "80/tcp", false }, { "@", false } };
	char text[100];

	(void)state;
	for (size_t h = 0; h < LENGTH(hosts); h++) {
		for (size_t p = 0; p < LENGTH(ports); p++) {
			bool right = hosts[h].right && ports[p].right;

			(void)snprintf(text, sizeof(text), "%s:%s", hosts[h].text, ports[p].text);
			if (is_accepted(text) != right)
				fail_msg("'%s' is %s", text, right ? "refused" : "accepted");
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_stand_for_bytes),
		cmocka_unit_test(other_escapes_are_refused),
		cmocka_unit_test(text_is_found_across_pieces),
		cmocka_unit_test(text_is_found_where_memmem_finds_it),
		cmocka_unit_test(targets_have_these_forms),
		cmocka_unit_test(targets_of_one_place_are_joined),
		cmocka_unit_test(a_target_is_a_right_host_with_a_right_port),
	};

	run_begin("test_sockwait");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

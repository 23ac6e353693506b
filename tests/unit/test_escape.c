/* test_escape.c - bytes of strangers in text, lines, fields and JSON; ASCII letters in upper case.
 */
#include "run/ascii.h"
#include "run/escape.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* However text is cut into pieces, it is shown as if it had come at once. */
static void
pieces_are_shown_as_the_whole(void **state)
{
	static const char text[] =
	    "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xe2\x82 \xc3 \x80\x80\x80\x80 "
	    "\xf4\x90\x80\x80 \xed\xa0\x80 \xff\xc2\x9b\xf0\x9f\x98";
	char *whole = escape_text(text, sizeof(text) - 1, ESCAPE_TEXT, NULL);

	(void)state;
	for (size_t size = 1; size < sizeof(text); size++) {
		struct escape_rest rest = { .len = 0 };
		char shown[sizeof(text) * 4 + 1] = "";

		for (size_t at = 0; at < sizeof(text) - 1; at += size) {
			size_t left = sizeof(text) - 1 - at, len;
			char *piece =
			    escape_piece(&rest, text + at, left < size ? left : size, false, &len);

			assert_int_equal(len, strlen(piece));
			(void)strlcat(shown, piece, sizeof(shown));
			free(piece);
			assert_true(rest.len <= sizeof(rest.bytes));
		}
		if (rest.len > 0) {
			char *piece = escape_piece(&rest, "", 0, true, NULL);

			(void)strlcat(shown, piece, sizeof(shown));
			free(piece);
		}
		assert_int_equal(rest.len, 0);
		assert_string_equal(shown, whole);
	}
	free(whole);
}

static void
strangers_bytes_are_escaped(void **state)
{
	static const struct {
		const char *in;
		enum escape_for purpose;
		const char *out;
	} cases[] = {
		{ "plain", ESCAPE_TEXT, "plain" },
		{ "tab\tnl\n", ESCAPE_TEXT, "tab\tnl\n" },
		{ "tab\tnl\n\\", ESCAPE_LINE, "tab\\tnl\\n\\" },
		{ "tab\tnl\n\\", ESCAPE_FIELD, "tab\\tnl\\n\\\\" },
		{ "\x1b[31m\r\x7f", ESCAPE_TEXT, "\\x1b[31m\\x0d\\x7f" },
		{ "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", ESCAPE_TEXT,
		    "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xc2\x9b", ESCAPE_TEXT, "\\xc2\\x9b" }, /* C1 in UTF-8 */
		{ "\x9b", ESCAPE_TEXT, "\\x9b" },	   /* C1 as a single byte */
		{ "\xc0\xaf", ESCAPE_TEXT, "\\xc0\\xaf" }, /* an overlong form */
		{ "\xe0\x80\xaf", ESCAPE_TEXT, "\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", ESCAPE_TEXT, "\\xed\\xa0\\x80" }, /* a surrogate */
		{ "\xf4\x90\x80\x80", ESCAPE_TEXT, "\\xf4\\x90\\x80\\x80" },
		{ "\xe2\x82", ESCAPE_TEXT, "\\xe2\\x82" }, /* a sequence that was cut */
		{ "\xff", ESCAPE_TEXT, "\\xff" },
		{ "\xef\xbb\xbf"
		  "a\xe2\x80\x8b\xe2\x80\xae",
		    ESCAPE_LINE, "\\u{feff}a\\u{200b}\\u{202e}" },
		{ "\xe2\x80\x90\xe2\x81\xa9\xe2\x81\xaa", ESCAPE_LINE,
		    "\xe2\x80\x90\\u{2069}\xe2\x81\xaa" },
		{ "\xef\xbb\xbf", ESCAPE_TEXT, "\xef\xbb\xbf" },
		{ "\xef\xbb\xbf", ESCAPE_FIELD, "\xef\xbb\xbf" },
		{ "tab\t\\\x7f\xc2\x9b\xff", ESCAPE_JSON, "tab\t\\\x7f\xc2\x9b\\xff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len;
		char *out = escape_text(cases[i].in, strlen(cases[i].in), cases[i].purpose, &len);

		assert_string_equal(out, cases[i].out);
		assert_int_equal(len, strlen(out));
		free(out);
	}
	{
		char *out = escape_text("a\0b", 3, ESCAPE_TEXT, NULL);

		assert_string_equal(out, "a\\x00b");
		free(out);
	}
	assert_true(escape_is_utf8("h\xc3\xa9", 3));
	assert_false(escape_is_utf8("h\xc3", 2));
}

/* Whichever character comes where a piece is full. */
static void
pieces_without_memory_are_the_whole(void **state)
{
	static const char characters[] = "a\t\xc2\x9b\xff\xef\xbb\xbf\xf0\x9f\x98\x80\xe2";
	const size_t size = sizeof(characters) - 1;
	char text[1000], joined[4 * sizeof(text)], piece[ESCAPE_PIECE];

	(void)state;
	for (size_t start = 0; start < size; start++) {
		const char *rest = text;
		size_t left = sizeof(text), len = 0;
		char *whole;

		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = characters[(start + i) % size];
		whole = escape_text(text, sizeof(text), ESCAPE_LINE, NULL);
		while (left > 0) {
			size_t n = escape_next(piece, &rest, &left, ESCAPE_LINE);

			assert_in_range(n, 1, ESCAPE_PIECE);
			(void)memcpy(joined + len, piece, n);
			len += n;
		}
		assert_int_equal(len, strlen(whole));
		assert_memory_equal(joined, whole, len);
		free(whole);
	}
}

static void
upper_is_bytes_upper(void **state)
{
	char bytes[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	ascii_upper(bytes, sizeof(bytes));
	for (int i = 0; i < 256; i++)
		assert_int_equal((unsigned char)bytes[i], i >= 'a' && i <= 'z' ? i - 'a' + 'A' : i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_bytes_are_escaped),
		cmocka_unit_test(pieces_are_shown_as_the_whole),
		cmocka_unit_test(pieces_without_memory_are_the_whole),
		cmocka_unit_test(upper_is_bytes_upper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

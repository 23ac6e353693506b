/* fuzz_match.c - TEXT of sockwait, compared with a second parser, which was written from the
 * manual, and looked for in bytes that come piece by piece, compared with memmem(3).  The first
 * byte is the size of the pieces, the second how many of the bytes that follow are TEXT. */
#include "sockwait/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Any bytes but a backslash, which begins \r, \n, \t, \\ or \xNN; not empty. */
static bool
bytes_of(const char *text, char *bytes, size_t *len)
{
	for (*len = 0; *text != '\0'; text++) {
		char c = *text;

		if (c == '\\') {
			switch (*++text) {
			case 'r':
				c = '\r';
				break;
			case 'n':
				c = '\n';
				break;
			case 't':
				c = '\t';
				break;
			case '\\':
				break;
			case 'x':
				if (hex_of(text[1]) == -1 || hex_of(text[2]) == -1)
					return false;
				c = (char)(hex_of(text[1]) << 4 | hex_of(text[2]));
				text += 2;
				break;
			default:
				return false;
			}
		}
		bytes[(*len)++] = c;
	}
	return *len > 0;
}

static bool
finds(const struct text *text, const char *bytes, size_t len, size_t piece)
{
	size_t matched = 0;

	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		if (text_find(text, &matched, bytes + at, n))
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char value[256] = "", bytes[256];
	size_t piece, value_len, len;
	struct text text;
	bool right;

	if (size < 2)
		return 0;
	piece = data[0] + (size_t)1;
	value_len = data[1] < size - 2 ? data[1] : size - 2;
	(void)memcpy(value, data + 2, value_len);
	right = bytes_of(value, bytes, &len);
	if ((text_parse(&text, value) == NULL) != right)
		abort();
	data += 2 + value_len;
	size -= 2 + value_len;
	if (right && (text.len != len || memcmp(text.bytes, bytes, len) != 0 ||
			 finds(&text, (const char *)data, size, piece) !=
			     (memmem(data, size, bytes, len) != NULL)))
		abort();
	text_free(&text);
	return 0;
}

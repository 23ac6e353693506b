/* text.c - TEXT of --send and --match: what is sent to a service, and what must come from it.
 * Row tool. */
#include "sockwait/text.h"

#include <stdlib.h>
#include <string.h>

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)((found - digits) % 16) : -1;
}

/* The byte that the escape at *at stands for; *at moves behind it.  -1: it is no escape. */
static int
escaped_byte(const char **at)
{
	static const char names[] = "rnt\\";
	static const unsigned char bytes[] = "\r\n\t\\";
	const char *p = *at, *name = *p != '\0' ? strchr(names, *p) : NULL;
	int high, low;

	if (name != NULL) {
		*at = p + 1;
		return bytes[name - names];
	}
	if (*p != 'x' || (high = hex_digit(p[1])) == -1 || (low = hex_digit(p[2])) == -1)
		return -1;
	*at = p + 3;
	return high * 16 + low;
}

static bool
unescape(struct text *text, const char *value)
{
	while (*value != '\0') {
		const char *at = value + 1;
		int byte = *value == '\\' ? escaped_byte(&at) : (unsigned char)*value;

		if (byte == -1)
			return false;
		text->bytes[text->len++] = (char)byte;
		value = at;
	}
	return true;
}

/* Fill borders (Knuth, Morris, Pratt): the text is searched for in itself. */
static void
find_borders(struct text *text)
{
	size_t border = 0;

	for (size_t i = 1; i < text->len; i++) {
		while (border > 0 && text->bytes[i] != text->bytes[border])
			border = text->borders[border];
		border += text->bytes[i] == text->bytes[border];
		text->borders[i + 1] = border;
	}
}

const char *
text_parse(struct text *text, const char *value)
{
	size_t len = strlen(value);

	*text = (struct text){ 0 };
	if (len == 0)
		return "TEXT that is not empty";
	text->bytes = malloc(len);
	text->borders = calloc(len + 1, sizeof(*text->borders));
	if (text->bytes == NULL || text->borders == NULL) {
		text_free(text);
		return "TEXT for which there is memory";
	}
	if (!unescape(text, value)) {
		text_free(text);
		return "TEXT in which a backslash begins \\r, \\n, \\t, \\\\ or \\xNN";
	}
	find_borders(text);
	return NULL;
}

void
text_free(struct text *text)
{
	free(text->bytes);
	free(text->borders);
	*text = (struct text){ 0 };
}

bool
text_find(const struct text *text, size_t *matched, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len && *matched < text->len; i++) {
		while (*matched > 0 && bytes[i] != text->bytes[*matched])
			*matched = text->borders[*matched];
		*matched += bytes[i] == text->bytes[*matched];
	}
	return *matched == text->len;
}

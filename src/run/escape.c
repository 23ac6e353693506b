/* escape.c - text from peers and resolvers, made safe for a terminal, a message or a field.
 * Row run. */
#include "run/escape.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 16 /* four bytes, each as \xNN */

/* The length of the UTF-8 sequence at p, with its code point in *code; 0 if there is none.  RFC
 * 3629: only the shortest form is valid, and surrogates are not. */
static size_t
utf8_sequence(const unsigned char *p, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 :
		   p[0] < 0xc2 ? 0 :
		   p[0] < 0xe0 ? 2 :
		   p[0] < 0xf0 ? 3 :
		   p[0] < 0xf5 ? 4 :
				 0;

	if (n == 0 || n > len)
		return 0;
	*code = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3fu);
	}
	if (n > 1 && (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000)))
		return 0;
	return n;
}

bool
escape_is_utf8(const char *text, size_t len)
{
	uint32_t code;

	while (len > 0) {
		size_t n = utf8_sequence((const unsigned char *)text, len, &code);

		if (n == 0)
			return false;
		text += n;
		len -= n;
	}
	return true;
}

/* The letter of a two-character escape for this purpose; 0 if there is none. */
static char
short_escape(uint32_t code, enum escape_for purpose)
{
	if (purpose == ESCAPE_TEXT || purpose == ESCAPE_JSON)
		return 0;
	if (code == '\t')
		return 't';
	if (code == '\n')
		return 'n';
	return code == '\\' && purpose == ESCAPE_FIELD ? '\\' : 0;
}

static bool
is_control(uint32_t code, enum escape_for purpose)
{
	if (purpose == ESCAPE_TEXT && (code == '\t' || code == '\n'))
		return false;
	if (purpose == ESCAPE_JSON)
		return false;
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* Zero-width characters, the byte order mark, and what turns the direction of text. */
static bool
is_invisible(uint32_t code, enum escape_for purpose)
{
	if (purpose != ESCAPE_LINE)
		return false;
	return code == 0xfeff || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static char *
hex(char *out, unsigned byte)
{
	static const char digits[] = "0123456789abcdef";

	*out++ = digits[byte >> 4];
	*out++ = digits[byte & 15];
	return out;
}

static char *
hex_escape(char *out, unsigned char byte)
{
	*out++ = '\\';
	*out++ = 'x';
	return hex(out, byte);
}

/* Invisible characters have codes of four digits. */
static char *
code_escape(char *out, uint32_t code)
{
	*out++ = '\\';
	*out++ = 'u';
	*out++ = '{';
	out = hex(hex(out, code >> 8), code & 0xff);
	*out++ = '}';
	return out;
}

/* Nearly all that comes is this, and stays as it is for every purpose. */
static bool
is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '\\';
}

bool
escape_is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_plain((unsigned char)text[i]))
			return false;
	}
	return true;
}

/* Escape the character at *p, which becomes at most four times as long, and move *p behind it. */
static char *
escape_character(
    char *out, const unsigned char **p, const unsigned char *end, enum escape_for purpose)
{
	uint32_t code = 0;
	size_t n, taken;
	char letter;

	if (is_plain(**p)) {
		*out++ = (char)*(*p)++;
		return out;
	}
	n = utf8_sequence(*p, (size_t)(end - *p), &code);
	taken = n > 0 ? n : 1;
	letter = n > 0 ? short_escape(code, purpose) : 0;
	if (letter != 0) {
		*out++ = '\\';
		*out++ = letter;
	} else if (n == 0 || is_control(code, purpose)) {
		for (size_t i = 0; i < taken; i++)
			out = hex_escape(out, (*p)[i]);
	} else if (is_invisible(code, purpose)) {
		out = code_escape(out, code);
	} else {
		(void)memcpy(out, *p, n);
		out += n;
	}
	*p += taken;
	return out;
}

size_t
escape_next(char piece[ESCAPE_PIECE], const char **text, size_t *len, enum escape_for purpose)
{
	const unsigned char *p = (const unsigned char *)*text, *end = p + *len;
	char *out = piece;

	while (p < end && out + LONGEST <= piece + ESCAPE_PIECE)
		out = escape_character(out, &p, end, purpose);
	*text = (const char *)p;
	*len = (size_t)(end - p);
	return (size_t)(out - piece);
}

char *
escape_text(const char *text, size_t len, enum escape_for purpose, size_t *out_len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;
	char *result = len < SIZE_MAX / 4 ? malloc(len * 4 + 1) : NULL, *out = result;

	if (result == NULL)
		return NULL;
	while (p < end)
		out = escape_character(out, &p, end, purpose);
	*out = '\0';
	if (out_len != NULL)
		*out_len = (size_t)(out - result);
	return result;
}

/* The bytes at the end of text that may be the beginning of a UTF-8 sequence. */
static size_t
cut_length(const char *text, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++) {
		unsigned char lead = (unsigned char)text[len - n];

		if ((lead & 0xc0) == 0x80)
			continue;
		return lead >= 0xc2 && lead < 0xf5 &&
			       n < (lead < 0xe0	   ? 2 :
				       lead < 0xf0 ? 3 :
						     4) ?
			   n :
			   0;
	}
	return 0;
}

char *
escape_piece(struct escape_rest *rest, const char *bytes, size_t len, bool last, size_t *out_len)
{
	char *joined = malloc(rest->len + len + 1), *escaped;

	if (joined == NULL)
		return NULL;
	memcpy(joined, rest->bytes, rest->len);
	memcpy(joined + rest->len, bytes, len);
	len += rest->len;
	rest->len = last ? 0 : cut_length(joined, len);
	len -= rest->len;
	memcpy(rest->bytes, joined + len, rest->len);
	escaped = escape_text(joined, len, ESCAPE_TEXT, out_len);
	free(joined);
	return escaped;
}

/* escape.h - text from peers and resolvers, made safe for a terminal, a message or a field. */
#ifndef RUN_ESCAPE_H
#define RUN_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

enum escape_for {
	ESCAPE_TEXT, /* tab and newline stay */
	/* For text inside a message: tab and newline become \t and \n, and characters that cannot
	 * be seen, or that turn the direction of text, \u{feff}. */
	ESCAPE_LINE,
	ESCAPE_FIELD, /* a backslash becomes \\, too */
	ESCAPE_JSON,  /* invalid UTF-8 alone: JSON escapes the rest in its own way */
};

/* A piece of escaped text has room for the longest character. */
#define ESCAPE_PIECE 256

/* Replace control characters (C0, DEL, C1 also in UTF-8) and invalid UTF-8 by \xNN.  Other UTF-8
 * stays.  Returns a string that the caller frees, or NULL when there is no memory.  *out_len, which
 * may be NULL, is its length. */
char *escape_text(const char *text, size_t len, enum escape_for purpose, size_t *out_len);
/* Text that comes in pieces: the first bytes of a character, whose rest the next piece may have. */
struct escape_rest {
	char bytes[3];
	size_t len;
};

/* The next piece as escape_text() gives it for ESCAPE_TEXT, with what the one before has left in
 * *rest.  last: nothing follows, and nothing is left. */
char *escape_piece(
    struct escape_rest *rest, const char *bytes, size_t len, bool last, size_t *out_len);
/* escape_text() without memory: as many characters as one piece holds.  Moves *text and *len behind
 * them, and returns the length of the piece. */
size_t escape_next(
    char piece[ESCAPE_PIECE], const char **text, size_t *len, enum escape_for purpose);
/* Would it be the same for every purpose?  False says nothing. */
bool escape_is_plain(const char *text, size_t len);
/* Are all len bytes valid UTF-8? */
bool escape_is_utf8(const char *text, size_t len);

#endif

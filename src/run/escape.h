/* escape.h - text from peers and resolvers, made safe for a terminal, a message or a field. */
#ifndef RUN_ESCAPE_H
#define RUN_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

enum escape_for {
	ESCAPE_TEXT, /* tab and newline stay */
	/* For a message: tab and newline become \t and \n.  Invisible characters, and those that
	 * change the direction of text, become \u{feff}. */
	ESCAPE_LINE,
	ESCAPE_FIELD, /* a backslash becomes \\, too */
	ESCAPE_JSON,  /* only invalid UTF-8: JSON escapes the rest in its own way */
};

/* The size of a piece of escaped text; the longest character fits. */
#define ESCAPE_PIECE 256

/* Replace control characters (C0, DEL, C1 also in UTF-8) and invalid UTF-8 by \xNN.  Other UTF-8
 * stays.  Returns a string that the caller frees, or NULL if out of memory.  Sets *out_len to its
 * length; out_len may be NULL. */
char *escape_text(const char *text, size_t len, enum escape_for purpose, size_t *out_len);
/* For text that comes in pieces: the first bytes of a character that the next piece may
 * complete. */
struct escape_rest {
	char bytes[3];
	size_t len;
};

/* Escape the next piece for ESCAPE_TEXT, with what the piece before left in *rest.  last: nothing
 * follows, so nothing is left in *rest.  Returns as escape_text(). */
char *escape_piece(
    struct escape_rest *rest, const char *bytes, size_t len, bool last, size_t *out_len);
/* escape_text() without malloc(3): escapes as many characters as fit into one piece, and moves
 * *text and *len behind them.  Returns the length of the piece. */
size_t escape_next(
    char piece[ESCAPE_PIECE], const char **text, size_t *len, enum escape_for purpose);
/* Would it be the same for every purpose?  False says nothing. */
bool escape_is_plain(const char *text, size_t len);
/* Are all len bytes valid UTF-8? */
bool escape_is_utf8(const char *text, size_t len);

#endif

/* escape.h - text from strangers, made fit for a terminal, a message or a field. */
#ifndef RUN_ESCAPE_H
#define RUN_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

enum escape_for {
	ESCAPE_TEXT,  /* tab and newline pass */
	ESCAPE_LINE,  /* they become \t and \n: text inside a message */
	ESCAPE_FIELD, /* so does a backslash: \\ */
};

/* Control bytes (C0, DEL, C1 also in UTF-8) and invalid UTF-8 as \xNN; valid UTF-8 passes.
 * A string that the caller frees, or NULL without memory.  *out_len (may be NULL): its length. */
char *escape_text(const char *text, size_t len, enum escape_for purpose, size_t *out_len);
/* Is it UTF-8 from end to end? */
bool escape_is_utf8(const char *text, size_t len);

#endif

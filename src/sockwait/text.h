/* text.h - TEXT of --send and --match: what is sent to a service, and what must come from it. */
#ifndef SOCKWAIT_TEXT_H
#define SOCKWAIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Any bytes.  All zero: not given. */
struct text {
	char *bytes;
	size_t len;
	/* borders[i]: the length of the longest proper suffix of the first i bytes that is also a
	 * prefix of the text.  See text_find(). */
	size_t *borders;
};

/* Parse TEXT, in which \r, \n, \t, \\ and \xNN stand for bytes.  Returns NULL, or what TEXT must be
 * (not to be freed). */
const char *text_parse(struct text *text, const char *value);
void text_free(struct text *text);

/* Look for the text in bytes that come piece by piece.  *matched is how many first bytes of the
 * text the pieces so far end with; 0 at first.  Returns true once the whole text has come. */
bool text_find(const struct text *text, size_t *matched, const char *bytes, size_t len);

#endif

/* text.h - TEXT of --send and --match: what a service is told, and what it must say. */
#ifndef SOCKWAIT_TEXT_H
#define SOCKWAIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Any bytes.  All zero: not given. */
struct text {
	char *bytes;
	size_t len;
	/* Of the first i bytes: how many of their last bytes are also the first ones of the text.
	 * See text_find(). */
	size_t *borders;
};

/* Parse TEXT, in which \r, \n, \t, \\ and \xNN stand for bytes.  Returns NULL, or what TEXT must be
 * (not to be freed). */
const char *text_parse(struct text *text, const char *value);
void text_free(struct text *text);

/* Look for the text in bytes that come piece by piece.  *matched is how many bytes of the text the
 * pieces so far end in, at first 0.  True once the whole text has come. */
bool text_find(const struct text *text, size_t *matched, const char *bytes, size_t len);

#endif

/* mark.h - the byte order mark at the beginning of a text file. */
#ifndef OPTIONS_MARK_H
#define OPTIONS_MARK_H

#include <stddef.h>

enum text_mark {
	MARK_NONE,
	MARK_UTF8,  /* a byte order mark, which is skipped: MARK_UTF8_LENGTH bytes */
	MARK_UTF16, /* the file is UTF-16, which is refused: MARK_UTF16_ERROR */
};

#define MARK_UTF8_LENGTH ((size_t)3)
#define MARK_UTF16_ERROR "it is UTF-16, not UTF-8"

/* The mark in the first len bytes.  It is right if len is at least 3, or the whole file. */
enum text_mark text_mark(const char *text, size_t len);

#endif

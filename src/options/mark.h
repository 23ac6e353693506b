/* mark.h - what a text file of the user begins with, before its text. */
#ifndef OPTIONS_MARK_H
#define OPTIONS_MARK_H

#include <stddef.h>

enum text_mark {
	MARK_NONE,
	MARK_UTF8,  /* a byte order mark, which is skipped: MARK_UTF8_LENGTH bytes */
	MARK_UTF16, /* the file is UTF-16, which nobody here reads: MARK_UTF16_ERROR */
};

#define MARK_UTF8_LENGTH ((size_t)3)
#define MARK_UTF16_ERROR "it is UTF-16, not UTF-8"

/* Of the first len bytes; with 3 or more, or all that there are, the answer is right. */
enum text_mark text_mark(const char *text, size_t len);

#endif

/* mark.c - the byte order mark at the beginning of a text file.
 * Row options. */
#include "options/mark.h"

#include <string.h>

enum text_mark
text_mark(const char *text, size_t len)
{
	if (len >= MARK_UTF8_LENGTH && memcmp(text, "\xef\xbb\xbf", MARK_UTF8_LENGTH) == 0)
		return MARK_UTF8;
	if (len >= 2 && (memcmp(text, "\xfe\xff", 2) == 0 || memcmp(text, "\xff\xfe", 2) == 0))
		return MARK_UTF16;
	return MARK_NONE;
}

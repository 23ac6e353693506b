/* ascii.h - ASCII letters to upper case, as Python's bytes.upper(). */
#ifndef RUN_ASCII_H
#define RUN_ASCII_H

#include <stddef.h>

/* Changes bytes in place.  Every byte that is no ASCII letter stays, in every locale. */
static inline void
ascii_upper(char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(bytes[i] - ((unsigned char)(bytes[i] - 'a') < 26 ? 32 : 0));
}

#endif

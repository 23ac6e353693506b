/* ascii.h - ASCII letters in upper case, as bytes.upper() has it. */
#ifndef RUN_ASCII_H
#define RUN_ASCII_H

#include <stddef.h>

/* In place; every other byte stays, whatever the locale. */
static inline void
ascii_upper(char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(bytes[i] - ((unsigned char)(bytes[i] - 'a') < 26 ? 32 : 0));
}

#endif

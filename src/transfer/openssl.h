/* openssl.h - OpenSSL as a library that is loaded only when it is needed.
 *
 * A static program has the library in it: a library that it loaded would want another C library. */
#ifndef TRANSFER_OPENSSL_H
#define TRANSFER_OPENSSL_H

#include <stdbool.h>

enum openssl_library { OPENSSL_LIBCRYPTO, OPENSSL_LIBSSL };

struct openssl_symbol {
	const char *name;	/* NULL ends the list */
	void *pointer;		/* the address of the pointer that gets the function's address */
	void (*function)(void); /* in a static program: the function */
};

#ifdef STATIC_BINARIES
#define OPENSSL_FUNCTION(name) (void (*)(void))(name)
#else
#define OPENSSL_FUNCTION(name) NULL
#endif
/* One row of the list. */
#define OPENSSL_SYMBOL(name, pointer)                                                              \
	{                                                                                          \
#name, pointer, OPENSSL_FUNCTION(name)                                             \
	}
#define OPENSSL_SYMBOLS_END                                                                        \
	{                                                                                          \
		NULL, NULL, NULL                                                                   \
	}

/* Load the library once, and fill in the pointers.  Returns false if the library or one of the
 * functions is missing, with a static text in *reason. */
bool openssl_load(
    enum openssl_library library, const struct openssl_symbol *symbols, const char **reason);

#endif

/* openssl.h - OpenSSL as a library that is loaded only when it is needed. */
#ifndef TRANSFER_OPENSSL_H
#define TRANSFER_OPENSSL_H

#include <stdbool.h>

enum openssl_library { OPENSSL_LIBCRYPTO, OPENSSL_LIBSSL };

struct openssl_symbol {
	const char *name; /* NULL ends the list */
	void *pointer;	  /* the address of the pointer that gets the function's address */
};

/* Load the library once, and fill in the pointers.  Returns false if the library or one of the
 * functions is missing, with a static text in *reason. */
bool openssl_load(
    enum openssl_library library, const struct openssl_symbol *symbols, const char **reason);

#endif

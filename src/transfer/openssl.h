/* openssl.h - OpenSSL as a library that is loaded when it is needed. */
#ifndef TRANSFER_OPENSSL_H
#define TRANSFER_OPENSSL_H

#include <stdbool.h>

enum openssl_library { OPENSSL_LIBCRYPTO, OPENSSL_LIBSSL };

struct openssl_symbol {
	const char *name; /* NULL: the end */
	void *pointer;	  /* to the pointer to the function */
};

/* Load the library, once, and fill in the pointers: false, and why in *reason (static). */
bool openssl_load(
    enum openssl_library library, const struct openssl_symbol *symbols, const char **reason);

#endif

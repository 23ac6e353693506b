/* openssl.c - OpenSSL as a library that is loaded only when it is needed.
 * Row transfer. */
#include "transfer/openssl.h"

#include <string.h>

#ifdef STATIC_BINARIES

#include <openssl/crypto.h>

bool
openssl_load(
    enum openssl_library library, const struct openssl_symbol *symbols, const char **reason)
{
	(void)library;
	/* The configuration of the system's OpenSSL may name modules to load. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
		*reason = "OpenSSL cannot be initialized";
		return false;
	}
	for (; symbols->name != NULL; symbols++)
		(void)memcpy(symbols->pointer, &symbols->function, sizeof(symbols->function));
	return true;
}

#else

#include <dlfcn.h>

bool
openssl_load(
    enum openssl_library library, const struct openssl_symbol *symbols, const char **reason)
{
	/* Version 3, since the program was compiled with the headers of version 3. */
	void *handle = dlopen(
	    library == OPENSSL_LIBSSL ? "libssl.so.3" : "libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		*reason = library == OPENSSL_LIBSSL ? "OpenSSL's libssl.so.3 cannot be loaded" :
						      "OpenSSL's libcrypto.so.3 cannot be loaded";
		return false;
	}
	for (; symbols->name != NULL; symbols++) {
		void *symbol = dlsym(handle, symbols->name);

		if (symbol == NULL) {
			*reason = "this OpenSSL lacks a function that is needed";
			return false;
		}
		(void)memcpy(symbols->pointer, &symbol, sizeof(symbol));
	}
	return true;
}

#endif

/* secret.h - the secret that both ends share: --key. */
#ifndef TRANSFER_SECRET_H
#define TRANSFER_SECRET_H

#include <stdint.h>

#define SECRET_KEY_BYTES 32

/* Read the secret from file and derive the pre-shared key from it (sockfile(7)).  tls_load() must
 * have succeeded.  Returns 0, or reports the error and returns its status. */
int secret_read(const char *file, uint8_t key[SECRET_KEY_BYTES]);

#endif

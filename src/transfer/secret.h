/* secret.h - the secret that both ends share: --key. */
#ifndef TRANSFER_SECRET_H
#define TRANSFER_SECRET_H

#include "run/failure.h"

#include <stdint.h>

#define SECRET_KEY_BYTES 32

/* Read the secret from file and derive the pre-shared key from it (sockfile(7)).  tls_load() must
 * have succeeded.  0, or -1 and the failure.  A directory is a usage error, which ends the program.
 */
int secret_read(const char *file, uint8_t key[SECRET_KEY_BYTES], struct failure *failure);

#endif

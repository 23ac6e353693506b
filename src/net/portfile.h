/* portfile.h - a file that says where a server listens. */
#ifndef NET_PORTFILE_H
#define NET_PORTFILE_H

#include "net/owned_file.h"

/* Write text and a newline to path.  A file that is there is replaced if it is a port file: empty,
 * a port, or this text.  Any other file is an error.  Returns 0, or -1 and the failure. */
int portfile_write(struct owned_file *file, const char *path, const char *text,
    const struct user *user, struct failure *failure);

#endif

/* leased.h - to open a file that another program may hold under a lease. */
#ifndef TRANSFER_LEASED_H
#define TRANSFER_LEASED_H

#include "run/failure.h"

/* openat(2) that does not wait for the other end of a FIFO.  If the file is under a lease
 * (fcntl(2), F_SETLEASE: Samba, an NFS server), it waits: for --timeout, or without one as long as
 * the kernel lets the holder keep it.  Returns a descriptor, or -1 with errno. */
int open_leased(int dir_fd, const char *path, int flags);
/* Fill the failure after open_leased() failed with errnum.  Returns -1. */
__attribute__((format(printf, 3, 4))) int open_leased_failed(
    struct failure *failure, int errnum, const char *action_format, ...);

#endif

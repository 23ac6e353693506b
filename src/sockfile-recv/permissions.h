/* permissions.h - the owner, mode and ACL of FILE. */
#ifndef RECV_PERMISSIONS_H
#define RECV_PERMISSIONS_H

#include "sockfile-recv/place.h"

struct permissions {
	mode_t mode;   /* asked for; else that of any new file, 666 less the umask */
	bool asked;    /* by --mode or --preserve */
	bool replaces; /* the file that has the name passes on its own */
	bool was_file; /* it was one when it was looked at */
};

/* Give the file that fd has open, which will be called name, its owner, ACL and mode.  Returns 0,
 * or -1 with errno.  *kept false: the file system does not keep the mode that was asked for. */
int permissions_give(
    struct place *place, const char *name, int fd, const struct permissions *wanted, bool *kept);
/* The mode that permissions_give() will set, or nearly. */
mode_t permissions_mode(
    const struct place *place, const char *name, const struct permissions *wanted);
/* Undo permissions_give(), because the file does not get that name: only we may use it again. */
void permissions_withdraw(int fd);

#endif

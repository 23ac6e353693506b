/* permissions.h - whose FILE is in the end, and who may read it. */
#ifndef RECV_PERMISSIONS_H
#define RECV_PERMISSIONS_H

#include "sockfile-recv/place.h"

struct permissions {
	mode_t mode;   /* asked for; else that of any new file, 666 less the umask */
	bool asked;    /* by --mode or --preserve */
	bool replaces; /* the file that has the name hands down its own */
	bool was_file; /* it was one when it was looked at */
};

/* Give what fd has open, and what will be called name, its owner, ACL and mode: 0, or -1 with
 * errno.  *kept false: the file system does not keep the mode that was asked for. */
int permissions_give(
    struct place *place, const char *name, int fd, const struct permissions *wanted, bool *kept);
/* The mode that this will be, or nearly. */
mode_t permissions_mode(
    const struct place *place, const char *name, const struct permissions *wanted);
/* It will not be called so after all: it is ours alone again. */
void permissions_withdraw(int fd);

#endif

/* user.h - giving root up. */
#ifndef NET_USER_H
#define NET_USER_H

#include "run/failure.h"

#include <sys/types.h>

struct user {
	const char *name; /* NULL: stay the present user */
	uid_t uid;
	gid_t gid;
};

/* Look name up in the user database, for the row of a struct user.  NULL, or what it should be. */
const char *user_parse(void *user, const char *name);
/* Become that user for good: supplementary groups, group, user.  Does nothing without a name, or
 * when that is the user already.  0, or -1 and the failure. */
int user_become(const struct user *user, struct failure *failure);
/* Give the file that fd has open to that user: 0, or -1 with errno.  Does nothing without a name,
 * or if we are not root. */
int user_give(const struct user *user, int fd);
/* Act as that user for a while, then as root again, for what must be done with that user's rights
 * before root is given up.  Both do nothing without a name, or unless the process is root and the
 * user is not.  0, or -1 and the failure. */
int user_become_temporarily(const struct user *user, struct failure *failure);
int user_restore(const struct user *user, struct failure *failure);

#endif

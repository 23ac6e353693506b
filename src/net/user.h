/* user.h - giving root up. */
#ifndef NET_USER_H
#define NET_USER_H

#include <sys/types.h>

struct user {
	const char *name; /* NULL: stay who we are */
	uid_t uid;
	gid_t gid;
};

/* Look the name up; an unknown one is a usage error. */
void user_parse(struct user *user, const char *option, const char *name);
/* Become that user for good: groups, group, user.  0, or the error is reported and its status
 * returned.  As that user already, nothing is done. */
int user_become(const struct user *user);
/* Act as that user, and as root again: for what must be done as who we will be, before root is
 * given up.  Without a name, or for somebody else than root, both do nothing.  0, or the error is
 * reported and its status returned. */
int user_become_temporarily(const struct user *user);
int user_restore(const struct user *user);

#endif

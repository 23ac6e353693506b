/* user.c - giving root up.
 * Row net. */
#include "net/user.h"

#include "libsockutil/databases.h"
#include "options/options.h"
#include "run/output.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* getpwnam(3) says by some other error that there is no such user. */
static bool
is_no_answer(int errnum)
{
	return errnum == ENOMEM || errnum == EMFILE || errnum == ENFILE || errnum == EIO;
}

const char *
user_parse(void *member, const char *name)
{
	struct user *user = member;
	const struct passwd *entry;

	sku_leave_out_modules();
	errno = 0;
	entry = getpwnam(name);
	if (entry == NULL && is_no_answer(errno))
		opt_cannot("read the users of this machine", strerror(errno));
	if (entry == NULL)
		return "the name of a user of this machine";
	*user = (struct user){ name, entry->pw_uid, entry->pw_gid };
	return NULL;
}

int
user_become(const struct user *user, struct failure *failure)
{
	if (user->name == NULL || (getuid() == user->uid && geteuid() == user->uid))
		return 0;
	output_open_all();
	if (initgroups(user->name, user->gid) == -1 ||
	    setresgid(user->gid, user->gid, user->gid) == -1 ||
	    setresuid(user->uid, user->uid, user->uid) == -1)
		return failure_errno(failure, errno, "become user %s", user->name);
	/* If root can be had again, the process has not given it up. */
	if (user->uid != 0 && (setuid(0) == 0 || geteuid() == 0))
		return failure_set(failure, STATUS_FAILED, 0, "root could be had again",
		    "become user %s", user->name);
	return 0;
}

int
user_give(const struct user *user, int fd)
{
	if (user->name == NULL || geteuid() != 0)
		return 0;
	return fchownat(fd, "", user->uid, user->gid, AT_EMPTY_PATH);
}

int
user_become_temporarily(const struct user *user, struct failure *failure)
{
	if (user->name == NULL || geteuid() != 0 || user->uid == 0)
		return 0;
	if (initgroups(user->name, user->gid) == -1 || setegid(user->gid) == -1 ||
	    seteuid(user->uid) == -1)
		return failure_errno(failure, errno, "act as user %s", user->name);
	return 0;
}

int
user_restore(const struct user *user, struct failure *failure)
{
	if (user->name == NULL || getuid() != 0 || user->uid == 0)
		return 0;
	if (seteuid(0) == -1 || setegid(0) == -1)
		return failure_errno(failure, errno, "act as root again");
	return 0;
}

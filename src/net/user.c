/* user.c - giving root up.
 * Row net. */
#include "net/user.h"

#include "run/message.h"
#include "run/output.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

const char *
user_parse(void *member, const char *name)
{
	const struct passwd *entry = getpwnam(name);
	struct user *user = member;

	if (entry == NULL)
		return "the name of a user of this machine";
	*user = (struct user){ name, entry->pw_uid, entry->pw_gid };
	return NULL;
}

int
user_become(const struct user *user)
{
	if (user->name == NULL || (getuid() == user->uid && geteuid() == user->uid))
		return STATUS_OK;
	output_open_all();
	if (initgroups(user->name, user->gid) == -1 ||
	    setresgid(user->gid, user->gid, user->gid) == -1 ||
	    setresuid(user->uid, user->uid, user->uid) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "become user %s", user->name);
	/* If root can be had again, the process has not given it up. */
	if (user->uid != 0 && (setuid(0) == 0 || geteuid() == 0))
		return msg_error(
		    STATUS_FAILED, 0, "root could be had again", "become user %s", user->name);
	return STATUS_OK;
}

int
user_give(const struct user *user, int fd)
{
	if (user->name == NULL || geteuid() != 0)
		return 0;
	return fchownat(fd, "", user->uid, user->gid, AT_EMPTY_PATH);
}

int
user_become_temporarily(const struct user *user)
{
	if (user->name == NULL || geteuid() != 0 || user->uid == 0)
		return STATUS_OK;
	if (initgroups(user->name, user->gid) == -1 || setegid(user->gid) == -1 ||
	    seteuid(user->uid) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "act as user %s", user->name);
	return STATUS_OK;
}

int
user_restore(const struct user *user)
{
	if (user->name == NULL || getuid() != 0 || user->uid == 0)
		return STATUS_OK;
	if (seteuid(0) == -1 || setegid(0) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "act as root again");
	return STATUS_OK;
}

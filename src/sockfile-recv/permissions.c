/* permissions.c - the owner, mode and ACL of FILE.
 * Row tool.
 *
 * FILE gets the owner, ACL and mode of the file that it replaces, so that nobody can read more than
 * before.  If the owner, the group or the ACL cannot be set, what it would have granted is left
 * out. */
#include "sockfile-recv/permissions.h"

#include "run/uninitialized.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ACL "system.posix_acl_access"
#define ACL_MAX 8192

static int
set_mode(struct place *place, int fd, mode_t mode, bool *kept)
{
	struct stat st;

	*kept = false;
	if (fchmod(fd, mode) == -1) {
		if (!place_is_unsupported(errno))
			return -1;
		place_lacks(place, PLACE_MODES);
	}
	*kept = fstat(fd, &st) == 0 && (st.st_mode & 0777) == mode;
	return 0;
}

/* The ACL of what is open; of what is open as O_PATH, through its name in /proc, which takes
 * longer.
 */
static ssize_t
get_acl(int fd, char *acl, size_t size)
{
	char path[32];
	ssize_t len = fgetxattr(fd, ACL, acl, size);

	if (len != -1 || errno != EBADF)
		return len;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return getxattr(path, ACL, acl, size);
}

/* Room for it is taken where there is one. */
__attribute__((noinline)) static bool
copy_acl_that_is_there(int old, int fd)
{
	char acl[ACL_MAX] UNINITIALIZED;
	ssize_t len = get_acl(old, acl, sizeof(acl));

	return len > 0 && fsetxattr(fd, ACL, acl, (size_t)len, 0) == 0;
}

/* What it may have is the default of the directory. */
static bool
remove_acl(int fd)
{
	if (fgetxattr(fd, ACL, NULL, 0) == -1 && errno == ENODATA)
		return true;
	return fremovexattr(fd, ACL) == 0 || errno == ENODATA;
}

/* Copy the ACL of old to fd.  False: the ACL is lost. */
static bool
copy_acl(int old, int fd)
{
	ssize_t len = get_acl(old, NULL, 0);

	if (len > 0 && copy_acl_that_is_there(old, fd))
		return true;
	if (len == -1 && errno == EOPNOTSUPP)
		return true; /* the file system has no ACLs */
	if (len == -1 && errno == ENODATA)
		return remove_acl(fd);
	(void)fremovexattr(fd, ACL);
	return false;
}

static bool
has_owner(const struct stat *is, const struct stat *was)
{
	return is->st_uid == was->st_uid && is->st_gid == was->st_gid;
}

/* Copy owner and ACL as far as possible.  Returns the mode that follows. */
static mode_t
inherit(int old, const struct stat *was, int fd)
{
	mode_t mode = was->st_mode & 0777, both = (mode >> 3) & mode & 07;
	struct stat is;

	if (fstat(fd, &is) == -1)
		return mode & 0700;
	if (!has_owner(&is, was)) {
		if (fchown(fd, was->st_uid, was->st_gid) == -1)
			(void)!fchown(fd, (uid_t)-1, was->st_gid); /* fstat shows the result */
		if (fstat(fd, &is) == -1)
			return mode & 0700;
	}
	if (!copy_acl(old, fd))
		return mode & 0700;
	/* The group could not be copied.  Members of the new group and of the old one get only what
	 * both the group and others had. */
	return is.st_gid == was->st_gid ? mode : (mode & 0700) | both << 3 | both;
}

/* What has the name, for its owner, ACL and mode.  That needs no right to read it. */
static int
open_old(const struct place *place, const char *name, const struct permissions *wanted)
{
	const int flags = O_NOFOLLOW | O_CLOEXEC;
	int fd = -1;

	if (wanted->was_file)
		fd = openat(place->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags);
	return fd != -1 ? fd : openat(place->fd, name, O_PATH | flags);
}

int
permissions_give(
    struct place *place, const char *name, int fd, const struct permissions *wanted, bool *kept)
{
	mode_t mode = wanted->mode;
	struct stat was;
	int old = -1;

	if (wanted->replaces && !wanted->asked)
		old = open_old(place, name, wanted);
	if (old != -1 && fstat(old, &was) == 0 && S_ISREG(was.st_mode))
		mode = inherit(old, &was, fd);
	else if (!wanted->asked)
		mode = place_new_mode(place, wanted->mode);
	if (old != -1)
		(void)close(old);
	return set_mode(place, fd, mode, kept);
}

mode_t
permissions_mode(const struct place *place, const char *name, const struct permissions *wanted)
{
	struct stat was;

	if (wanted->asked)
		return wanted->mode;
	if (wanted->replaces && fstatat(place->fd, name, &was, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(was.st_mode))
		return was.st_mode & 0777;
	return place_new_mode(place, wanted->mode);
}

void
permissions_withdraw(int fd)
{
	(void)!fchown(fd, geteuid(), (gid_t)-1);
	(void)fchmod(fd, 0600);
}

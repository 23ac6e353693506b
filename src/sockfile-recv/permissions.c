/* permissions.c - whose FILE is in the end, and who may read it.
 * Row tool.
 *
 * A file that is replaced hands down its owner, ACL and mode: nobody may read more than before.
 * Where the owner, the group or the ACL cannot be had, what they would have granted is left out. */
#include "sockfile-recv/permissions.h"

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

/* False: what the ACL says is lost. */
static bool
copy_acl(int old, int fd)
{
	char path[32], acl[ACL_MAX];
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", old);
	len = getxattr(path, ACL, acl, sizeof(acl)); /* needs no right to read the file */
	if (len > 0 && fsetxattr(fd, ACL, acl, (size_t)len, 0) == 0)
		return true;
	if (len == -1 && errno == EOPNOTSUPP)
		return true; /* there are none */
	if (len == -1 && errno == ENODATA)
		return fremovexattr(fd, ACL) == 0 || errno == ENODATA; /* the directory's default */
	(void)fremovexattr(fd, ACL);
	return false;
}

/* The mode, once owner and ACL are what they can be. */
static mode_t
inherit(int old, const struct stat *was, int fd)
{
	mode_t mode = was->st_mode & 0777, both = (mode >> 3) & mode & 07;
	struct stat is;
	bool acl;

	if (fchown(fd, was->st_uid, was->st_gid) == -1)
		(void)!fchown(fd, (uid_t)-1, was->st_gid); /* what is, fstat says */
	acl = copy_acl(old, fd);
	if (!acl || fstat(fd, &is) == -1)
		return mode & 0700;
	/* Another group: its members had what others have, and the old one's get that. */
	return is.st_gid == was->st_gid ? mode : (mode & 0700) | both << 3 | both;
}

int
permissions_give(
    struct place *place, const char *name, int fd, const struct permissions *wanted, bool *kept)
{
	mode_t mode = wanted->mode;
	struct stat was;
	int old = -1;

	if (wanted->replaces && !wanted->asked)
		old = openat(place->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
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

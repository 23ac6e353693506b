/* place.c - the directory of FILE, and what its file system can do.
 * Row tool. */
#include "sockfile-recv/place.h"

#include "run/ascii.h"
#include "run/message.h"
#include "run/system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OWN_NAME_MAX 32
#define KERNEL_ENOTSUPP 524 /* a kernel-internal value that some network file systems return */
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* ---- what it lacks ------------------------------------------------------------------------- */

static const struct {
	enum place_lack what;
	const char *text;
} words[] = {
	{ PLACE_MODES, "modes or owners" },
	{ PLACE_NO_REPLACE, "RENAME_NOREPLACE" },
	{ PLACE_LINKS, "links" },
	{ PLACE_LOCKS, "locks" },
	{ PLACE_FLUSH, "fsync" },
	{ PLACE_NUMBERS, "lasting inode numbers" },
	{ PLACE_CASE, "difference between upper and lower case" },
};

static void
tell(const struct place *place, unsigned lacks)
{
	char text[200] = "";
	size_t len = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((lacks & words[i].what) != 0)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%sno %s",
			    len > 0 ? ", " : "", words[i].text);
	}
	if (len > 0)
		msg_verbose(1, "%s: its file system has %s", place->name, text);
}

bool
place_can(const struct place *place, enum place_lack what)
{
	return (atomic_load(&place->lacks) & (unsigned)what) == 0;
}

void
place_lacks(struct place *place, enum place_lack what)
{
	if ((atomic_fetch_or(&place->lacks, (unsigned)what) & (unsigned)what) == 0)
		tell(place, what);
}

bool
place_is_unsupported(int errnum)
{
	return errnum == ENOSYS || errnum == EOPNOTSUPP || errnum == EINVAL || errnum == EPERM ||
	       errnum == KERNEL_ENOTSUPP;
}

/* ---- what it does -------------------------------------------------------------------------- */

uint64_t
place_attributes(const struct place *place, const char *name)
{
	struct statx there;

	if (call_statx(place->fd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_TYPE, &there) ==
	    -1)
		return 0;
	return there.stx_attributes & there.stx_attributes_mask;
}

bool
place_is_append_only(const struct place *place)
{
	return (place_attributes(place, "") & STATX_ATTR_APPEND) != 0;
}

static bool
has_same_number(const struct place *place, const char *name, int fd)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 &&
	       fstatat(place->fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* Without lasting inode numbers, it is enough that the name exists. */
bool
place_is_same(const struct place *place, const char *name, int fd)
{
	if (!place_can(place, PLACE_NUMBERS))
		return faccessat(place->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return has_same_number(place, name, fd);
}

/* Some file systems have only one of the two kinds of lock. */
int
place_lock(struct place *place, int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!place_can(place, PLACE_LOCKS) || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (!place_is_unsupported(errno) && errno != ENOLCK)
		return -1;
	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES) {
		errno = EWOULDBLOCK;
		return -1;
	}
	place_lacks(place, PLACE_LOCKS);
	return 0;
}

int
place_flush(struct place *place, int fd, bool *flushed)
{
	*flushed = fsync(fd) == 0;
	if (*flushed)
		return 0;
	if (!place_is_unsupported(errno))
		return -1;
	place_lacks(place, PLACE_FLUSH);
	return 0;
}

/* Claim the name with a file, then replace that.  The claim is visible for a moment, and stays
 * after a kill -9.  It has one byte: some mounts upload an empty file some time after it was
 * closed, and would replace ours. */
static int
claim_and_rename(const struct place *place, const char *from, const char *to)
{
	int fd = openat(
	    place->fd, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
	bool claimed;
	int saved;

	if (fd == -1)
		return -1;
	claimed = write(fd, "\n", 1) == 1;
	if (close(fd) == 0 && claimed && renameat(place->fd, from, place->fd, to) == 0)
		return 0;
	saved = errno;
	(void)unlinkat(place->fd, to, 0);
	errno = saved;
	return -1;
}

int
place_rename(struct place *place, const char *from, const char *to)
{
	if (place_can(place, PLACE_NO_REPLACE)) {
		if (call_renameat2(place->fd, from, place->fd, to, RENAME_NOREPLACE) == 0)
			return 0;
		if (!place_is_unsupported(errno))
			return -1;
		place_lacks(place, PLACE_NO_REPLACE);
	}
	if (place_can(place, PLACE_LINKS)) {
		if (linkat(place->fd, from, place->fd, to, 0) == 0)
			return unlinkat(place->fd, from, 0);
		if (!place_is_unsupported(errno))
			return -1;
		place_lacks(place, PLACE_LINKS);
	}
	return claim_and_rename(place, from, to);
}

/* ---- trying it ----------------------------------------------------------------------------- */

/* A name that no other file has. */
static void
own_name(char name[OWN_NAME_MAX])
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)getpid();
	(void)snprintf(name, OWN_NAME_MAX, ".sockfile-%016llx", (unsigned long long)random);
}

static int
make(const struct place *place, const char *name, mode_t mode)
{
	return openat(place->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

static void
try_modes(struct place *place, int fd, unsigned *lacks)
{
	struct stat st;
	bool kept = fchmod(fd, 0640) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640;

	kept = fchmod(fd, 0600) == 0 && kept;
	if (fstat(fd, &st) == -1)
		return;
	place->granted = st.st_mode & 077;
	kept = kept && place->granted == 0 && st.st_uid == place->owner;
	place->owner = st.st_uid;
	if (!kept)
		*lacks |= PLACE_MODES;
}

static void
try_case(const struct place *place, const char *name, unsigned *lacks)
{
	char other[OWN_NAME_MAX];

	(void)snprintf(other, sizeof(other), "%s", name);
	ascii_upper(other, strlen(other));
	if (faccessat(place->fd, other, F_OK, 0) == 0)
		*lacks |= PLACE_CASE;
}

/* Try each way to rename.  Whatever makes one of them fail now will also make it fail at the
 * end. */
static void
try_rename(struct place *place, const char *from, const char *to, unsigned *lacks)
{
	/* Opened again: some mounts do not rename a file that is being written. */
	int fd = openat(place->fd, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (call_renameat2(place->fd, from, place->fd, to, RENAME_NOREPLACE) == -1) {
		*lacks |= PLACE_NO_REPLACE;
		if (linkat(place->fd, from, place->fd, to, 0) == -1) {
			*lacks |= PLACE_LINKS;
			(void)claim_and_rename(place, from, to);
		}
	}
	if (fd == -1 || !has_same_number(place, to, fd))
		*lacks |= PLACE_NUMBERS;
	if (fd != -1)
		(void)close(fd);
}

/* Does this directory ignore case?  Some usual file systems have such directories. */
static bool
ignores_case(const struct place *place)
{
	int flags = 0;

	return call_ioctl(place->fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_CASEFOLD_FL) != 0;
}

/* It has all that is tried. */
static bool
is_known(struct place *place)
{
	struct statfs fs = { .f_type = 0 };

	if (fstatfs(place->fd, &fs) == -1 || ignores_case(place))
		return false;
	switch ((unsigned long)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case TMPFS_MAGIC:
		place->is_local = true;
		return true;
	case BTRFS_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

void
place_probe(struct place *place)
{
	char from[OWN_NAME_MAX], to[OWN_NAME_MAX];
	unsigned lacks = 0;
	bool flushed;
	int fd;

	if (is_known(place))
		return;
	own_name(from);
	own_name(to);
	fd = make(place, from, 0600);
	if (fd == -1)
		return; /* making FILE.part will report why */
	try_modes(place, fd, &lacks);
	try_case(place, from, &lacks);
	(void)place_lock(place, fd); /* these two note what is missing */
	(void)place_flush(place, fd, &flushed);
	(void)close(fd);
	try_rename(place, from, to, &lacks);
	tell(place, lacks);
	(void)atomic_fetch_or(&place->lacks, lacks);
	(void)unlinkat(place->fd, from, 0);
	(void)unlinkat(place->fd, to, 0);
}

/* Make a file: only the kernel knows what the default ACL makes of a mode. */
mode_t
place_new_mode(const struct place *place, mode_t usual)
{
	char name[OWN_NAME_MAX];
	struct stat st;
	int fd;

	if (fgetxattr(place->fd, "system.posix_acl_default", NULL, 0) == -1 &&
	    (errno == ENODATA || errno == EOPNOTSUPP))
		return usual;
	own_name(name);
	fd = make(place, name, 0666);
	if (fd == -1)
		return usual & 0600;
	if (fstat(fd, &st) == 0)
		usual = st.st_mode & 0777;
	else
		usual &= 0600;
	(void)close(fd);
	(void)unlinkat(place->fd, name, 0);
	return usual;
}

/* ---- opening ------------------------------------------------------------------------------- */

const char *
place_separator(const struct place *place)
{
	size_t len = strlen(place->name);

	return len > 0 && place->name[len - 1] == '/' ? "" : "/";
}

/* A directory must be open for reading to be flushed.  One that may not be read is not flushed. */
int
place_open(struct place *place, const char *directory, const char *name)
{
	*place = (struct place)PLACE_INIT;
	place->name = name;
	place->owner = geteuid();
	place->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->fd == -1 && errno == EACCES)
		place->fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return place->fd == -1 ? -1 : 0;
}

void
place_close(struct place *place)
{
	if (place->fd != -1)
		(void)close(place->fd);
	*place = (struct place)PLACE_INIT;
}

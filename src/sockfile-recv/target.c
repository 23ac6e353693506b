/* target.c - FILE: its part, and how the part becomes FILE, or a stream that is written directly.
 * Row tool. */
#include "sockfile-recv/target.h"

#include "run/escape.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/output.h"
#include "run/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define OPEN_TRIES 10		 /* a FILE.part that is replaced while it is opened */
#define FIFO_PAUSE (10 * SKU_MS) /* from one look for a reader to the next */

static int
fail(struct failure *failure, const struct target *target, int errnum, const char *reason)
{
	return failure_set(
	    failure, STATUS_FAILED, errnum, reason, "write %s", target->display_name);
}

/* ---- before anything is received ----------------------------------------------------------- */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* To flush it, it must be open for reading; where it may not be read, it is not flushed. */
static int
open_directory(const char *path)
{
	size_t len = (size_t)(base_name(path) - path);
	char *dir = len > 0 ? strndup(path, len) : strdup(".");
	int fd = -1, saved;

	if (dir == NULL)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 && errno == EACCES)
		fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	saved = errno;
	free(dir);
	errno = saved;
	return fd;
}

/* rename(2) would fail in the end: the file of another in a sticky directory, or a mount point. */
static int
check_replaceable(const struct target *target, const struct stat *st, struct failure *failure)
{
	struct stat dir;
	struct statx there;

	if (geteuid() != 0 && fstat(target->dir_fd, &dir) == 0 && (dir.st_mode & S_ISVTX) != 0 &&
	    st->st_uid != geteuid() && dir.st_uid != geteuid())
		return fail(
		    failure, target, EPERM, "it belongs to another user, in a sticky directory");
	if (statx(target->dir_fd, target->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &there) == 0 &&
	    (there.stx_attributes & there.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
		return fail(failure, target, EBUSY, "it is a mount point");
	return 0;
}

/* What stands at FILE now?  Whatever changes later is found out by the rename. */
int
target_inspect(struct target *target, struct failure *failure)
{
	struct stat st;

	target->exists = false;
	if (target->kind == TARGET_OUTPUT)
		return 0;
	target->kind = TARGET_FILE;
	if (fstatat(target->dir_fd, target->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : fail(failure, target, errno, NULL);
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return fail(failure, target, EISDIR, NULL);
	case S_IFSOCK:
		return fail(failure, target, EEXIST, "it is a socket");
	case S_IFIFO:
	case S_IFCHR:
	case S_IFBLK:
		target->kind = TARGET_DEVICE;
		return 0;
	default:
		break;
	}
	if (S_ISLNK(st.st_mode) && !target->options.force)
		return fail(failure, target, EEXIST,
		    "it is a symbolic link, which is not followed (--force replaces it)");
	if (!target->options.force && !target->options.resume)
		return fail(failure, target, EEXIST, "it exists already (--force replaces it)");
	target->exists = S_ISREG(st.st_mode);
	target->size = st.st_size;
	return target->options.force ? check_replaceable(target, &st, failure) : 0;
}

int
target_init_at(struct target *target, int dir_fd, const char *name, const char *display_name,
    const struct target_options *options, struct failure *failure)
{
	*target = (struct target)TARGET_INIT;
	target->options = *options;
	target->display_name = display_name;
	target->dir_fd = dir_fd;
	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return fail(failure, target, EISDIR, NULL);
	if (strlen(name) > TARGET_NAME_MAX)
		return fail(failure, target, ENAMETOOLONG,
		    "File name too long (250 bytes at most, to have room for " TARGET_SUFFIX ")");
	(void)snprintf(target->name, sizeof(target->name), "%s", name);
	(void)snprintf(target->part, sizeof(target->part), "%s%s", name, TARGET_SUFFIX);
	return target_inspect(target, failure);
}

int
target_init(struct target *target, const char *file, const struct target_options *options,
    struct failure *failure)
{
	int dir_fd, result;

	if (strcmp(file, "-") == 0) {
		*target = (struct target)TARGET_INIT;
		target->options = *options;
		target->display_name = "standard output";
		target->kind = TARGET_OUTPUT;
		return 0;
	}
	dir_fd = open_directory(file);
	if (dir_fd == -1) {
		*target = (struct target)TARGET_INIT;
		return failure_set(failure, STATUS_FAILED, errno, NULL, "write %s", file);
	}
	result = target_init_at(target, dir_fd, base_name(file), file, options, failure);
	target->owns_dir = true;
	return result;
}

/* ---- FILE.part ----------------------------------------------------------------------------- */

static int
fail_part(struct failure *failure, const struct target *target, int errnum, const char *reason)
{
	return failure_set(failure, STATUS_FAILED, errnum, reason, "open %s%s",
	    target->display_name, TARGET_SUFFIX);
}

/* Is what stands at FILE.part what fd has open? */
static bool
is_same_file(const struct target *target, int fd)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 &&
	       fstatat(target->dir_fd, target->part, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

static int
check_part(const struct target *target, int fd, struct failure *failure)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return fail_part(failure, target, errno, NULL);
	if (!S_ISREG(st.st_mode))
		return fail_part(failure, target, EEXIST, "it is no regular file");
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return fail_part(failure, target, EEXIST, "it is not ours alone");
	if (st.st_nlink > 1)
		return fail_part(failure, target, EEXIST, "it has more than one link");
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return fail_part(failure, target, errno,
		    errno == EWOULDBLOCK ? "another receiver is writing it" : NULL);
	return 0;
}

/* Nothing is to be left on disk before somebody has shown that he may write there. */
static int
check_directory(const struct target *target, struct failure *failure)
{
	if (faccessat(target->dir_fd, ".", W_OK | X_OK, AT_EACCESS) == -1)
		return fail_part(failure, target, errno, NULL);
	return 0;
}

int
target_open_part(struct target *target, bool create, struct failure *failure)
{
	int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	if (target->kind != TARGET_FILE || target->fd != -1)
		return 0;
	for (int i = 0; i < OPEN_TRIES; i++) {
		int fd =
		    openat(target->dir_fd, target->part, create ? flags | O_CREAT : flags, 0600);
		struct stat st;

		if (fd == -1 && errno == ENOENT && !create)
			return check_directory(target, failure);
		if (fd == -1)
			return fail_part(failure, target, errno,
			    errno == ELOOP ? "it is a symbolic link" : NULL);
		if (check_part(target, fd, failure) == -1) {
			(void)close(fd);
			return -1;
		}
		/* The one who had it may have renamed or removed it before the lock was ours. */
		if (is_same_file(target, fd) && fstat(fd, &st) == 0) {
			target->part_size = st.st_size;
			if (create)
				target->fd = fd;
			else
				(void)close(fd);
			return 0;
		}
		(void)close(fd);
	}
	return fail_part(failure, target, EBUSY, "others keep replacing it");
}

static void
remove_part(struct target *target)
{
	if (is_same_file(target, target->fd))
		(void)unlinkat(target->dir_fd, target->part, 0); /* it stays, then: no harm */
	(void)close(target->fd);
	target->fd = -1;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* A FIFO without a reader is ENXIO: look again until --timeout. */
static int
open_device(struct target *target, struct failure *failure)
{
	struct sku_deadline deadline = run_operation_deadline();
	struct stat st;
	int fd;

	while ((fd = openat(target->dir_fd, target->name,
		    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) == -1) {
		if (errno != ENXIO)
			return fail(failure, target, errno, NULL);
		if (sku_deadline_passed(deadline))
			return failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT,
			    "timed out: nobody reads it", "open %s", target->display_name);
		if (run_wait(NULL, 0, sku_deadline_in(FIFO_PAUSE)) == -1 && errno == ECANCELED)
			return failure_set(failure, STATUS_FAILED, ECANCELED, "interrupted",
			    "open %s", target->display_name);
	}
	if (fstat(fd, &st) == -1 || S_ISREG(st.st_mode)) {
		(void)close(fd);
		return fail(failure, target, EEXIST, "a file took the place of the device");
	}
	target->output = (struct output){ .fd = fd,
		.max = SIZE_MAX,
		.can_wait = S_ISFIFO(st.st_mode) || isatty(fd) == 1,
		.terminal = isatty(fd) == 1 };
	target->opened = true;
	return 0;
}

int
target_start(struct target *target, int64_t offset, struct failure *failure)
{
	target->written = offset;
	if (target->kind == TARGET_OUTPUT && !target->opened) {
		output_open(&target->output, STDOUT_FILENO);
		target->opened = true;
	}
	if (target->kind == TARGET_DEVICE && !target->opened)
		return open_device(target, failure);
	if (target->kind != TARGET_FILE)
		return 0;
	if (offset == 0 && target->part_size > 0)
		msg_note("%s%s: the %lld bytes of an earlier run are not continued, but begun anew",
		    target->display_name, TARGET_SUFFIX, (long long)target->part_size);
	target->part_size = offset;
	if (ftruncate(target->fd, offset) == -1 || lseek(target->fd, offset, SEEK_SET) == -1)
		return fail_part(failure, target, errno, NULL);
	return 0;
}

static int
write_part(struct target *target, const char *bytes, size_t len, struct failure *failure)
{
	while (len > 0) {
		ssize_t n = write(target->fd, bytes, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return failure_set(failure, STATUS_FAILED, errno, NULL, "write %s%s",
			    target->display_name, TARGET_SUFFIX);
		bytes += n;
		len -= (size_t)n;
		target->written += n;
	}
	return 0;
}

static int
write_outlet(struct target *target, const char *bytes, size_t len, struct failure *failure)
{
	while (len > 0) {
		ssize_t n = output_write(&target->output, bytes, len);

		if (n == -1 && errno == EAGAIN &&
		    run_wait_fd(target->output.fd, POLLOUT, sku_deadline_never()) == 0)
			continue;
		if (n == -1 && (errno == ETIMEDOUT || errno == ECANCELED))
			return run_wait_failed(
			    failure, errno, LIMIT_OTHER, "write to %s", target->display_name);
		if (n == -1)
			return failure_set(failure, STATUS_FAILED, errno, NULL, "write to %s",
			    target->display_name);
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_escaped(struct target *target, const char *bytes, size_t len, struct failure *failure)
{
	size_t display_len;
	char *display_name = escape_text(bytes, len, ESCAPE_TEXT, &display_len);
	int result;

	if (display_name == NULL)
		return failure_set(
		    failure, STATUS_FAILED, ENOMEM, NULL, "write to %s", target->display_name);
	result = write_outlet(target, display_name, display_len, failure);
	free(display_name);
	return result;
}

int
target_write(struct target *target, const void *bytes, size_t len, struct failure *failure)
{
	int result;

	if (target->kind == TARGET_FILE)
		return write_part(target, bytes, len, failure);
	result = target->output.terminal ? write_escaped(target, bytes, len, failure) :
					   write_outlet(target, bytes, len, failure);
	if (result == 0)
		target->written += (int64_t)len;
	return result;
}

int
target_open_final(const struct target *target)
{
	struct stat st;
	int fd = openat(target->dir_fd, target->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd != -1 && (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		errno = EEXIST;
		return -1;
	}
	return fd;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* renameat2(2) is not everywhere: link(2) does not replace either. */
static int
rename_without_replacing(const struct target *target)
{
	if (renameat2(
		target->dir_fd, target->part, target->dir_fd, target->name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(target->dir_fd, target->part, target->dir_fd, target->name, 0) == -1)
		return -1;
	return unlinkat(target->dir_fd, target->part, 0);
}

static int
rename_part(struct target *target, struct failure *failure)
{
	/* Were FILE a link to the same inode, rename(2) would do nothing: FILE.part must go. */
	if (target->options.force &&
	    renameat(target->dir_fd, target->part, target->dir_fd, target->name) == 0) {
		if (is_same_file(target, target->fd))
			(void)unlinkat(target->dir_fd, target->part, 0);
		return 0;
	}
	if (!target->options.force && rename_without_replacing(target) == 0)
		return 0;
	return failure_set(failure, STATUS_FAILED, errno,
	    errno == EEXIST ? "it appeared meanwhile, and is not replaced without --force" : NULL,
	    "rename %s%s to %s", target->display_name, TARGET_SUFFIX, target->display_name);
}

static int
commit_file(struct target *target, const struct timespec *mtime, struct failure *failure)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT },
		mtime != NULL ? *mtime : (struct timespec){ 0, 0 } };

	if (fchmod(target->fd, target->options.mode) == -1 ||
	    (mtime != NULL && futimens(target->fd, times) == -1))
		return failure_set(failure, STATUS_FAILED, errno, NULL, "set the mode of %s%s",
		    target->display_name, TARGET_SUFFIX);
	if (fsync(target->fd) == -1) {
		(void)failure_set(failure, STATUS_FAILED, errno, NULL, "flush %s%s to disk",
		    target->display_name, TARGET_SUFFIX);
		/* The pages that could not be written count as clean now: what would be read
		 * back is not what the disk has. */
		target_discard(target);
		return -1;
	}
	if (rename_part(target, failure) == -1)
		return -1;
	(void)close(target->fd); /* what it could say, fsync has said */
	target->fd = -1;
	if (fsync(target->dir_fd) == -1 && errno != EBADF && errno != EINVAL)
		return failure_set(failure, STATUS_FAILED, errno, NULL,
		    "flush the directory of %s to disk", target->display_name);
	return 0;
}

int
target_commit(struct target *target, const struct timespec *mtime, struct failure *failure)
{
	struct stat st;
	int fd = target->output.fd;

	if (target->kind == TARGET_FILE)
		return commit_file(target, mtime, failure);
	if (target->kind == TARGET_DEVICE && fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) &&
	    fsync(fd) == -1)
		return failure_set(
		    failure, STATUS_FAILED, errno, NULL, "flush %s", target->display_name);
	return 0;
}

void
target_keep(struct target *target, struct failure *failure)
{
	struct stat st;

	if (target->kind != TARGET_FILE) {
		if (target->written > 0)
			failure_add(
			    failure, "%lld bytes of it were written", (long long)target->written);
		return;
	}
	if (target->fd == -1 || fstat(target->fd, &st) == -1)
		return;
	if (st.st_size == 0) {
		remove_part(target);
		return;
	}
	if (fdatasync(target->fd) == -1)
		failure_add(failure, "what %s%s has could not be flushed: %s", target->display_name,
		    TARGET_SUFFIX, strerror(errno));
	else
		failure_add(failure, "%lld bytes are safe in %s%s", (long long)st.st_size,
		    target->display_name, TARGET_SUFFIX);
	(void)close(target->fd);
	target->fd = -1;
}

void
target_discard(struct target *target)
{
	if (target->kind == TARGET_FILE && target->fd != -1)
		remove_part(target);
}

void
target_close(struct target *target)
{
	struct stat st;

	if (target->fd != -1 && fstat(target->fd, &st) == 0 && st.st_size == 0)
		remove_part(target);
	if (target->fd != -1)
		(void)close(target->fd);
	if (target->opened)
		output_close(&target->output);
	if (target->owns_dir)
		(void)close(target->dir_fd);
	*target = (struct target)TARGET_INIT;
}

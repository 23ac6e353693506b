/* target.c - FILE: its part, and how the part becomes FILE, or a stream that is written directly.
 * Row tool. */
#include "sockfile-recv/target.h"

#include "run/message.h"
#include "run/run.h"
#include "run/system_calls.h"
#include "sockfile-recv/permissions.h"
#include "transfer/leased.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPEN_TRIES 10 /* if FILE.part is replaced while it is opened */
#define SHORT_MAX 200 /* bytes of a path */

static int
fail(struct failure *failure, const struct target *target, int errnum, const char *reason)
{
	return failure_set(
	    failure, STATUS_FAILED, errnum, reason, "write %s", target->display_name);
}

/* FILE, where a message has shown the whole of it before and a long path would not fit again. */
static const char *
short_name(const struct target *target)
{
	return strlen(target->display_name) <= SHORT_MAX ? target->display_name : target->name;
}

static bool
owns_place(const struct target *target)
{
	return target->place == &target->own_place;
}

/* ---- before anything is received ----------------------------------------------------------- */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Fail if rename(2) would fail at the end: the file of another user in a sticky directory, a mount
 * point, or a file that may not be removed. */
static int
check_replaceable(const struct target *target, const struct stat *st, struct failure *failure)
{
	uint64_t has = place_attributes(target->place, target->name);
	struct stat dir;

	if (geteuid() != 0 && fstat(target->place->fd, &dir) == 0 && (dir.st_mode & S_ISVTX) != 0 &&
	    st->st_uid != geteuid() && dir.st_uid != geteuid())
		return fail(
		    failure, target, EPERM, "it belongs to another user, in a sticky directory");
	if ((has & STATX_ATTR_MOUNT_ROOT) != 0)
		return fail(failure, target, EBUSY, "it is a mount point");
	if ((has & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0)
		return fail(failure, target, EPERM,
		    (has & STATX_ATTR_IMMUTABLE) != 0 ? "it is immutable (chattr +i)" :
							"it is append-only (chattr +a)");
	return 0;
}

static int
check_directory_renames(const struct target *target, struct failure *failure)
{
	if (!place_is_append_only(target->place))
		return 0;
	return fail(failure, target, EPERM,
	    "its directory is append-only (chattr +a): nothing can be renamed there");
}

/* Replace the link /dev/stdout or /dev/fd/N by the link in /proc that it leads to. */
static bool
follow_to_descriptor(struct target *target)
{
	struct place *place = target->place;
	char name[sizeof(target->name)];
	int fd;

	if (!owns_place(target) || target->is_descriptor)
		return false;
	fd = outlet_find_descriptor(place->fd, target->name, name, sizeof(name));
	if (fd == -1)
		return false;
	(void)close(place->fd);
	place->fd = fd;
	(void)snprintf(target->name, sizeof(target->name), "%s", name);
	target->is_descriptor = true;
	return true;
}

static int
inspect_link(struct target *target, struct failure *failure)
{
	if (follow_to_descriptor(target))
		return target_inspect(target, failure);
	if (outlet_is_system_directory(target->place->fd))
		return fail(failure, target, EPERM,
		    "it is a symbolic link of the system's, which is neither followed nor "
		    "replaced");
	if (!target->options.force)
		return fail(failure, target, EEXIST,
		    "it is a symbolic link, which is not followed (--force replaces it)");
	return 0;
}

static int
inspect_file(struct target *target, const struct stat *st, struct failure *failure)
{
	if (target->is_descriptor)
		return fail(failure, target, EINVAL,
		    "it is a file that is open already (-: standard output)");
	if (S_ISLNK(st->st_mode) && inspect_link(target, failure) == -1)
		return -1;
	if (target->kind != TARGET_FILE)
		return 0; /* the link led to it */
	if (!target->options.force && !target->options.resume)
		return fail(failure, target, EEXIST, "it exists already (--force replaces it)");
	target->exists = S_ISREG(st->st_mode);
	target->size = st->st_size;
	if (target->options.force && check_replaceable(target, st, failure) == -1)
		return -1;
	return check_directory_renames(target, failure);
}

/* What is at FILE now?  The rename will find out about later changes. */
int
target_inspect(struct target *target, struct failure *failure)
{
	struct stat st;

	target->exists = false;
	if (target->kind == TARGET_OUTPUT)
		return 0;
	target->kind = TARGET_FILE;
	if (fstatat(target->place->fd, target->name, &st,
		target->is_descriptor ? 0 : AT_SYMLINK_NOFOLLOW) == -1) {
		return errno == ENOENT ? check_directory_renames(target, failure) :
					 fail(failure, target, errno, NULL);
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return fail(failure, target, EISDIR,
		    owns_place(target) ? "it is a directory (--dir takes files into one)" : NULL);
	case S_IFSOCK:
		return fail(failure, target, ENXIO, "it is a socket");
	case S_IFIFO:
	case S_IFCHR:
	case S_IFBLK:
		target->kind = TARGET_DEVICE;
		return target->outlet.opened ?
			   0 :
			   outlet_inspect(&target->outlet, target->place->fd, target->name,
			       target->display_name, &st, target->options.force, failure);
	default:
		return inspect_file(target, &st, failure);
	}
}

static int
init(struct target *target, const char *name, struct failure *failure)
{
	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return fail(failure, target, EISDIR,
		    owns_place(target) ? "it is a directory (--dir takes files into one)" : NULL);
	if (strlen(name) > TARGET_NAME_MAX)
		return fail(failure, target, ENAMETOOLONG,
		    "File name too long (250 bytes at most, to have room for " TARGET_SUFFIX ")");
	(void)snprintf(target->name, sizeof(target->name), "%s", name);
	(void)snprintf(target->part, sizeof(target->part), "%s%s", name, TARGET_SUFFIX);
	return target_inspect(target, failure);
}

int
target_init_at(struct target *target, struct place *place, const char *name, const char *shown,
    const struct target_options *options, struct failure *failure)
{
	*target = (struct target)TARGET_INIT;
	target->options = *options;
	target->display_name = shown;
	target->place = place;
	return init(target, name, failure);
}

/* Is it closed, or open for reading alone? */
static int
check_output(const struct target *target, struct failure *failure)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags != -1 && (flags & O_ACCMODE) != O_RDONLY)
		return 0;
	return fail(failure, target, EBADF, NULL);
}

int
target_init(struct target *target, const char *file, const struct target_options *options,
    struct failure *failure)
{
	size_t len = (size_t)(base_name(file) - file);
	char *directory;
	int result;

	*target = (struct target)TARGET_INIT;
	target->options = *options;
	target->place = &target->own_place;
	if (strcmp(file, "-") == 0) {
		target->display_name = "standard output";
		target->kind = TARGET_OUTPUT;
		return check_output(target, failure);
	}
	target->display_name = file;
	directory = len > 0 ? strndup(file, len) : strdup(".");
	if (directory == NULL)
		return fail(failure, target, ENOMEM, NULL);
	result = place_open(target->place, directory, file) == 0 ?
		     init(target, base_name(file), failure) :
		     fail(failure, target, errno, NULL);
	free(directory);
	if (result == 0 && target->kind == TARGET_FILE)
		place_probe(target->place);
	return result;
}

/* ---- FILE.part ----------------------------------------------------------------------------- */

static int
fail_part(struct failure *failure, const struct target *target, int errnum, const char *reason)
{
	return failure_set(failure, STATUS_FAILED, errnum, reason, "open %s%s",
	    target->display_name, TARGET_SUFFIX);
}

static int
lock_part(const struct target *target, int fd, struct failure *failure)
{
	if (place_lock(target->place, fd) == 0)
		return 0;
	return fail_part(
	    failure, target, errno, errno == EWOULDBLOCK ? "another receiver is writing it" : NULL);
}

/* May an existing FILE.part be ours?  On some mounts every file has another owner. */
static int
check_found(const struct target *target, int fd, struct failure *failure)
{
	const struct place *place = target->place;
	struct stat st;

	if (fstat(fd, &st) == -1)
		return fail_part(failure, target, errno, NULL);
	if (!S_ISREG(st.st_mode))
		return fail_part(failure, target, EPERM, "it is no regular file");
	if (st.st_uid != place->owner || (st.st_mode & (S_IWGRP | S_IWOTH) & ~place->granted) != 0)
		return fail_part(failure, target, EPERM, "it is not ours alone");
	if (st.st_nlink > 1)
		return fail_part(failure, target, EPERM, "it has more than one link");
	return lock_part(target, fd, failure);
}

/* Let nobody else read what is still to come. */
static int
make_private(const struct target *target, int fd, struct failure *failure)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && (st.st_mode & 0077 & ~target->place->granted) == 0)
		return 0;
	if (fchmod(fd, 0600) == -1 && !place_is_unsupported(errno))
		return fail_part(failure, target, errno, NULL);
	return 0;
}

/* Create nothing before the peer has proved that it has the key. */
static int
check_directory(const struct target *target, struct failure *failure)
{
	if (faccessat(target->place->fd, ".", W_OK | X_OK, AT_EACCESS) == -1)
		return fail_part(failure, target, errno, NULL);
	return 0;
}

static bool
is_our_part(const struct target *target, int fd)
{
	return place_is_same(target->place, target->part, fd);
}

/* If FILE gets its name by link(2), a kill -9 may leave FILE.part as a second name of it. */
static bool
remove_other_name(const struct target *target, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 2 &&
	       place_is_same(target->place, target->name, fd) &&
	       place_lock(target->place, fd) == 0 &&
	       unlinkat(target->place->fd, target->part, 0) == 0;
}

/* Open a new FILE.part, or the one that is there, and lock it: a descriptor, or -1 with errno or
 * the failure. */
static int
try_part(struct target *target, bool create, struct failure *failure)
{
	const int flags = O_RDWR | O_NOFOLLOW;
	int fd = create ? openat(target->place->fd, target->part,
			      flags | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC, 0600) :
			  -1,
	    gone = 0;

	if (fd != -1) {
		if (lock_part(target, fd, failure) == 0)
			return fd;
		/* If another process has locked it first, that one writes it now. */
		if (failure->errnum != EWOULDBLOCK && is_our_part(target, fd))
			(void)unlinkat(target->place->fd, target->part, 0); /* it may stay */
	} else if (!create || errno == EEXIST) {
		fd = open_leased(target->place->fd, target->part, flags);
		if (fd == -1 && create && errno == ENOENT)
			errno = ESTALE; /* it was removed just now */
		if (fd == -1)
			return -1;
		if (remove_other_name(target, fd))
			gone = ESTALE;
		else if (check_found(target, fd, failure) == 0 &&
			 (!create || make_private(target, fd, failure) == 0))
			return fd;
	} else {
		return -1;
	}
	(void)close(fd);
	errno = gone;
	return -1;
}

static void
remove_part(struct target *target)
{
	if (is_our_part(target, target->fd))
		(void)unlinkat(target->place->fd, target->part, 0); /* it may stay: no harm */
	(void)close(target->fd);
	/* A mount that uploads closed files creates it again. */
	if (!place_can(target->place, PLACE_NUMBERS))
		(void)unlinkat(target->place->fd, target->part, 0);
	target->fd = -1;
}

static void
note_begun_anew(const struct target *target)
{
	msg_note("%s%s: the %lld bytes of an earlier run are not continued, but begun anew",
	    target->display_name, TARGET_SUFFIX, (long long)target->part_size);
}

/* Can the part be read back?  Some mounts write a file only once, from its beginning to its end,
 * and let it be read only then. */
static bool
can_be_read(int fd, int64_t size)
{
	char byte;

	return size == 0 || pread(fd, &byte, 1, 0) != -1 || !place_is_unsupported(errno);
}

int
target_open_part(struct target *target, bool create, struct failure *failure)
{
	if (target->kind != TARGET_FILE || target->fd != -1)
		return 0;
	for (int i = 0; i < OPEN_TRIES; i++) {
		int fd = try_part(target, create, failure), errnum = errno;
		struct stat st;

		if (fd == -1 && failure->status != STATUS_OK)
			return -1;
		if (fd == -1 && errnum == ENOENT && outlet_is_proc(target->place->fd))
			return fail(failure, target, EBADF, NULL); /* /dev/fd/N */
		if (fd == -1 && errnum == ENOENT && !create)
			return check_directory(target, failure);
		if (fd == -1 && errnum == ESTALE)
			continue;
		if (fd == -1 && errnum == ELOOP)
			return fail_part(failure, target, ELOOP, "it is a symbolic link");
		if (fd == -1 && errnum == EISDIR)
			return fail_part(failure, target, EPERM, "it is a directory");
		if (fd == -1 && errnum == ENOENT)
			return fail_part(failure, target, ENOENT, "its directory was removed");
		if (fd == -1)
			return open_leased_failed(
			    failure, errnum, "open %s%s", target->display_name, TARGET_SUFFIX);
		/* The process that had the lock may have renamed or removed the file before the
		 * lock was ours. */
		if (!is_our_part(target, fd) || fstat(fd, &st) == -1) {
			(void)close(fd);
			continue;
		}
		target->part_size = st.st_size;
		if (!create) {
			(void)close(fd);
			return 0;
		}
		target->fd = fd;
		if (can_be_read(fd, st.st_size))
			return 0;
		note_begun_anew(target);
		remove_part(target);
	}
	return fail_part(failure, target, EBUSY, "others keep replacing it");
}

int
target_check_room(const struct target *target, int64_t size, struct failure *failure)
{
	char reason[100];

	if (target->kind != TARGET_DEVICE || target->outlet.room == -1 ||
	    size <= target->outlet.room)
		return 0;
	(void)snprintf(reason, sizeof(reason), "it has %lld bytes, and %lld are to come",
	    (long long)target->outlet.room, (long long)size);
	return fail(failure, target, ENOSPC, reason);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Nobody else may change the size of FILE.part.  The lock and the mode keep others out, but not the
 * same user and root, nor anybody where the mount has no modes. */
static int
fail_size(struct target *target, struct failure *failure)
{
	target_discard(target);
	return fail(failure, target, 0, "somebody changed its size while it was written");
}

int
target_check_size(struct target *target, struct failure *failure)
{
	struct stat st;

	if (target->fd == -1)
		return 0;
	if (fstat(target->fd, &st) == -1)
		return fail(failure, target, errno, NULL);
	if (st.st_size == target->written)
		return 0;
	return fail_size(target, failure);
}

/* Throw away what FILE.part has behind offset, or all of FILE.part if that fails. */
static int
cut_part(struct target *target, int64_t offset, struct failure *failure)
{
	struct stat st;

	if (fstat(target->fd, &st) == -1)
		return fail_part(failure, target, errno, NULL);
	if (st.st_size < offset)
		return fail_size(target, failure);
	if (st.st_size == offset || ftruncate(target->fd, offset) == 0)
		return 0;
	if (offset != 0 || !place_is_unsupported(errno))
		return fail_part(failure, target, errno, NULL);
	remove_part(target);
	return target_open_part(target, true, failure);
}

int
target_start(struct target *target, int64_t offset, struct failure *failure)
{
	target->written = offset;
	if (target->kind == TARGET_OUTPUT && !target->outlet.opened)
		outlet_open_stdout(&target->outlet);
	if (target->kind == TARGET_DEVICE && !target->outlet.opened)
		return outlet_open(&target->outlet, target->place->fd, target->name,
		    target->display_name, target->is_descriptor, failure);
	if (target->kind != TARGET_FILE)
		return 0;
	if (offset == 0 && target->part_size > 0)
		note_begun_anew(target);
	if (cut_part(target, offset, failure) == -1)
		return -1;
	if (lseek(target->fd, offset, SEEK_SET) == -1)
		return fail_part(failure, target, errno, NULL);
	return 0;
}

static int
write_part(struct target *target, const char *bytes, size_t len, struct failure *failure)
{
	/* The next bytes would fill up what was cut off, with a hole. */
	if (target->written > 0 && target_check_size(target, failure) == -1)
		return -1;
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

int
target_reserve(struct target *target, int64_t size, struct failure *failure)
{
	if (target->kind != TARGET_FILE || size <= 0)
		return 0;
	target->reserved = true;
	if (fallocate(target->fd, FALLOC_FL_KEEP_SIZE, 0, size) == -1 &&
	    (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
		return failure_set(failure, STATUS_FAILED, errno, NULL, "make room for %s%s",
		    target->display_name, TARGET_SUFFIX);
	return 0;
}

int
target_write(struct target *target, const void *bytes, size_t len, struct failure *failure)
{
	if (target->kind == TARGET_FILE)
		return write_part(target, bytes, len, failure);
	return outlet_write(
	    &target->outlet, target->display_name, bytes, len, &target->written, failure);
}

bool
target_leave_hole(struct target *target, int64_t len)
{
	int64_t end = target->written + len;

	if (target->kind != TARGET_FILE || ftruncate(target->fd, end) == -1)
		return false; /* what is wrong shows when the bytes are written */
	if (target->reserved)
		(void)fallocate(
		    target->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, target->written, len);
	if (lseek(target->fd, end, SEEK_SET) == -1)
		return false;
	target->written = end;
	return true;
}

/* What the kernel has cached of a file on a network or of another process may lack our own last
 * change: ask anew, where statx(2) can do that. */
static int
get_state(int fd, struct stat *state)
{
	struct statx ignored;

	(void)call_statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &ignored);
	return fstat(fd, state);
}

int
target_open_final(struct target *target)
{
	int fd = open_leased(target->place->fd, target->name, O_RDONLY | O_NOFOLLOW), errnum;

	if (fd == -1)
		return -1;
	errnum = get_state(fd, &target->final) == -1 ? errno :
		 S_ISREG(target->final.st_mode)	     ? 0 :
						       EEXIST;
	if (errnum == 0)
		return fd;
	(void)close(fd);
	errno = errnum;
	return -1;
}

/* ---- the end ------------------------------------------------------------------------------- */

static int
fail_rename(struct failure *failure, const struct target *target, int errnum, const char *reason)
{
	return failure_set(failure, STATUS_FAILED, errnum, reason, "rename %s%s to %s",
	    target->display_name, TARGET_SUFFIX, short_name(target));
}

/* Is there another file than the one that was written? */
static bool
is_another(const struct target *target, const char *name)
{
	return !place_is_same(target->place, name, target->fd) &&
	       faccessat(target->place->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool
has_links(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink != 1;
}

/* rename(2) takes names: check before and after that they are those of the file that was
 * written. */
static int
rename_part(struct target *target, struct failure *failure)
{
	struct place *place = target->place;

	if (is_another(target, target->part))
		return fail_rename(failure, target, 0, "somebody replaced what was written");
	if (target->options.force) {
		if (renameat(place->fd, target->part, place->fd, target->name) == -1)
			return fail_rename(failure, target, errno, NULL);
		/* If FILE is a link to the same inode, rename(2) does nothing: remove FILE.part. */
		if (has_links(target->fd) && is_our_part(target, target->fd))
			(void)unlinkat(place->fd, target->part, 0);
	} else if (place_rename(place, target->part, target->name) == -1) {
		return fail_rename(failure, target, errno,
		    errno == EEXIST ? "it appeared meanwhile, and is not replaced without --force" :
				      NULL);
	}
	if (is_another(target, target->name))
		return fail_rename(
		    failure, target, 0, "somebody replaced what was written by something else");
	return 0;
}

static struct permissions
wanted_permissions(const struct target *target)
{
	return (struct permissions){ .mode = target->options.mode,
		.asked = target->options.mode_asked,
		.replaces = target->options.force,
		.was_file = target->exists };
}

/* A file system may count time in units of up to two seconds.  It takes a time that is too early or
 * too late for it, but makes another one of it. */
static bool
is_time_kept(int fd, const struct timespec *mtime)
{
	struct stat st;
	int64_t off;

	return fstat(fd, &st) == 0 &&
	       !__builtin_sub_overflow((int64_t)st.st_mtim.tv_sec, (int64_t)mtime->tv_sec, &off) &&
	       off >= -2 && off <= 2;
}

/* *kept false: the mode or the time that was asked for could not be set. */
static int
set_attributes(struct target *target, int fd, const struct timespec *mtime, bool *kept,
    struct failure *failure)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT },
		mtime != NULL ? *mtime : (struct timespec){ 0, 0 } };
	const struct permissions wanted = wanted_permissions(target);
	int result = permissions_give(target->place, target->name, fd, &wanted, kept);

	*kept = *kept || !wanted.asked;
	if (result == 0 && mtime != NULL) {
		if (futimens(fd, times) == -1)
			result = place_is_unsupported(errno) ? 0 : -1;
		*kept = *kept && result == 0 && is_time_kept(fd, mtime);
	}
	if (result == -1)
		return failure_set(failure, STATUS_FAILED, errno, NULL, "set the mode of %s%s",
		    target->display_name, fd == target->fd ? TARGET_SUFFIX : "");
	return 0;
}

/* FILE is there, but not all that was asked for could be done: that is a failure. */
static void
report_not_kept(struct target *target, const struct timespec *mtime)
{
	struct failure failure;

	failure_clear(&failure);
	(void)failure_set(&failure, STATUS_FAILED, 0, "its file system does not keep it",
	    "set the mode%s of %s", mtime != NULL ? " and the time" : "", target->display_name);
	target->status = failure_report(&failure);
}

static int
flush_directory(const struct target *target, struct failure *failure)
{
	if (fsync(target->place->fd) == 0 || errno == EBADF || place_is_unsupported(errno))
		return 0;
	return failure_set(failure, STATUS_FAILED, errno, NULL, "flush the directory of %s to disk",
	    target->display_name);
}

static void
note_not_flushed(const struct target *target)
{
	msg_note("%s: its file system does not say when it is on disk", target->display_name);
}

static int
flush_part(struct target *target, struct failure *failure)
{
	bool flushed;

	if (place_flush(target->place, target->fd, &flushed) == 0) {
		if (!flushed)
			note_not_flushed(target);
		return 0;
	}
	(void)failure_set(failure, STATUS_FAILED, errno, NULL, "flush %s%s to disk",
	    target->display_name, TARGET_SUFFIX);
	/* The pages that could not be written now count as clean: reading would not show what the
	 * disk has. */
	target_discard(target);
	return -1;
}

/* On a mount that uploads closed files, close the part before it is renamed. */
static int
upload_part(struct target *target, struct failure *failure)
{
	int fd = target->fd;

	if (place_can(target->place, PLACE_NUMBERS))
		return 0;
	target->fd = -1;
	if (close(fd) == 0)
		return 0;
	return failure_set(
	    failure, STATUS_FAILED, errno, NULL, "write %s%s", target->display_name, TARGET_SUFFIX);
}

static bool
will_let_others_write(const struct target *target)
{
	const struct permissions wanted = wanted_permissions(target);

	return (permissions_mode(target->place, target->name, &wanted) & 0022) != 0;
}

/* Flush the mode and the time of FILE, whose bytes are on disk. */
static int
flush_attributes(struct target *target, struct failure *failure)
{
	bool flushed;

	if (target->fd == -1 || place_flush(target->place, target->fd, &flushed) == 0)
		return 0;
	return failure_set(
	    failure, STATUS_FAILED, errno, NULL, "flush %s to disk", target->display_name);
}

static int
commit_file(struct target *target, const struct timespec *mtime, struct failure *failure)
{
	bool lets_others_write = will_let_others_write(target), kept;
	int result = 0;

	/* The next run does not continue a part that others can write.  So flush it, which may take
	 * long, before it gets that mode, and flush the mode after the rename. */
	if (target_check_size(target, failure) == -1 ||
	    (lets_others_write && flush_part(target, failure) == -1))
		return -1;
	if (set_attributes(target, target->fd, mtime, &kept, failure) == -1 ||
	    (!lets_others_write && flush_part(target, failure) == -1) ||
	    upload_part(target, failure) == -1 || rename_part(target, failure) == -1) {
		if (target->fd != -1)
			permissions_withdraw(target->fd);
		return -1;
	}
	if (lets_others_write)
		result = flush_attributes(target, failure);
	if (target->fd != -1)
		(void)close(target->fd); /* close cannot report anything that fsync has not */
	target->fd = -1;
	if (result == -1 || flush_directory(target, failure) == -1) {
		failure_add(failure, "it has its name, but may not be on disk");
		return -1;
	}
	if (!kept)
		report_not_kept(target, mtime);
	return 0;
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Is FILE still the file that was compared? */
static int
check_final(const struct target *target, int fd, struct failure *failure)
{
	const struct stat *was = &target->final;
	struct stat is;

	if (!place_is_same(target->place, target->name, fd))
		return fail(failure, target, 0, "somebody replaced it while it was compared");
	if (get_state(fd, &is) == -1)
		return fail(failure, target, errno, NULL);
	if (is.st_size != target->size || is.st_size != was->st_size ||
	    !is_same_time(&is.st_mtim, &was->st_mtim) || !is_same_time(&is.st_ctim, &was->st_ctim))
		return fail(failure, target, 0, "somebody changed it while it was compared");
	return 0;
}

int
target_confirm(struct target *target, int fd, const struct timespec *mtime, struct failure *failure)
{
	bool kept = true, flushed;

	/* Check FILE as late as possible, but before attributes are set, since that changes its
	 * times. */
	if (target->options.mode_asked &&
	    (check_final(target, fd, failure) == -1 ||
		set_attributes(target, fd, mtime, &kept, failure) == -1))
		return -1;
	if (place_flush(target->place, fd, &flushed) == -1)
		return failure_set(
		    failure, STATUS_FAILED, errno, NULL, "flush %s to disk", target->display_name);
	if (!flushed)
		note_not_flushed(target);
	if (flush_directory(target, failure) == -1 ||
	    (!target->options.mode_asked && check_final(target, fd, failure) == -1))
		return -1;
	if (!kept)
		report_not_kept(target, mtime);
	return 0;
}

int
target_commit(struct target *target, const struct timespec *mtime, struct failure *failure)
{
	if (target->kind == TARGET_FILE)
		return commit_file(target, mtime, failure);
	return outlet_flush(&target->outlet, target->display_name, failure);
}

void
target_keep(struct target *target, struct failure *failure)
{
	struct stat st;
	bool flushed;

	if (target->kind != TARGET_FILE) {
		if (target->written > 0)
			failure_add(
			    failure, "%lld bytes of it were written", (long long)target->written);
		return;
	}
	if (target->fd == -1)
		return;
	if (fstat(target->fd, &st) == -1) {
		failure_add(failure, "how much is in %s%s cannot be found out: %s",
		    short_name(target), TARGET_SUFFIX, strerror(errno));
		return;
	}
	if (st.st_size == 0) {
		remove_part(target);
		return;
	}
	if (target->reserved)
		(void)!ftruncate(target->fd, st.st_size);
	target->reserved = false;
	if (!is_our_part(target, target->fd)) {
		failure_add(failure, "nothing is kept: %s%s is not there any more",
		    short_name(target), TARGET_SUFFIX);
	} else if (place_flush(target->place, target->fd, &flushed) == -1) {
		failure_add(failure, "nothing is kept: %s%s could not be flushed: %s",
		    short_name(target), TARGET_SUFFIX, strerror(errno));
		remove_part(target); /* reading would not show what the disk has */
		return;
	} else {
		(void)fsync(target->place->fd); /* flush its name, if possible */
		failure_add(failure, "%lld bytes are safe in %s%s", (long long)st.st_size,
		    short_name(target), TARGET_SUFFIX);
	}
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

	if (target->fd != -1)
		(void)run_start_thread(); /* a file system may hang */
	if (target->fd != -1 && fstat(target->fd, &st) == 0 && st.st_size == 0)
		remove_part(target);
	if (target->fd != -1)
		(void)close(target->fd);
	outlet_close(&target->outlet);
	place_close(&target->own_place);
	*target = (struct target)TARGET_INIT;
}

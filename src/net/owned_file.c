/* owned_file.c - a file that is ours: written, and at the end removed, if it is still the one that
 * was written.
 * Row net. */
#include "net/owned_file.h"

#include "run/message.h"
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD_MAX 128 /* a file with longer text is not ours */
#define TRIES 100
#define FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static int
open_parent(struct owned_file *file, const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;

	if (*base == '\0' || strlen(base) > NAME_MAX || strlen(path) >= sizeof(dir)) {
		errno = *base == '\0' ? EISDIR : ENAMETOOLONG;
		return -1;
	}
	(void)snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - path + 1) : 1,
	    slash != NULL ? path : ".");
	(void)snprintf(file->name, sizeof(file->name), "%s", base);
	file->path = path;
	file->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return file->dir_fd == -1 ? -1 : 0;
}

static void
close_descriptors(struct owned_file *file)
{
	if (file->fd != -1)
		(void)close(file->fd);
	if (file->dir_fd != -1)
		(void)close(file->dir_fd);
	*file = (struct owned_file)OWNED_FILE_INIT;
}

/* Does the name lead to our file? */
static bool
stands_there(const struct owned_file *file)
{
	struct stat ours, there;

	return fstat(file->fd, &ours) == 0 &&
	       fstatat(file->dir_fd, file->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* ---- removing ------------------------------------------------------------------------------ */

static int
remove_ours(void *arg)
{
	struct owned_file *file = arg;
	int error;

	if (!stands_there(file) || unlinkat(file->dir_fd, file->name, 0) == 0)
		return 0;
	error = errno;
	if ((error != EACCES && error != EPERM) || !file->can_be_emptied ||
	    ftruncate(file->fd, 0) == -1)
		return error;
	file->was_emptied = true;
	return 0;
}

/* The file is ours: have it removed at the end, and give it to the user. */
static int
own(struct owned_file *file, const struct user *user, struct failure *failure)
{
	run_at_end(remove_ours, file, file->path);
	if (user_give(user, file->fd) == 0)
		return 0;
	(void)failure_errno(failure, errno, "give %s to user %s", file->path, user->name);
	owned_file_remove(file);
	return -1;
}

void
owned_file_remove(struct owned_file *file)
{
	run_remove(file);
	if (file->was_emptied)
		msg_note("%s is empty now: its directory does not let it be removed", file->path);
	close_descriptors(file);
}

/* ---- writing ------------------------------------------------------------------------------- */

static int
fail(struct owned_file *file, const struct owned_kind *kind, const char *path, int error,
    struct failure *failure)
{
	char message[80];

	close_descriptors(file);
	if (error == ESTALE)
		(void)snprintf(message, sizeof(message), "another file took its place");
	else if (error == EEXIST)
		(void)snprintf(message, sizeof(message),
		    "what is there is no %s, and is not overwritten", kind->name);
	return failure_set(failure, STATUS_FAILED, error,
	    error == ESTALE || error == EEXIST ? message : NULL, "write %s %s", kind->name, path);
}

/* Read the file, which must have one link.  Returns its length, or -1 if it has no text of ours. */
static ssize_t
read_old(int fd, char old[OLD_MAX])
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_nlink > 1)
		return -1;
	n = pread(fd, old, OLD_MAX, 0);
	return n < OLD_MAX ? n : -1;
}

static bool
may_replace(const struct owned_kind *kind, int fd, const char *text)
{
	char old[OLD_MAX];
	ssize_t n = read_old(fd, old);

	return n != -1 && kind->may_replace(old, (size_t)n, text);
}

/* Check the file that is there: 0, or errno.  EEXIST: it may not be replaced. */
static int
check_old(const struct owned_file *file, const struct owned_kind *kind, const char *text)
{
	int fd = openat(file->dir_fd, file->name, O_RDONLY | FLAGS);
	bool may;

	if (fd == -1)
		return errno == ENOENT ? 0 : errno == ELOOP ? EEXIST : errno;
	may = may_replace(kind, fd, text);
	(void)close(fd);
	return may ? 0 : EEXIST;
}

static int
write_text(int fd, const char *text)
{
	char line[PATH_MAX];
	int len = snprintf(line, sizeof(line), "%s\n", text);
	ssize_t n = pwrite(fd, line, (size_t)len, 0);

	if (n == len)
		return 0;
	return n == -1 ? errno : ENOSPC;
}

/* Try several names: a process that was killed may have left one behind. */
static int
create_temporary(struct owned_file *file, char name[64])
{
	for (int i = 0; i < TRIES; i++) {
		(void)snprintf(name, 64, ".sockutils.%ld.%d", (long)getpid(), i);
		file->fd = openat(file->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | FLAGS, 0644);
		if (file->fd != -1 || errno != EEXIST)
			break;
	}
	return file->fd != -1 ? 0 : errno;
}

/* Write a temporary file and rename it.  ESTALE: its name led to another file by then. */
static int
write_and_rename(struct owned_file *file, const char *text)
{
	char temporary[64];
	int error = create_temporary(file, temporary);

	if (error != 0)
		return error;
	error = write_text(file->fd, text);
	if (error == 0 && renameat(file->dir_fd, temporary, file->dir_fd, file->name) == 0)
		return stands_there(file) ? 0 : ESTALE;
	error = error != 0 ? error : errno;
	(void)unlinkat(file->dir_fd, temporary, 0);
	return error;
}

int
owned_file_write(struct owned_file *file, const struct owned_kind *kind, const char *path,
    const char *text, const struct user *user, struct failure *failure)
{
	int error = open_parent(file, path) == -1 ? errno : check_old(file, kind, text);

	if (error == 0)
		error = write_and_rename(file, text);
	if (error != 0)
		return fail(file, kind, path, error, failure);
	file->can_be_emptied = true;
	return own(file, user, failure);
}

/* Open and lock the file at this path, or a new one: 0, or errno.  If it was removed or replaced
 * before we had the lock, try again. */
static int
open_locked(struct owned_file *file)
{
	for (int i = 0; i < TRIES; i++) {
		file->fd = openat(file->dir_fd, file->name, O_RDWR | O_CREAT | FLAGS, 0644);
		if (file->fd == -1)
			return errno == ELOOP || errno == EISDIR ? EEXIST : errno;
		if (flock(file->fd, LOCK_EX | LOCK_NB) == -1)
			return errno;
		if (stands_there(file))
			return 0;
		(void)close(file->fd);
	}
	file->fd = -1;
	return ESTALE;
}

/* The file names the process that has locked it, unless that is still writing it. */
static int
fail_locked(struct owned_file *file, const struct owned_kind *kind, const char *path,
    struct failure *failure)
{
	char old[OLD_MAX], message[OLD_MAX + 80];
	ssize_t n = read_old(file->fd, old);
	int len = n > 0 ? (int)n - 1 : 0;

	close_descriptors(file);
	(void)snprintf(message, sizeof(message), "%s%s%.*s", kind->in_use,
	    len > 0 ? ", process " : "", len, old);
	return failure_set(failure, STATUS_FAILED, EEXIST, message, "lock %s %s", kind->name, path);
}

int
owned_file_lock(struct owned_file *file, const struct owned_kind *kind, const char *path,
    const char *text, const struct user *user, struct failure *failure)
{
	int error = open_parent(file, path) == -1 ? errno : open_locked(file);

	if ((error == 0 || error == EWOULDBLOCK) && !may_replace(kind, file->fd, text))
		error = EEXIST;
	if (error == EWOULDBLOCK)
		return fail_locked(file, kind, path, failure);
	if (error != 0)
		return fail(file, kind, path, error, failure);
	file->can_be_emptied = true;
	if (own(file, user, failure) == -1)
		return -1;
	error = ftruncate(file->fd, 0) == -1 ? errno : write_text(file->fd, text);
	if (error == 0)
		return 0;
	run_remove(file);
	return fail(file, kind, path, error, failure);
}

/* ---- a socket ------------------------------------------------------------------------------ */

int
owned_file_take_socket(struct owned_file *file, struct sku_unix_path *bound, const char *path,
    const struct user *user, struct failure *failure)
{
	struct stat st;
	int fd;

	if (bound->dir_fd == -1)
		return 0;
	fd = openat(bound->dir_fd, bound->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 && errno != ENOENT) {
		(void)failure_errno(failure, errno, "open %s", path);
		(void)sku_unlink_unix_server(bound);
		return -1;
	}
	file->fd = fd;
	file->dir_fd = bound->dir_fd;
	bound->dir_fd = -1;
	(void)snprintf(file->name, sizeof(file->name), "%s", bound->name);
	file->path = path;
	/* If another socket is there by now, leave it alone. */
	if (file->fd != -1 && fstat(file->fd, &st) == 0 && st.st_dev == bound->device &&
	    st.st_ino == bound->inode)
		return own(file, user, failure);
	close_descriptors(file);
	return 0;
}

/* portfile.c - a file that says where a server listens.  It is complete or absent, and removed at
 * the end.
 * Row net. */
#include "net/portfile.h"

#include "run/message.h"
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is this the text of a port file, so that the file may be replaced? */
static bool
is_port_text(const char *text, size_t len, const char *ours)
{
	size_t digits = strspn(text, "0123456789");

	if (len == 0)
		return true;
	if (text[len - 1] != '\n')
		return false;
	if (digits > 0 && digits <= 5 && digits == len - 1)
		return true;
	return strlen(ours) == len - 1 && memcmp(text, ours, len - 1) == 0;
}

/* May the name be written to?  Returns 0, or errno: EEXIST if a file stands there that is no port
 * file. */
static int
check_existing(const struct portfile *file, const char *text)
{
	char old[128] = "";
	struct stat st;
	ssize_t n;
	int fd = openat(file->dir_fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return errno == ENOENT ? 0 : errno == ELOOP ? EEXIST : errno;
	n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, old, sizeof(old) - 1) : -1;
	(void)close(fd);
	return n >= 0 && st.st_size < (off_t)sizeof(old) && is_port_text(old, (size_t)n, text) ?
		   0 :
		   EEXIST;
}

static int
open_directory(struct portfile *file, const char *path)
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
	file->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return file->dir_fd == -1 ? -1 : 0;
}

/* Write to a temporary name and rename the file, so that a reader sees all of it or nothing. */
static int
write_and_rename(struct portfile *file, const char *text)
{
	char temporary[64];
	int len;

	(void)snprintf(temporary, sizeof(temporary), ".sockutils-port.%ld", (long)getpid());
	file->fd = openat(file->dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file->fd == -1)
		return -1;
	len = dprintf(file->fd, "%s\n", text);
	if (len == (int)strlen(text) + 1 &&
	    renameat(file->dir_fd, temporary, file->dir_fd, file->name) == 0)
		return 0;
	if (len >= 0 && len != (int)strlen(text) + 1)
		errno = ENOSPC;
	len = errno;
	(void)unlinkat(file->dir_fd, temporary, 0);
	errno = len;
	return -1;
}

static void
clear(struct portfile *file)
{
	if (file->fd != -1)
		(void)close(file->fd);
	if (file->dir_fd != -1)
		(void)close(file->dir_fd);
	*file = (struct portfile)PORTFILE_INIT;
}

static int
unlink_if_ours(void *arg)
{
	const struct portfile *file = arg;
	struct stat ours, there;
	bool is_ours = fstat(file->fd, &ours) == 0 &&
		       fstatat(file->dir_fd, file->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;

	return is_ours && unlinkat(file->dir_fd, file->name, 0) == -1 ? errno : 0;
}

int
portfile_write(struct portfile *file, const char *path, const char *text)
{
	int error = open_directory(file, path) == -1 ? errno : check_existing(file, text);

	if (error == 0 && write_and_rename(file, text) == -1)
		error = errno;
	if (error == 0) {
		run_at_end(unlink_if_ours, file, path);
		return STATUS_OK;
	}
	clear(file);
	if (error == EEXIST)
		return msg_error(STATUS_FAILED, error,
		    "what is there is no port file, and is not overwritten", "write port file %s",
		    path);
	return msg_error_errno(STATUS_FAILED, error, "write port file %s", path);
}

void
portfile_remove(struct portfile *file)
{
	run_remove(file);
	clear(file);
}

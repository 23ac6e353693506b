/* outlet.c - a FILE that is written directly: standard output, a FIFO or a device.
 * Row tool. */
#include "sockfile-recv/outlet.h"

#include "run/escape.h"
#include "run/system_calls.h"
#include "run/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define FIFO_PAUSE (10 * SKU_MS) /* between two looks for a reader */

static int
fail(struct failure *failure, int errnum, const char *reason, const char *shown)
{
	return failure_set(failure, STATUS_FAILED, errnum, reason, "write %s", shown);
}

/* ---- descriptors that have a name ---------------------------------------------------------- */

bool
outlet_is_proc(int dir_fd)
{
	struct statfs fs;

	return fstatfs(dir_fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

int
outlet_find_descriptor(int dir_fd, const char *link, char *name, size_t size)
{
	char path[PATH_MAX], *slash;
	ssize_t len;
	int fd;

	if (outlet_is_proc(dir_fd)) {
		(void)snprintf(name, size, "%s", link);
		return fcntl(dir_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	}
	len = readlinkat(dir_fd, link, path, sizeof(path) - 1);
	if (len <= 0)
		return -1;
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || slash == path || strlen(slash + 1) >= size)
		return -1;
	*slash = '\0';
	fd = openat(dir_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1 && !outlet_is_proc(fd)) {
		(void)close(fd);
		fd = -1;
	}
	(void)snprintf(name, size, "%s", slash + 1);
	return fd;
}

/* Compare with /dev: a devtmpfs looks like any tmpfs, and in a container /dev is a tmpfs. */
bool
outlet_is_system_directory(int dir_fd)
{
	struct stat dir, dev, root;

	if (outlet_is_proc(dir_fd))
		return true;
	if (fstat(dir_fd, &dir) == -1 || stat("/dev", &dev) == -1 || stat("/", &root) == -1)
		return false;
	return dir.st_dev == dev.st_dev && (dev.st_dev != root.st_dev || dir.st_ino == dev.st_ino);
}

/* ---- before anything is received ----------------------------------------------------------- */

int
outlet_inspect(struct outlet *outlet, int dir_fd, const char *name, const char *shown,
    const struct stat *st, bool force, struct failure *failure)
{
	uint64_t bytes;
	int fd, read_only = 0;

	outlet->room = -1;
	outlet->exclusive = false;
	if (!S_ISBLK(st->st_mode))
		return faccessat(dir_fd, name, W_OK, AT_EACCESS) == 0 ?
			   0 :
			   fail(failure, errno, NULL, shown);
	outlet->exclusive = !force;
	fd = openat(dir_fd, name,
	    O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (outlet->exclusive ? O_EXCL : 0));
	if (fd == -1)
		return fail(failure, errno,
		    errno == EBUSY ? "it is in use (mounted?); --force writes to it" : NULL, shown);
	if (call_ioctl(fd, BLKGETSIZE64, &bytes) == 0 && bytes <= INT64_MAX)
		outlet->room = (int64_t)bytes;
	(void)call_ioctl(fd, BLKROGET, &read_only); /* if it is not known, writing tells */
	(void)close(fd);
	return read_only != 0 ? fail(failure, EROFS, "it is read-only", shown) : 0;
}

/* ---- opening ------------------------------------------------------------------------------- */

static bool
is_fifo(int dir_fd, const char *name, bool follow)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISFIFO(st.st_mode);
}

void
outlet_open_stdout(struct outlet *outlet)
{
	output_open(&outlet->output, STDOUT_FILENO);
	outlet->opened = true;
}

int
outlet_open(struct outlet *outlet, int dir_fd, const char *name, const char *shown, bool follow,
    struct failure *failure)
{
	int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW) |
		    (outlet->exclusive ? O_EXCL : 0);
	struct sku_deadline deadline = run_operation_deadline();
	struct stat st;
	int fd;

	while ((fd = openat(dir_fd, name, flags)) == -1) {
		int errnum = errno;

		/* ENXIO: a FIFO has no reader, or a device is not there, as /dev/tty without a
		 * terminal. */
		if (errnum != ENXIO || !is_fifo(dir_fd, name, follow))
			return fail(failure, errnum,
			    errnum == EBUSY ? "it is in use (mounted?); --force writes to it" :
					      NULL,
			    shown);
		if (sku_deadline_passed(deadline)) {
			(void)run_wait_failed(
			    failure, ETIMEDOUT, LIMIT_OPERATION, "open %s", shown);
			failure_add(failure, "nobody reads it");
			return -1;
		}
		if (run_wait(NULL, 0, sku_deadline_in(FIFO_PAUSE)) == -1 && errno == ECANCELED)
			return run_wait_failed(failure, ECANCELED, LIMIT_OTHER, "open %s", shown);
	}
	if (fstat(fd, &st) == -1) {
		(void)fail(failure, errno, NULL, shown);
		(void)close(fd);
		return -1;
	}
	if (S_ISREG(st.st_mode)) {
		(void)close(fd);
		return fail(failure, 0, "a file took the place of the device", shown);
	}
	outlet->output = (struct output){ .fd = fd,
		.max = SIZE_MAX,
		.can_wait = S_ISFIFO(st.st_mode) || isatty(fd) == 1,
		.terminal = isatty(fd) == 1 };
	outlet->opened = true;
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

static int
write_all(struct outlet *outlet, const char *shown, const char *bytes, size_t len,
    struct failure *failure)
{
	while (len > 0) {
		ssize_t n = output_write(&outlet->output, bytes, len);

		if (n == -1 && errno == EAGAIN &&
		    run_wait_fd(outlet->output.fd, POLLOUT, sku_deadline_never()) == 0)
			continue;
		if (n == -1 && (errno == ETIMEDOUT || errno == ECANCELED))
			return run_wait_failed(failure, errno, LIMIT_OTHER, "write to %s", shown);
		if (n == -1)
			return failure_set(
			    failure, STATUS_FAILED, errno, NULL, "write to %s", shown);
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_escaped(struct outlet *outlet, const char *shown, const char *bytes, size_t len, bool last,
    struct failure *failure)
{
	size_t escaped_len;
	char *escaped = escape_piece(&outlet->rest, bytes, len, last, &escaped_len);
	int result;

	if (escaped == NULL)
		return failure_set(failure, STATUS_FAILED, ENOMEM, NULL, "write to %s", shown);
	result = write_all(outlet, shown, escaped, escaped_len, failure);
	free(escaped);
	return result;
}

int
outlet_write(struct outlet *outlet, const char *shown, const char *bytes, size_t len,
    int64_t *written, struct failure *failure)
{
	int result = outlet->output.terminal ?
			 write_escaped(outlet, shown, bytes, len, false, failure) :
			 write_all(outlet, shown, bytes, len, failure);

	if (result == 0)
		*written += (int64_t)len;
	return result;
}

int
outlet_flush(struct outlet *outlet, const char *shown, struct failure *failure)
{
	struct stat st;

	if (outlet->rest.len > 0 && write_escaped(outlet, shown, "", 0, true, failure) == -1)
		return -1;
	if (fstat(outlet->output.fd, &st) == 0 && S_ISBLK(st.st_mode) &&
	    fsync(outlet->output.fd) == -1)
		return failure_errno(failure, errno, "flush %s", shown);
	return 0;
}

void
outlet_close(struct outlet *outlet)
{
	if (outlet->opened)
		output_close(&outlet->output);
	*outlet = (struct outlet)OUTLET_INIT;
}

/* daemon.c - going to the background once ready, and the file that says which process it is.
 * Row tool. */
#include "sockecho-server/daemon.h"

#include "run/output.h"
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int ready_pipe = -1;

/* The one that there is, until the process ends. */
static struct {
	const char *path;
	struct pidfh *handle;
} pid_file;

/* The parent: one byte says that the child is ready, the end of the pipe that it is gone. */
static void __attribute__((noreturn)) wait_for_child(pid_t child, int pipe_fd)
{
	char byte;
	ssize_t n;
	int status = 0;

	do {
		n = read(pipe_fd, &byte, 1);
	} while (n == -1 && errno == EINTR);
	if (n == 1)
		_exit(STATUS_OK);
	while (waitpid(child, &status, 0) == -1 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int
compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* A server that outlives the command must not hold what the command was given: a pipe whose reader
 * waits for its end, say. */
static void
close_all_but(int kept[], size_t count)
{
	int fd = STDERR_FILENO + 1;

	qsort(kept, count, sizeof(kept[0]), compare_ints);
	for (size_t i = 0; i < count; i++) {
		for (; fd < kept[i]; fd++)
			(void)close(fd);
		if (fd == kept[i])
			fd++;
	}
	closefrom(fd);
}

int
daemon_start(int listen_fd, int ready_fd, struct failure *failure)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return failure_errno(failure, errno, "go to the background");
	child = fork();
	if (child == -1)
		return failure_errno(failure, errno, "go to the background");
	if (child > 0) {
		(void)close(fds[1]);
		wait_for_child(child, fds[0]);
	}
	(void)close(fds[0]);
	ready_pipe = fds[1];
	close_all_but((int[]){ ready_pipe, listen_fd, ready_fd }, 3);
	(void)setsid(); /* cannot fail: a new child leads no group */
	return 0;
}

void
daemon_ready(void)
{
	struct stat st;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null != -1) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		if (fstat(STDERR_FILENO, &st) == -1 || !S_ISREG(st.st_mode))
			(void)dup2(null, STDERR_FILENO);
		(void)close(null);
		output_open_all(); /* the command's pipe has an end now */
	}
	(void)!write(ready_pipe, "", 1); /* a parent that was killed needs no answer */
	(void)close(ready_pipe);
	ready_pipe = -1;
}

/* pidfile_open(3) cuts whatever it is given: only an empty file, or one with a number, is given. */
static int
check_existing(const char *path)
{
	char old[32] = "";
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return errno == ENOENT ? 0 : errno == ELOOP ? EEXIST : errno;
	n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, old, sizeof(old) - 1) : -1;
	(void)close(fd);
	if (n < 0 || n == (ssize_t)sizeof(old) - 1)
		return EEXIST;
	old[strcspn(old, "\n")] = '\0';
	return old[strspn(old, "0123456789")] == '\0' ? 0 : EEXIST;
}

/* The path, if it still leads to our file.  pidfile_remove(3) frees memory, too, for which there
 * may be a lock. */
static int
remove_pid_file(void *arg)
{
	struct stat ours, there;
	bool is_ours = fstat(pidfile_fileno(pid_file.handle), &ours) == 0 &&
		       lstat(pid_file.path, &there) == 0 && ours.st_dev == there.st_dev &&
		       ours.st_ino == there.st_ino;

	(void)arg;
	return is_ours && unlink(pid_file.path) == -1 ? errno : 0;
}

int
pid_file_open(const char *path, struct failure *failure)
{
	struct pidfh *handle;
	pid_t other = 0;
	char message[80];
	int error = check_existing(path);

	if (error == EEXIST)
		return failure_set(failure, STATUS_FAILED, error,
		    "what is there is no pid file, and is not overwritten", "write pid file %s",
		    path);
	if (error != 0)
		return failure_errno(failure, error, "write pid file %s", path);
	handle = pidfile_open(path, 0644, &other);
	if (handle == NULL && errno == EEXIST) {
		(void)snprintf(message, sizeof(message), "a server is running already, process %ld",
		    (long)other);
		return failure_set(
		    failure, STATUS_FAILED, EEXIST, message, "lock pid file %s", path);
	}
	if (handle == NULL)
		return failure_errno(failure, errno, "write pid file %s", path);
	pid_file.path = path;
	pid_file.handle = handle;
	run_at_end(remove_pid_file, &pid_file, path);
	if (fcntl(pidfile_fileno(handle), F_SETFD, FD_CLOEXEC) == -1 || pidfile_write(handle) == -1)
		return failure_errno(failure, errno, "write pid file %s", path);
	return 0;
}

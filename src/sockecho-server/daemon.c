/* daemon.c - going to the background once ready, and the file that says which process it is.
 * Row tool. */
#include "sockecho-server/daemon.h"

#include "net/owned_file.h"
#include "run/output.h"
#include "run/run.h"
#include "run/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int ready_pipe = -1, null_device = -1;

static struct owned_file pid_file = OWNED_FILE_INIT;

/* The parent: a byte in the pipe says that the child is ready; its end, that the child is gone.
 * Returns -1 and the failure if the child has not reported one. */
static int
wait_for_child(pid_t child, int pipe_fd, struct failure *failure)
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
	if (!WIFEXITED(status))
		_exit(128 + WTERMSIG(status));
	if (WEXITSTATUS(status) != STATUS_OK)
		_exit(WEXITSTATUS(status));
	return failure_set(failure, STATUS_FAILED, 0,
	    "a signal ended the server before it was ready", "go to the background");
}

static int
compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Close the descriptors that the command was given: a server that outlives it must not hold them.
 * The reader of a pipe may wait for its end. */
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

/* Until it is ready the child ends with the command, however that ends. */
static void
end_with_parent(void)
{
	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0UL, 0UL, 0UL);
	/* It may have ended before that: nobody reads the pipe then. */
	if (run_is_ready(ready_pipe, 0))
		_exit(STATUS_FAILED);
}

int
daemon_start(int listen_fd, int ready_fd, struct failure *failure)
{
	int fds[2];
	pid_t child;

	/* Now: once the server is ready, there may be no descriptor for it. */
	null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_device == -1)
		return failure_errno(failure, errno, "go to the background: open /dev/null");
	if (pipe2(fds, O_CLOEXEC) == -1)
		return failure_errno(failure, errno, "go to the background");
	child = run_fork();
	if (child == -1)
		return failure_errno(failure, errno, "go to the background");
	if (child > 0) {
		(void)close(fds[1]);
		return wait_for_child(child, fds[0], failure);
	}
	(void)close(fds[0]);
	ready_pipe = fds[1];
	close_all_but((int[]){ ready_pipe, null_device, listen_fd, ready_fd }, 4);
	end_with_parent();
	(void)setsid(); /* cannot fail: a new child leads no group */
	return 0;
}

void
daemon_ready(void)
{
	struct stat st;

	(void)dup2(null_device, STDIN_FILENO);
	/* Writing to a regular file cannot block for ever. */
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
			(void)dup2(null_device, fd);
	}
	(void)close(null_device);
	output_open_all(); /* descriptors 1 and 2 are others now */
	(void)prctl(PR_SET_PDEATHSIG, 0UL, 0UL, 0UL, 0UL);
	(void)!write(ready_pipe, "", 1); /* a parent that was killed needs no answer */
	(void)close(ready_pipe);
	ready_pipe = -1;
}

/* May the file be a pid file?  That of another program may lack the newline. */
static bool
is_pid_text(const char *old, size_t len, const char *text)
{
	size_t digits = 0;

	(void)text;
	while (digits < len && old[digits] >= '0' && old[digits] <= '9')
		digits++;
	return digits == len || (digits > 0 && digits + 1 == len && old[digits] == '\n');
}

int
pid_file_open(const char *path, const struct user *user, struct failure *failure)
{
	static const struct owned_kind kind = { "pid file", is_pid_text,
		"a server is running already" };
	char text[32];

	(void)snprintf(text, sizeof(text), "%ld", (long)getpid());
	return owned_file_lock(&pid_file, &kind, path, text, user, failure);
}

void
pid_file_remove(void)
{
	owned_file_remove(&pid_file);
}

/* unit.h - what the unit tests share: cmocka and what it wants included before, a child process and
 * its end, a reason to skip. */
#ifndef UNIT_H
#define UNIT_H

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The fixture of a test, by its loop.  Each test has a struct fixture of its own. */
#define FIXTURE_OF(its_loop) LOOP_OWNER(its_loop, struct fixture, loop)

/* cmocka's skip() takes no reason.  tests/unit/run takes it from this line. */
static inline void
skip_because(const char *why)
{
	(void)printf("# skip: %s\n", why);
	skip();
}

/* The wait status (wait(2)) of a child that runs body; it is killed after half a minute. */
static inline int
in_a_child(void (*body)(void))
{
	int status = 0;
	pid_t child = fork(), ended = 0;

	if (child == 0) {
		body();
		_exit(99);
	}
	assert_true(child > 0);
	for (int i = 0; i < 30000 && ended == 0; i++) {
		(void)usleep(1000);
		ended = waitpid(child, &status, WNOHANG);
	}
	if (ended == 0) {
		(void)kill(child, SIGKILL);
		ended = waitpid(child, &status, 0);
	}
	assert_int_equal(ended, child);
	return status;
}

static inline void
assert_exits(void (*body)(void), int status)
{
	int ended = in_a_child(body);

	assert_true(WIFEXITED(ended));
	assert_int_equal(WEXITSTATUS(ended), status);
}

static inline void
assert_dies(void (*body)(void), int signum)
{
	int ended = in_a_child(body);

	assert_true(WIFSIGNALED(ended));
	assert_int_equal(WTERMSIG(ended), signum);
}

static inline int
count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	assert_non_null(dir);
	for (const struct dirent *d; (d = readdir(dir)) != NULL;)
		n += d->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static inline int
count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* Descriptor fd is a pipe from here on: its other end. */
static inline int
pipe_at(int fd)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1 || dup2(fds[1], fd) == -1)
		_exit(80);
	(void)close(fds[1]);
	return fds[0];
}

#endif

/* log.c - messages to a file in the place of standard error: --log.
 * Row run.
 *
 * The new file gets the descriptor of the old one, so that writers need not know of the change. */
#include "run/log.h"

#include "run/escape.h"
#include "run/message.h"
#include "run/output.h"
#include "run/progress.h"
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REOPEN_STACK ((size_t)64 * 1024)

static struct {
	const char *path, *name; /* the name in the directory */
	int dir_fd, fd;
	bool is_full; /* the last line could not be appended */
} log_file = { .dir_fd = -1, .fd = -1 };

static int
open_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash != NULL ? strndup(path, (size_t)(slash + 1 - path)) : strdup(".");
	int fd = dir != NULL ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	free(dir);
	log_file.name = slash != NULL ? slash + 1 : path;
	return fd;
}

static int
open_file(void)
{
	return openat(log_file.dir_fd, log_file.name,
	    O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
}

int
log_open(const char *path, struct failure *failure)
{
	log_file.path = path;
	log_file.dir_fd = open_directory(path);
	if (log_file.dir_fd == -1 || (log_file.fd = open_file()) == -1)
		return failure_errno(failure, errno, "open log %s", path);
	output_log_to(log_file.fd);
	return 0;
}

bool
log_is_open(void)
{
	return log_file.fd != -1;
}

/* Why a line could not be appended.  The wait for the reader of a pipe may end with the run. */
static const char *
reason_of(int error)
{
	if ((error == ECANCELED || error == ETIMEDOUT) && sku_deadline_passed(run_canceled_at()))
		return "nobody reads it";
	return strerror(error);
}

static void
say_where_lines_go(int error)
{
	char *path = escape_text(log_file.path, strlen(log_file.path), ESCAPE_LINE, NULL), *line;
	int len = asprintf(&line,
	    "%s: write to log %s: %s; lines go to standard error until that works\n", run.program,
	    path != NULL ? path : "", reason_of(error));

	if (len != -1) {
		output_error_text(line, (size_t)len);
		free(line);
	}
	free(path);
}

void
log_write(const char *line, size_t len)
{
	bool was_full = log_file.is_full;
	int error = output_log_text(line, len) == -1 ? errno : 0;

	log_file.is_full = error != 0;
	if (error == 0)
		return;
	progress_clear();
	if (!was_full)
		say_where_lines_go(error);
	output_error_text(line, len);
}

static void
note_failure(int error)
{
	msg_note("open log %s anew: %s; the old one is kept", log_file.path, strerror(error));
}

static void *
reopen(void *arg)
{
	int fd = open_file();

	if (fd == -1 || dup3(fd, log_file.fd, O_CLOEXEC) == -1)
		note_failure(errno);
	if (fd != -1)
		(void)close(fd);
	return arg;
}

void
log_reopen(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, REOPEN_STACK);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attr, reopen, NULL);
	(void)pthread_attr_destroy(&attr);
	if (error != 0)
		note_failure(error);
}

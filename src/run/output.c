/* output.c - standard output and standard error, which never hold a program past its end.
 * Row run.
 *
 * O_NONBLOCK belongs to the open file description, which a shell and other programs may share.  So
 * it is not set on descriptors 1 and 2: a pipe or a terminal is opened once more for ourselves. */
#include "run/output.h"

#include "run/escape.h"
#include "run/failure.h"
#include "run/run.h"
#include "run/system_calls.h"
#include "run/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define KEPT_FIRST ((size_t)1024)
#define KEPT_MAX ((size_t)64 * 1024)
#define OUTPUT_ACTION "write to standard output"

/* Another description of a pipe or a terminal. */
static void
open_own(struct output *output)
{
	const char *path = output->fd == STDOUT_FILENO ? "/proc/self/fd/1" : "/proc/self/fd/2";
	int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	output->asks = false;
	if (own != -1)
		output->fd = own;
	else
		output->max = PIPE_BUF; /* pipe(7): if poll says there is room, there is so much */
}

/* A pipe is still to be opened, or may do as it is. */
static void
inspect(struct output *output, int fd)
{
	struct stat st;

	*output = (struct output){ .fd = fd, .max = SIZE_MAX };
	if (fstat(fd, &st) == -1)
		return; /* a write will fail and say why */
	output->terminal = S_ISCHR(st.st_mode) && isatty(fd) == 1;
	output->is_socket = S_ISSOCK(st.st_mode);
	output->is_file = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
	output->can_wait = output->is_socket || S_ISFIFO(st.st_mode) || output->terminal;
	output->asks = S_ISFIFO(st.st_mode);
	if (output->terminal)
		open_own(output);
}

void
output_open(struct output *output, int fd)
{
	inspect(output, fd);
	if (output->asks)
		open_own(output);
}

/* Linux 6.4 lets a write to a pipe without a name say that it must not wait.  False: this one does
 * not. */
static bool
write_at_once(const struct output *output, const char *bytes, size_t len, ssize_t *n)
{
	const struct iovec all = { (void *)(uintptr_t)bytes, len };

	*n = call_pwritev2(output->fd, &all, 1, -1, RWF_NOWAIT);
	return *n != -1 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL);
}

ssize_t
output_write(struct output *output, const char *bytes, size_t len)
{
	ssize_t n;

	if (output->asks) {
		if (write_at_once(output, bytes, len, &n))
			return n;
		open_own(output);
	}
	if (len > output->max)
		len = output->max;
	/* The open file description may block: ask poll first. */
	if (output->max != SIZE_MAX && !run_is_ready(output->fd, POLLOUT)) {
		errno = EAGAIN;
		return -1;
	}
	do {
		n = output->is_socket ? send(output->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) :
					write(output->fd, bytes, len);
	} while (n == -1 && errno == EINTR);
	return n;
}

void
output_close(struct output *output)
{
	if (output->fd > STDERR_FILENO) {
		(void)close(output->fd);
		output->fd = -1;
	}
}

/* ---- text ---------------------------------------------------------------------------------- */

struct stream {
	struct output output; /* the descriptor as it is, until it is opened */
	bool open;
	atomic_int own_fd; /* a description of our own that never blocks; 0: none */
	pthread_mutex_t lock;
};

#define STREAM_INIT(fd_of_it)                                                                      \
	{                                                                                          \
		.output = { .fd = (fd_of_it), .max = SIZE_MAX }, .lock = PTHREAD_MUTEX_INITIALIZER \
	}

static struct stream standard_output = STREAM_INIT(STDOUT_FILENO);
static struct stream standard_error = STREAM_INIT(STDERR_FILENO);
static struct stream log_file = STREAM_INIT(-1);

static char kept_first[KEPT_FIRST]; /* few programs keep more, and malloc(3) costs pages */
static char *kept = kept_first;
static size_t kept_len, kept_room = sizeof(kept_first);
/* Why text is lost. */
static struct {
	int status; /* STATUS_OK: none is */
	int errnum;
	char message[100];
} loss;
static bool has_failed;
static bool nobody_reads_errors; /* and it is not waited for again */

/* Open it, or open it again.  output_try() may be writing to the old description, so its descriptor
 * is never closed: the new description takes it. */
static void
open_stream(struct stream *stream, int fd, void (*open_it)(struct output *output, int fd))
{
	int before = atomic_load(&stream->own_fd);

	if (before == 0)
		output_close(&stream->output); /* what a pipe that asked was given later */
	open_it(&stream->output, fd);
	stream->open = true;
	if (before != 0 && dup3(stream->output.fd, before, O_CLOEXEC) != -1) {
		output_close(&stream->output);
		stream->output.fd = before;
	} else if (stream->output.fd != fd) {
		atomic_store(&stream->own_fd, stream->output.fd);
	}
}

/* Open it only if needed: that costs a short program a few hundredths of its time.  If no signals
 * are caught and there is no --max-time, a write may block. */
static struct output *
stream_output(struct stream *stream)
{
	if (!stream->open && (run.cancel_fd != -1 || run.timeouts.run.at_ns != INT64_MAX))
		open_stream(stream, stream->output.fd, inspect);
	return &stream->output;
}

static void
reopen_stream(struct stream *stream, int fd)
{
	(void)pthread_mutex_lock(&stream->lock);
	open_stream(stream, fd, output_open);
	(void)pthread_mutex_unlock(&stream->lock);
}

/* Whoever has it may be writing to a file that hangs. */
static void
lock(struct stream *stream)
{
	if (pthread_mutex_trylock(&stream->lock) == 0)
		return;
	(void)run_start_thread();
	(void)pthread_mutex_lock(&stream->lock);
}

void
output_open_all(void)
{
	reopen_stream(&standard_output, STDOUT_FILENO);
	reopen_stream(&standard_error, STDERR_FILENO);
}

/* Wait until fd has room: 0, or -1 with errno.  Once the run is to end, a slow reader still gets
 * the time of run_wait_last(). */
static int
wait_for_room(int fd)
{
	int error;

	if (run_wait_fd(fd, POLLOUT, sku_deadline_in(run.timeouts.reader_ns)) == 0)
		return 0;
	error = errno;
	if ((error != ECANCELED && error != ETIMEDOUT) || !sku_deadline_passed(run_canceled_at()))
		return -1;
	if (run_wait_last(fd, POLLOUT) == 0)
		return 0;
	errno = error;
	return -1;
}

/* Write all of it: 0, or -1 with errno. */
static int
write_all(struct output *output, const char *bytes, size_t len)
{
	if (output->is_file)
		(void)run_start_thread(); /* else nothing could end it */
	while (len > 0) {
		ssize_t n = output_write(output, bytes, len);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN || wait_for_room(output->fd) == -1) {
			return -1;
		}
	}
	return 0;
}

/* With the lock held.  The first cause stays. */
static void
lose(int errnum)
{
	struct failure failure;

	if (loss.status != STATUS_OK)
		return;
	failure_clear(&failure);
	if (errnum == ECANCELED || errnum == ETIMEDOUT)
		(void)run_wait_failed(&failure, errnum, LIMIT_OTHER, OUTPUT_ACTION);
	else
		(void)failure_errno(&failure, errnum, OUTPUT_ACTION);
	loss.status = failure.status;
	loss.errnum = failure.errnum;
	(void)snprintf(loss.message, sizeof(loss.message), "%.99s", failure.message);
}

/* With the lock held. */
static void
write_now(const char *bytes, size_t len)
{
	if (len > 0 && loss.status == STATUS_OK &&
	    write_all(stream_output(&standard_output), bytes, len) == -1)
		lose(errno);
}

/* With the lock held. */
static void
write_kept(void)
{
	write_now(kept, kept_len);
	kept_len = 0;
}

/* With the lock held. */
static void
lack_memory(void)
{
	write_kept();
	lose(ENOMEM);
}

static bool
make_room(void)
{
	size_t room = kept_room * 2;
	char *grown = room <= KEPT_MAX ? realloc(kept != kept_first ? kept : NULL, room) : NULL;

	if (grown == NULL)
		return false;
	if (kept == kept_first)
		(void)memcpy(grown, kept, kept_len);
	kept = grown;
	kept_room = room;
	return true;
}

/* With the lock held. */
static void
keep(const char *bytes, size_t len)
{
	while (len > kept_room - kept_len && make_room())
		;
	while (len > 0) {
		size_t room = kept_room - kept_len, n = len < room ? len : room;

		(void)memcpy(kept + kept_len, bytes, n);
		kept_len += n;
		bytes += n;
		len -= n;
		if (kept_len == kept_room)
			write_kept();
	}
}

/* With the lock held. */
static void
keep_text(const char *text)
{
	keep(text, strlen(text));
}

/* With the lock held. */
static void
keep_escaped(const char *text, size_t left)
{
	char piece[ESCAPE_PIECE];

	while (left > 0) {
		size_t len = escape_next(piece, &text, &left, ESCAPE_FIELD);

		keep(piece, len);
	}
}

/* A list has thousands, and hardly one that is not plain. */
void
output_field(const char *before, const char *text, const char *after)
{
	size_t left = strlen(text);

	lock(&standard_output);
	keep_text(before);
	if (escape_is_plain(text, left))
		keep(text, left);
	else
		keep_escaped(text, left);
	keep_text(after);
	(void)pthread_mutex_unlock(&standard_output.lock);
}

void
output_lack_memory(void)
{
	lock(&standard_output);
	lack_memory();
	(void)pthread_mutex_unlock(&standard_output.lock);
}

void
output_add(const char *bytes, size_t len)
{
	lock(&standard_output);
	keep(bytes, len);
	(void)pthread_mutex_unlock(&standard_output.lock);
}

void
output_record(const char *line, size_t len)
{
	lock(&standard_output);
	write_kept();
	write_now(line, len);
	(void)pthread_mutex_unlock(&standard_output.lock);
}

void
output_print(const char *format, ...)
{
	char few[512], *text = few;
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(few, sizeof(few), format, args);
	if (n >= (int)sizeof(few) && vasprintf(&text, format, again) == -1)
		n = -1;
	va_end(again);
	va_end(args);
	lock(&standard_output);
	if (n >= 0)
		keep(text, (size_t)n);
	else
		lack_memory();
	(void)pthread_mutex_unlock(&standard_output.lock);
	if (text != few && n >= 0)
		free(text);
}

int
output_flush(struct failure *failure)
{
	int result = 0;

	lock(&standard_output);
	write_kept();
	if (loss.status != STATUS_OK) {
		bool is_canceled = loss.errnum == ECANCELED;

		result = is_canceled && !run_is_killed() ? 0 : -1;
		if (result == -1 && failure->status == STATUS_OK) {
			(void)failure_set(failure, (enum status)loss.status, loss.errnum,
			    loss.message, OUTPUT_ACTION);
			failure->is_told = has_failed || is_canceled;
		}
		has_failed = true;
	}
	(void)pthread_mutex_unlock(&standard_output.lock);
	return result;
}

bool
output_has_failed(void)
{
	bool failed;

	lock(&standard_output);
	failed = has_failed || loss.status != STATUS_OK;
	(void)pthread_mutex_unlock(&standard_output.lock);
	return failed;
}

void
output_error_text(const char *text, size_t len)
{
	lock(&standard_error);
	if (!nobody_reads_errors && write_all(stream_output(&standard_error), text, len) == -1)
		nobody_reads_errors = errno == ETIMEDOUT && run.timeouts.reader_ns >= 0;
	(void)pthread_mutex_unlock(&standard_error.lock);
}

void
output_log_to(int fd)
{
	struct stat st;

	lock(&log_file);
	log_file.output.fd = fd;
	log_file.output.is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	log_file.open = true;
	atomic_store(&log_file.own_fd, fd);
	(void)pthread_mutex_unlock(&log_file.lock);
}

bool
output_has_log(void)
{
	return atomic_load(&log_file.own_fd) != 0;
}

void
output_log_text(const char *text, size_t len)
{
	lock(&log_file);
	(void)write_all(&log_file.output, text, len);
	(void)pthread_mutex_unlock(&log_file.lock);
}

bool
output_try_log(const char *text, size_t len)
{
	return write(atomic_load(&log_file.own_fd), text, len) == (ssize_t)len;
}

bool
output_try(int fd, const char *text, size_t len)
{
	struct stream *stream = fd == STDOUT_FILENO ? &standard_output : &standard_error;
	struct output output = { .fd = atomic_load(&stream->own_fd), .max = SIZE_MAX };
	ssize_t n;

	if (output.fd != 0)
		return write(output.fd, text, len) == (ssize_t)len;
	output_open(&output, fd);
	n = output_write(&output, text, len);
	output_close(&output);
	return n == (ssize_t)len;
}

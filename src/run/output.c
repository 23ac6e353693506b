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
 * not, or a sandbox does not know the call (EPERM). */
static bool
write_at_once(const struct output *output, const char *bytes, size_t len, ssize_t *n)
{
	const struct iovec all = { (void *)(uintptr_t)bytes, len };

	*n = call_pwritev2(output->fd, &all, 1, -1, RWF_NOWAIT);
	return *n != -1 ||
	       (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL && errno != EPERM);
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
};

static struct stream standard_output = { .output = { .fd = STDOUT_FILENO, .max = SIZE_MAX } };
static struct stream standard_error = { .output = { .fd = STDERR_FILENO, .max = SIZE_MAX } };
static struct stream log_file = { .output = { .fd = -1, .max = SIZE_MAX } };

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

void
output_open_all(void)
{
	open_stream(&standard_output, STDOUT_FILENO, output_open);
	open_stream(&standard_error, STDERR_FILENO, output_open);
}

/* Wait until fd has room: 0, or -1 with errno.  Once the run is to end, a slow reader still gets
 * the time of run_wait_reader(), and more for as long as it goes on reading. */
static int
wait_for_room(int fd)
{
	static _Atomic int64_t taken_ns;
	int error;

	if (run_wait_fd(fd, POLLOUT, sku_deadline_in(run.timeouts.reader_ns)) == 0)
		return 0;
	error = errno;
	if ((error != ECANCELED && error != ETIMEDOUT) || !sku_deadline_passed(run_canceled_at()))
		return -1;
	if (run_wait_reader(fd, atomic_load(&taken_ns)) == 0) {
		atomic_store(&taken_ns, sku_now());
		return 0;
	}
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

/* The first cause stays. */
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

static void
write_now(const char *bytes, size_t len)
{
	if (len > 0 && loss.status == STATUS_OK &&
	    write_all(stream_output(&standard_output), bytes, len) == -1)
		lose(errno);
}

static void
write_kept(void)
{
	write_now(kept, kept_len);
	kept_len = 0;
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

static void
keep_text(const char *text)
{
	keep(text, strlen(text));
}

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

	keep_text(before);
	if (escape_is_plain(text, left))
		keep(text, left);
	else
		keep_escaped(text, left);
	keep_text(after);
}

void
output_lack_memory(void)
{
	write_kept();
	lose(ENOMEM);
}

void
output_add(const char *bytes, size_t len)
{
	keep(bytes, len);
}

void
output_record(const char *line, size_t len)
{
	write_kept();
	write_now(line, len);
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
	if (n >= 0)
		keep(text, (size_t)n);
	else
		output_lack_memory();
	if (text != few && n >= 0)
		free(text);
}

int
output_flush(struct failure *failure)
{
	int result = 0;

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
	return result;
}

bool
output_has_failed(void)
{
	return has_failed || loss.status != STATUS_OK;
}

void
output_error_text(const char *text, size_t len)
{
	if (!nobody_reads_errors && write_all(stream_output(&standard_error), text, len) == -1)
		nobody_reads_errors = errno == ETIMEDOUT && run.timeouts.reader_ns >= 0;
}

void
output_log_to(int fd)
{
	struct stat st;

	log_file.output.fd = fd;
	log_file.output.is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	log_file.open = true;
	atomic_store(&log_file.own_fd, fd);
}

bool
output_has_log(void)
{
	return atomic_load(&log_file.own_fd) != 0;
}

int
output_log_text(const char *text, size_t len)
{
	return write_all(&log_file.output, text, len);
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

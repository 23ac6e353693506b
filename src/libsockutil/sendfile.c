/* sendfile.c - file to socket with offset and count, by sendfile(2) or by reading and sending.
 * Row 2: above socket. */
#include "libsockutil/socket.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SENDFILE_MAX ((size_t)0x7ffff000) /* sendfile(2): Linux moves at most this in one call */
#define COPY_BUFFER ((size_t)256 * 1024)

/* sendfile(2) has no MSG_NOSIGNAL.  So SIGPIPE is blocked in this thread, and one that sendfile(2)
 * raised is taken before the mask is restored. */
struct sigpipe_guard {
	sigset_t before;
	bool was_pending;
};

static void
sigpipe_set(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGPIPE);
}

static void
hold_sigpipe(struct sigpipe_guard *guard)
{
	sigset_t set, pending;

	sigpipe_set(&set);
	(void)sigpending(&pending);
	guard->was_pending = sigismember(&pending, SIGPIPE) == 1;
	(void)pthread_sigmask(SIG_BLOCK, &set, &guard->before);
}

static void
release_sigpipe(const struct sigpipe_guard *guard, bool raised)
{
	int saved = errno;
	sigset_t set;
	const struct timespec now = { 0, 0 };

	sigpipe_set(&set);
	if (raised && !guard->was_pending) {
		while (sigtimedwait(&set, NULL, &now) == -1 && errno == EINTR)
			;
	}
	(void)pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
	errno = saved;
}

static size_t
next_chunk(int64_t count, int64_t done, size_t max)
{
	if (count == SKU_SENDFILE_ALL || count - done > (int64_t)max)
		return max;
	return (size_t)(count - done);
}

/* Returns 0 once count bytes are sent or the file has ended, 1 when the kernel refuses this file,
 * or -1 with errno. */
static int
send_by_sendfile(struct sku_sock *s, int file_fd, int64_t offset, int64_t count, int64_t *done)
{
	off_t position = offset;
	struct sku_operation op;
	ssize_t n = 1;

	while (count == SKU_SENDFILE_ALL || *done < count) {
		/* Progress restarts the timeout, and does not move the socket's deadline. */
		if (n > 0 && sku_operation_begin(&op, s, 0) == -1)
			return -1;
		n = sendfile(s->fd, file_fd, &position, next_chunk(count, *done, SENDFILE_MAX));
		if (n == 0)
			return 0;
		if (n > 0) {
			*done += n;
			continue;
		}
		/* The kind of file, or a sandbox, does not allow it. */
		if ((errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM) &&
		    *done == 0)
			return 1;
		if (sku_operation_retry(&op, s, POLLOUT) == -1)
			return -1;
	}
	return 0;
}

/* Wait until the file can be read.  A pipe may stall as a peer may: the socket's mode applies to
 * both. */
static int
wait_for_file(const struct sku_sock *s, int file_fd)
{
	struct sku_operation op;

	if (sku_operation_begin(&op, s, 0) == -1)
		return -1;
	if (s->timeout_ns == 0)
		op.deadline = sku_deadline_in(0);
	if (sku_wait_fd(file_fd, POLLIN, op.deadline) == 0)
		return 0;
	if (errno == ETIMEDOUT && s->timeout_ns == 0)
		errno = EAGAIN;
	return -1;
}

/* Read once, at offset if the file can seek.  Returns as read(2), but never fails with EINTR, and
 * with EAGAIN only in the non-blocking mode. */
static ssize_t
read_at(const struct sku_sock *s, int file_fd, void *buf, size_t len, bool seekable, int64_t offset)
{
	ssize_t n;

	do {
		if (!seekable && wait_for_file(s, file_fd) == -1)
			return -1;
		n = seekable ? pread(file_fd, buf, len, offset) : read(file_fd, buf, len);
		if (n == -1 && errno == EAGAIN) {
			if (wait_for_file(s, file_fd) == -1)
				return -1;
			errno = EINTR;
		}
	} while (n == -1 && errno == EINTR);
	return n;
}

/* Read and discard offset bytes of a file that cannot seek.  Returns 0, also when the file ends
 * early, or -1 with errno. */
static int
read_to_offset(const struct sku_sock *s, int file_fd, void *buf, int64_t offset)
{
	while (offset > 0) {
		ssize_t n = read_at(s, file_fd, buf,
		    offset > (int64_t)COPY_BUFFER ? COPY_BUFFER : (size_t)offset, false, 0);

		if (n <= 0)
			return (int)n;
		offset -= n;
	}
	return 0;
}

/* Send all of buf.  Each sku_send() has the whole timeout, so progress restarts it. */
static int
send_piece(struct sku_sock *s, const char *buf, size_t len, int64_t *done)
{
	while (len > 0) {
		ssize_t n = sku_send(s, buf, len, 0);

		if (n == -1)
			return -1;
		buf += n;
		len -= (size_t)n;
		*done += n;
	}
	return 0;
}

static int
send_by_copy(struct sku_sock *s, int file_fd, int64_t offset, int64_t count, int64_t *done)
{
	bool seekable = lseek(file_fd, 0, SEEK_CUR) != -1;
	char *buf = malloc(COPY_BUFFER);
	ssize_t n = 1;
	int saved;

	if (buf == NULL)
		return -1;
	if (!seekable && read_to_offset(s, file_fd, buf, offset) == -1)
		n = -1;
	while (n > 0 && (count == SKU_SENDFILE_ALL || *done < count)) {
		n = read_at(s, file_fd, buf, next_chunk(count, *done, COPY_BUFFER), seekable,
		    offset + *done);
		if (n > 0 && send_piece(s, buf, (size_t)n, done) == -1)
			n = -1;
	}
	saved = errno;
	free(buf);
	errno = saved;
	return n == -1 ? -1 : 0;
}

/* A file of /proc has size 0 and still has bytes: sendfile(2) would send none of them. */
static bool
can_sendfile(int file_fd)
{
	struct stat st;

	return fstat(file_fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

int
sku_sendfile(struct sku_sock *s, int file_fd, int64_t offset, int64_t count, int64_t *sent)
{
	struct sku_operation op;
	int64_t done = 0;
	int result = 1;

	if (sent != NULL)
		*sent = 0;
	if (sku_operation_begin(&op, s, 0) == -1)
		return -1;
	if (offset < 0 || count == 0 || count < SKU_SENDFILE_ALL || s->type != SOCK_STREAM ||
	    (count > 0 && offset > INT64_MAX - count)) {
		errno = EINVAL;
		return -1;
	}
	if (file_fd < 0) { /* poll(2) ignores it, and would wait for ever */
		errno = EBADF;
		return -1;
	}
	if (can_sendfile(file_fd)) {
		struct sigpipe_guard guard;

		hold_sigpipe(&guard);
		if (op.polls)
			(void)sku_set_nonblock(s->fd, true);
		result = send_by_sendfile(s, file_fd, offset, count, &done);
		release_sigpipe(&guard, result == -1 && errno == EPIPE);
		if (op.polls) {
			int saved = errno;

			(void)sku_set_nonblock(s->fd, false);
			errno = saved;
		}
	}
	if (result == 1)
		result = send_by_copy(s, file_fd, offset, count, &done);
	if (sent != NULL)
		*sent = done;
	if (done > 0 || result == 0) {
		int saved = errno;

		(void)lseek(file_fd, offset + done, SEEK_SET); /* a pipe has no position */
		errno = saved;
	}
	return result;
}

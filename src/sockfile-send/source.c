/* source.c - FILE: which bytes of it are sent, and the steps of sending them.
 * Row tool. */
#include "sockfile-send/source.h"

#include "run/message.h"
#include "run/progress.h"
#include "run/system_calls.h"
#include "run/uninitialized.h"
#include "run/wait.h"
#include "transfer/leased.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BUFFER ((size_t)1024 * 1024)
#define AT_HAND_MAX 16384 /* to copy it costs less than a thread */
#define AT_HAND_PIECES 16
#define STAT_BLOCK 512		/* of st_blocks */
#define PIPE_SIZE (1024 * 1024) /* measured: splice from a pipe of 64 KiB is slower than a copy */

/* One that cannot be read, because it is closed or open for writing alone, may still have a size,
 * and be empty. */
static int
open_input(void)
{
	int flags = fcntl(STDIN_FILENO, F_GETFL);

	if (flags != -1 && (flags & O_ACCMODE) != O_WRONLY)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	errno = EBADF;
	return -1;
}

/* Does not wait for the writer of a FIFO: poll(2) reports when it has come. */
static int
open_file(const struct send_config *config, size_t index)
{
	const char *file = config->files[index];

	if (strcmp(file, "-") == 0)
		return open_input();
	if (config->opened != NULL)
		return fcntl(config->opened[index], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return open_leased(AT_FDCWD, file, O_RDONLY);
}

int64_t
source_size(int fd, const struct stat *st)
{
	uint64_t bytes;

	if (S_ISREG(st->st_mode))
		return st->st_size;
	if (S_ISBLK(st->st_mode) && call_ioctl(fd, BLKGETSIZE64, &bytes) == 0 && bytes <= INT64_MAX)
		return (int64_t)bytes;
	return SIZE_UNKNOWN;
}

/* Is the size of the file meaningless?  In /proc it is 0, in /sys that of a page. */
static bool
has_size_for_show(const struct source *source)
{
	struct statfs fs;
	char byte;

	if (!S_ISREG(source->opened.st_mode))
		return false;
	if (source->opened.st_size == 0) /* one that cannot be read is not empty */
		return pread(source->fd, &byte, 1, source->start) != 0;
	if (fstatfs(source->fd, &fs) == -1)
		return false;
	switch ((unsigned long)fs.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
		return true;
	default:
		return false;
	}
}

static int
fail_offset(const struct source *source, struct failure *failure)
{
	return failure_set(
	    failure, STATUS_MISMATCH, 0, "the file ends before --offset", "read %s", source->name);
}

/* Find out what is known of the bytes to send. */
static int
set_length(
    struct source *source, int64_t offset, int64_t count, bool from_here, struct failure *failure)
{
	off_t here = lseek(source->fd, 0, SEEK_CUR);
	int64_t size, rest;
	char byte;

	/* With an end mark, the end decides what is sent: read it once. */
	source->seekable = here != -1 && !S_ISCHR(source->opened.st_mode) && source->mark_len == 0;
	source->is_pipe = S_ISFIFO(source->opened.st_mode) && source->mark_len == 0;
	source->count = count;
	source->length = count == SKU_SENDFILE_ALL ? SIZE_UNKNOWN : count;
	if (!source->seekable) {
		source->skip_left = offset;
		return 0;
	}
	if (from_here && here > INT64_MAX - offset)
		return fail_offset(source, failure);
	source->start = offset + (from_here ? here : 0);
	size = source_size(source->fd, &source->opened);
	if (has_size_for_show(source))
		return offset == 0 || pread(source->fd, &byte, 1, source->start - 1) == 1 ?
			   0 :
			   fail_offset(source, failure);
	if (size == SIZE_UNKNOWN)
		return 0;
	rest = size - source->start;
	if (rest < 0 && offset > 0)
		return fail_offset(source, failure);
	if (rest < 0)
		rest = 0; /* standard input stands behind the end, where there is nothing to read */
	if (count == SKU_SENDFILE_ALL || rest < count)
		source->length = rest;
	source->is_sparse = S_ISREG(source->opened.st_mode) &&
			    source->opened.st_blocks < source->opened.st_size / STAT_BLOCK;
	source->shares_offset = from_here;
	return 0;
}

const char *
source_name(const struct send_config *config, size_t index)
{
	const char *file = config->files[index];

	return strcmp(file, "-") == 0 ? "standard input" : file;
}

int
source_open(
    struct source *source, const struct send_config *config, size_t index, struct failure *failure)
{
	bool is_input = strcmp(config->files[index], "-") == 0;

	*source = (struct source)SOURCE_INIT;
	source->name = source_name(config, index);
	source->mark = config->end_mark;
	source->mark_len = source->mark != NULL ? strlen(source->mark) : 0;
	source->fd = open_file(config, index);
	if (source->fd == -1 || fstat(source->fd, &source->opened) == -1)
		return open_leased_failed(failure, errno, "open %s", source->name);
	if (S_ISDIR(source->opened.st_mode))
		return failure_set(failure, STATUS_FAILED, EISDIR,
		    "Is a directory (of which tar(1) makes something to send)", "open %s",
		    source->name);
	if (S_ISFIFO(source->opened.st_mode))
		(void)fcntl(source->fd, F_SETPIPE_SZ, PIPE_SIZE); /* may fail: no harm */
	return set_length(source, config->offset, config->count, is_input, failure);
}

int
source_take(struct source *source)
{
	int fd = source->fd;

	source->fd = -1;
	source_close(source);
	return fd;
}

void
source_close(struct source *source)
{
	if (source->fd != -1)
		(void)close(source->fd);
	free(source->buf);
	*source = (struct source)SOURCE_INIT;
}

bool
source_is_at_hand(const struct source *source)
{
	char piece[AT_HAND_MAX / AT_HAND_PIECES] UNINITIALIZED; /* nobody looks at it */
	struct iovec all[AT_HAND_PIECES];

	for (size_t i = 0; i < AT_HAND_PIECES; i++)
		all[i] = (struct iovec){ piece, sizeof(piece) };
	/* Only local file systems know RWF_NOWAIT. */
	return source->seekable && source->length != SIZE_UNKNOWN &&
	       source->length <= AT_HAND_MAX && S_ISREG(source->opened.st_mode) &&
	       call_preadv2(source->fd, all, AT_HAND_PIECES, source->start, RWF_NOWAIT) >=
		   source->length;
}

/* sendfile(2) and splice(2) do not say which side failed.  A file system has errors of connections,
 * too, if it is one of the network or its process is gone: then FILE cannot be read either. */
static enum source_result
who_failed(const struct source *source, int64_t done)
{
	int errnum = errno;
	char byte;

	if (status_of_errno(errnum) == STATUS_FAILED ||
	    (source->seekable && pread(source->fd, &byte, 1, source->start + done) == -1))
		return SOURCE_READ_FAILED;
	errno = errnum;
	return SOURCE_PEER_FAILED;
}

static enum source_result
send_seekable(struct source *source, struct sku_sock *s, int64_t done, size_t max, int64_t *sent)
{
	int result = sku_sendfile(s, source->fd, source->start + done, (int64_t)max, sent);

	if (result == 0)
		return *sent < (int64_t)max ? SOURCE_ENDED : SOURCE_SENT;
	return errno == EAGAIN ? SOURCE_BLOCKED : who_failed(source, done + *sent);
}

/* From a pipe the kernel moves pages, not bytes. */
static enum source_result
send_pipe(struct source *source, struct sku_sock *s, size_t max, int64_t *sent)
{
	ssize_t n;

	/* A FIFO without a writer yet reads as if it had ended. */
	if (!run_is_ready(source->fd, POLLIN))
		return SOURCE_WAIT;
	do {
		n = splice(
		    source->fd, NULL, sku_fileno(s), NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (n == -1 && errno == EINTR);
	if (n > 0) {
		*sent = n;
		return SOURCE_SENT;
	}
	if (n == 0)
		return SOURCE_ENDED;
	if (errno == EAGAIN)
		return SOURCE_BLOCKED;
	/* A sandbox may forbid the call: copy the bytes then. */
	source->is_pipe = errno != ENOSYS && errno != EPERM && errno != EINVAL;
	return source->is_pipe ? who_failed(source, 0) : SOURCE_WAIT;
}

/* The bytes of the buffer that may be sent: not those that may be the end mark. */
static size_t
available(const struct source *source)
{
	size_t len = source->buf_end - source->buf_start;

	return len > source->mark_len ? len - source->mark_len : 0;
}

static bool
ends_with_mark(const struct source *source)
{
	return source->buf_end - source->buf_start == source->mark_len &&
	       (source->mark_len == 0 ||
		   memcmp(source->buf + source->buf_start, source->mark, source->mark_len) == 0);
}

/* Read more into the buffer.  SOURCE_SENT: there is something to send in it. */
static enum source_result
fill_buffer(struct source *source, size_t max)
{
	if (source->buf == NULL)
		source->buf = malloc(BUFFER);
	if (source->buf == NULL)
		return SOURCE_READ_FAILED;
	while (available(source) == 0) {
		size_t has = source->buf_end - source->buf_start;
		ssize_t n;

		(void)memmove(source->buf, source->buf + source->buf_start, has);
		source->buf_start = 0;
		source->buf_end = has;
		if (!run_is_ready(source->fd, POLLIN))
			return SOURCE_WAIT;
		n = read(source->fd, source->buf + has, max < BUFFER - has ? max : BUFFER - has);
		if (n == -1)
			return errno == EAGAIN || errno == EINTR ? SOURCE_WAIT : SOURCE_READ_FAILED;
		if (n == 0) {
			source->is_cut_short = !ends_with_mark(source);
			return SOURCE_ENDED;
		}
		source->buf_end += (size_t)n;
		source->consumed = true;
	}
	return SOURCE_SENT;
}

static enum source_result
send_copied(struct source *source, struct sku_sock *s, size_t max, int64_t *sent)
{
	enum source_result result = fill_buffer(source, max);
	size_t len = available(source);
	ssize_t n;

	if (result != SOURCE_SENT)
		return result;
	n = sku_send(s, source->buf + source->buf_start, len < max ? len : max, 0);
	if (n == -1)
		return errno == EAGAIN ? SOURCE_BLOCKED : SOURCE_PEER_FAILED;
	source->buf_start += (size_t)n;
	*sent = n;
	return SOURCE_SENT;
}

static enum source_result
read_copied(struct source *source, void *buf, size_t len, size_t *got)
{
	enum source_result result = fill_buffer(source, BUFFER);

	if (result != SOURCE_SENT)
		return result;
	*got = available(source) < len ? available(source) : len;
	(void)memcpy(buf, source->buf + source->buf_start, *got);
	source->buf_start += *got;
	return SOURCE_SENT;
}

/* Read and discard the bytes up to --offset of a source that cannot seek. */
static enum source_result
skip_to_offset(struct source *source)
{
	enum source_result result = SOURCE_SENT;

	while (source->skip_left > 0 && result == SOURCE_SENT) {
		size_t len;

		result = fill_buffer(source, (size_t)source->skip_left);
		len = available(source);
		source->skip_left -= (int64_t)len;
		source->buf_start += len;
	}
	return result;
}

bool
source_is_at_end(const struct source *source, int64_t done)
{
	return source->length != SIZE_UNKNOWN && done >= source->length;
}

enum source_result
source_send(struct source *source, struct sku_sock *s, int64_t done, size_t max, int64_t *sent)
{
	enum source_result result;

	*sent = 0;
	if (source_is_at_end(source, done))
		return SOURCE_ENDED;
	if (source->length != SIZE_UNKNOWN && source->length - done < (int64_t)max)
		max = (size_t)(source->length - done);
	if (source->seekable)
		return send_seekable(source, s, done, max, sent);
	result = skip_to_offset(source);
	if (result != SOURCE_SENT)
		return result;
	return source->is_pipe ? send_pipe(source, s, max, sent) :
				 send_copied(source, s, max, sent);
}

enum source_result
source_read(struct source *source, int64_t done, void *buf, size_t len, size_t *got)
{
	enum source_result result;
	ssize_t n;

	*got = 0;
	if (source->length != SIZE_UNKNOWN && source->length - done < (int64_t)len)
		len = (size_t)(source->length - done);
	if (len == 0)
		return SOURCE_ENDED;
	if (!source->seekable) {
		result = skip_to_offset(source);
		if (result != SOURCE_SENT)
			return result;
		if (source->mark_len > 0)
			return read_copied(source, buf, len, got);
		if (!run_is_ready(source->fd, POLLIN))
			return SOURCE_WAIT;
	}
	do {
		n = source->seekable ? pread(source->fd, buf, len, source->start + done) :
				       read(source->fd, buf, len);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EAGAIN ? SOURCE_WAIT : SOURCE_READ_FAILED;
	*got = (size_t)n;
	source->consumed = source->consumed || (!source->seekable && n > 0);
	return n == 0 ? SOURCE_ENDED : SOURCE_SENT;
}

/* lseek(2) would move an offset that standard input shares with other processes, and with the
 * threads of other receivers: open it once more for ourselves.  If that fails, holes are sent as
 * zeros. */
static void
stop_sharing(struct source *source)
{
	char path[40];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", source->fd);
	fd = open_leased(AT_FDCWD, path, O_RDONLY);
	source->shares_offset = false;
	source->is_sparse = fd != -1;
	if (fd == -1)
		return;
	(void)close(source->fd);
	source->fd = fd;
}

int64_t
source_look_for_hole(struct source *source, int64_t done, int64_t *hole)
{
	*hole = 0;
	if (source->is_sparse && source->shares_offset)
		stop_sharing(source);
	if (!source->is_sparse)
		return INT64_MAX;
	if (done >= source->data_end) {
		int64_t data = lseek(source->fd, source->start + done, SEEK_DATA), end = -1;

		if (data == -1 && errno == ENXIO) /* a hole up to the end, or the end */
			data = end = lseek(source->fd, 0, SEEK_END);
		else if (data != -1)
			end = lseek(source->fd, data, SEEK_HOLE);
		source->is_sparse = end != -1; /* not every file system knows its holes */
		source->data_start = data - source->start;
		source->data_end = end - source->start;
		if (source->data_start > source->length)
			source->data_start = source->length;
	}
	if (!source->is_sparse || done >= source->data_end)
		return INT64_MAX;
	if (done < source->data_start)
		*hole = source->data_start - done;
	return *hole > 0 ? 0 : source->data_end - done;
}

/* Is there a byte behind what was sent? */
static bool
has_more(const struct source *source, int64_t done)
{
	char byte;

	return pread(source->fd, &byte, 1, source->start + done) == 1;
}

enum source_change
source_look_for_change(const struct source *source, int64_t done)
{
	struct stat now;
	bool counted = source->count != SKU_SENDFILE_ALL;

	if (!S_ISREG(source->opened.st_mode))
		return SOURCE_SAME;
	if (fstat(source->fd, &now) == -1)
		return SOURCE_LOOKUP_FAILED;
	/* A log may grow behind the part that is sent. */
	if (counted && now.st_size > source->opened.st_size && done == source->count)
		return SOURCE_SAME;
	if (now.st_size != source->opened.st_size ||
	    now.st_mtim.tv_sec != source->opened.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != source->opened.st_mtim.tv_nsec)
		return SOURCE_CHANGED;
	return source->length != SIZE_UNKNOWN && !counted && done >= source->length &&
		       has_more(source, done) ?
		   SOURCE_MORE :
		   SOURCE_SAME;
}

int
source_fail_changed(
    const struct source *source, int64_t done, enum source_change change, struct failure *failure)
{
	long long has = (long long)(source->start + done), size = (long long)source->opened.st_size;
	char message[120] = "it changed while it was sent";

	if (source->skip_left > 0)
		(void)snprintf(message, sizeof(message), "it ended before --offset");
	else if (source->is_cut_short)
		(void)snprintf(message, sizeof(message), "it ended without the text of --end-mark");
	else if (source->count != SKU_SENDFILE_ALL && done < source->count)
		(void)snprintf(message, sizeof(message), "it ended before --count");
	else if (change == SOURCE_MORE)
		(void)snprintf(message, sizeof(message),
		    "it has more than %lld bytes, although its size says %lld", has, size);
	else if (change == SOURCE_SAME)
		(void)snprintf(message, sizeof(message),
		    "it has %lld bytes, although its size says %lld", has, size);
	return failure_set(failure, STATUS_MISMATCH, 0, message, "read %s", source->name);
}

int
source_check_end(const struct source *source, int64_t done, struct failure *failure)
{
	char message[120];
	int64_t wanted = source->count != SKU_SENDFILE_ALL ? source->count : source->length;

	if (source->skip_left > 0)
		return failure_set(failure, STATUS_MISMATCH, 0, "it ended before --offset",
		    "read %s", source->name);
	if (source->is_cut_short)
		return source_fail_changed(source, done, SOURCE_SAME, failure);
	if (wanted == SIZE_UNKNOWN || done >= wanted)
		return 0;
	if (source->count == SKU_SENDFILE_ALL &&
	    source_look_for_change(source, done) == SOURCE_SAME)
		return source_fail_changed(source, done, SOURCE_SAME, failure);
	(void)snprintf(message, sizeof(message), "it ended after %lld of %lld bytes",
	    (long long)done, (long long)wanted);
	return failure_set(failure, STATUS_MISMATCH, 0, message, "read %s", source->name);
}

void
source_note_more(const struct source *source, int64_t done)
{
	struct stat now;

	if (source->count != SKU_SENDFILE_ALL || source->length == SIZE_UNKNOWN ||
	    !S_ISREG(source->opened.st_mode) || fstat(source->fd, &now) == -1)
		return;
	if (now.st_size > source->opened.st_size)
		msg_note("%s: it grew by %lld bytes meanwhile, which were not sent", source->name,
		    (long long)(now.st_size - source->opened.st_size));
	else if (has_more(source, done))
		msg_note("%s: it has more than the %lld bytes that its size says, which were not "
			 "sent",
		    source->name, (long long)source->opened.st_size);
}

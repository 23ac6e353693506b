/* raw.c - a raw stream: whatever comes, to its end.
 * Row tool.
 *
 * Into a file the kernel moves pages through a pipe, which is twice as fast as a copy; where the
 * pipe cannot be made large, or the bytes must be seen, they are copied.  So are the first ones,
 * for a pipe costs more than to copy a few. */
#include "sockfile-recv/raw.h"

#include "net/closing.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/rate.h"
#include "run/run.h"
#include "run/wait.h"
#include "transfer/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIPE_SIZE (1024 * 1024) /* measured: 64 KiB is slower than copying */
#define BUFFER ((size_t)1024 * 1024)
#define FEW ((size_t)4 * 1024)
#define END_TIMEOUT SKU_SECOND	     /* wait for a byte too many, after --size bytes */
#define HINT_AFTER (10 * SKU_SECOND) /* of silence: then say what ends a stream */

/* ---- limits -------------------------------------------------------------------------------- */

/* The most bytes that may come, and the option that says so. */
static int64_t
size_limit(const struct recv_config *config, const char **option)
{
	bool by_size = config->size != UNLIMITED;

	*option = by_size ? "--size" : "--max-size";
	return by_size ? config->size : config->max_size;
}

/* Take at most one byte more than may come. */
static size_t
bytes_wanted(const struct raw_transfer *r, size_t wanted)
{
	const char *option;
	int64_t limit = size_limit(r->config, &option);

	if (limit == UNLIMITED || limit - r->target->written >= (int64_t)wanted)
		return wanted;
	return (size_t)(limit - r->target->written) + 1;
}

/* What comes is not what should come. */
static int
refuse(struct raw_transfer *r, const char *message)
{
	return failure_set(r->failure, STATUS_MISMATCH, 0, message, "receive from %s into %s",
	    r->incoming->text, r->target->display_name);
}

static int
check_limit(struct raw_transfer *r, size_t came)
{
	const char *option;
	char message[100];
	int64_t limit = size_limit(r->config, &option);

	if (limit == UNLIMITED || r->target->written + (int64_t)came <= limit)
		return 0;
	(void)snprintf(
	    message, sizeof(message), "more than %lld bytes came (%s)", (long long)limit, option);
	return refuse(r, message);
}

static int
check_complete(struct raw_transfer *r)
{
	unsigned char digest[SHA256_BYTES];
	char message[100];

	if (r->config->size != UNLIMITED && r->target->written != r->config->size) {
		(void)snprintf(message, sizeof(message), "it ended after %lld of %lld bytes",
		    (long long)r->target->written, (long long)r->config->size);
		return refuse(r, message);
	}
	if (r->sha256 == NULL)
		return 0;
	if (sha256_so_far(r->sha256, digest) == -1)
		return failure_errno(
		    r->failure, ENOMEM, "compute the SHA-256 of %s", r->target->display_name);
	if (memcmp(digest, r->config->sha256, sizeof(digest)) == 0)
		return 0;
	target_discard(r->target); /* it is not the file that was wanted */
	return refuse(r, "its SHA-256 is another (--sha256)");
}

/* ---- moving bytes; each returns bytes, 0 at the end, or -1 ---------------------------------- */

static int
fail_receiving(struct raw_transfer *r, int errnum)
{
	return run_wait_failed(r->failure, errnum, LIMIT_OPERATION, "receive from %s into %s",
	    r->incoming->text, r->target->display_name);
}

/* Has all come that --size says?  Then the file is whole, even if the connection is reset. */
static bool
has_come_whole(const struct raw_transfer *r)
{
	return r->config->size != UNLIMITED && r->target->written == r->config->size;
}

/* Some peers do not close by themselves (nc without -N): tell the user why the program still
 * waits. */
static int
wait_with_hint(struct raw_transfer *r)
{
	struct sku_deadline hint = sku_deadline_in(HINT_AFTER);
	bool hints = !r->hinted && r->config->size == UNLIMITED && r->target->written > 0 &&
		     hint.at_ns < r->idle.at_ns;
	int fd = sku_fileno(&r->incoming->sock);

	if (!hints || run_wait_fd(fd, POLLIN, hint) == 0)
		return hints ? 0 : run_wait_fd(fd, POLLIN, r->idle);
	if (errno != ETIMEDOUT || run_check() == -1)
		return -1;
	msg_note("%s: has sent nothing for 10 s, and has not closed: the file ends when it does "
		 "(nc -N), or at its last byte (--size here)",
	    r->incoming->text);
	r->hinted = true;
	return run_wait_fd(fd, POLLIN, r->idle);
}

/* The stream failed with errnum.  If all has come, that does not matter.  Returns 0, the end, or
 * -1. */
static int
end_by(struct raw_transfer *r, int errnum)
{
	return has_come_whole(r) && errnum != ECANCELED ? 0 : fail_receiving(r, errnum);
}

/* Wait.  1: there is something to read; 0: all has come; -1: failure. */
static int
wait_for_more(struct raw_transfer *r)
{
	return wait_with_hint(r) == 0 ? 1 : end_by(r, errno);
}

static int
allocate_buffer(struct raw_transfer *r, size_t size)
{
	r->buf = malloc(size);
	r->buf_size = size;
	if (r->buf != NULL)
		return 0;
	return failure_set(r->failure, STATUS_FAILED, ENOMEM, NULL, "get a buffer");
}

/* Move what is in the pipe to the file.  If splice(2) cannot do that, copy it: write(2) also
 * reports what is wrong with the file. */
static int
drain_pipe(struct raw_transfer *r, size_t len)
{
	if (target_check_size(r->target, r->failure) == -1)
		return -1;
	while (len > 0) {
		ssize_t n = r->buf == NULL ?
				splice(r->pipe[0], NULL, r->target->fd, NULL, len, SPLICE_F_MOVE) :
				read(r->pipe[0], r->buf, r->buf_size);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && r->buf == NULL) {
			if (allocate_buffer(r, BUFFER) == -1)
				return -1;
			continue;
		}
		if (n <= 0) {
			(void)failure_set(r->failure, STATUS_FAILED, n == 0 ? EIO : errno, NULL,
			    "write %s%s", r->target->display_name, TARGET_SUFFIX);
			return -1;
		}
		if (r->buf == NULL)
			r->target->written += n;
		else if (target_write(r->target, r->buf, (size_t)n, r->failure) == -1)
			return -1;
		len -= (size_t)n;
	}
	return 0;
}

static ssize_t
copy_some(struct raw_transfer *r)
{
	ssize_t n;

	while ((n = sku_recv(&r->incoming->sock, r->buf, bytes_wanted(r, r->buf_size), 0)) == -1) {
		int more = errno == EAGAIN ? wait_for_more(r) : end_by(r, errno);

		if (more != 1)
			return more;
	}
	if (n > 0 && check_limit(r, (size_t)n) == -1)
		return -1;
	if (n > 0 && r->sha256 != NULL)
		sha256_update(r->sha256, r->buf, (size_t)n);
	if (n > 0 && target_write(r->target, r->buf, (size_t)n, r->failure) == -1)
		return -1;
	return n;
}

static ssize_t
splice_some(struct raw_transfer *r)
{
	ssize_t n;

	while ((n = splice(sku_fileno(&r->incoming->sock), NULL, r->pipe[1], NULL,
		    bytes_wanted(r, PIPE_SIZE), SPLICE_F_MOVE | SPLICE_F_NONBLOCK)) == -1) {
		int more = 1;

		if (errno == EAGAIN)
			more = wait_for_more(r);
		else if (status_of_errno(errno) != STATUS_FAILED)
			more = end_by(r, errno);
		else if (errno != EINTR) /* a sandbox may forbid the call */
			return allocate_buffer(r, BUFFER) == 0 ? copy_some(r) : -1;
		if (more != 1)
			return more;
	}
	if (n > 0 && (check_limit(r, (size_t)n) == -1 || drain_pipe(r, (size_t)n) == -1))
		return -1;
	return n;
}

/* Open a pipe that is large enough, or none. */
static void
open_pipe(struct raw_transfer *r)
{
	if (r->target->kind != TARGET_FILE || r->sha256 != NULL || pipe2(r->pipe, O_CLOEXEC) == -1)
		return;
	if (fcntl(r->pipe[1], F_SETPIPE_SZ, PIPE_SIZE) >= PIPE_SIZE)
		return;
	(void)close(r->pipe[0]);
	(void)close(r->pipe[1]);
	r->pipe[0] = r->pipe[1] = -1;
}

/* A few have come, and more may come. */
static int
prepare_for_many(struct raw_transfer *r)
{
	(void)run_start_thread();
	free(r->buf);
	r->buf = NULL;
	r->buf_size = 0;
	open_pipe(r);
	return r->pipe[0] == -1 ? allocate_buffer(r, BUFFER) : 0;
}

static int
receive_all(struct raw_transfer *r)
{
	ssize_t n = 1;

	while (n > 0) {
		if (r->buf_size == FEW && r->target->written >= (int64_t)FEW &&
		    prepare_for_many(r) == -1)
			return -1;
		r->idle =
		    has_come_whole(r) ? sku_deadline_in(END_TIMEOUT) : run_operation_deadline();
		n = r->buf == NULL ? splice_some(r) : copy_some(r);
		counter_set(&transfer_stats.bytes, (uint64_t)r->target->written);
		if (n > 0 && run_check() == -1)
			n = fail_receiving(r, errno);
	}
	return n == 0 ? 0 : -1;
}

/* ---- beginning and end --------------------------------------------------------------------- */

static int
open_transfer(struct raw_transfer *r)
{
	int64_t size = r->config->size;

	if (r->config->sha256_given) {
		r->sha256 = sha256_new();
		if (r->sha256 == NULL)
			return failure_set(r->failure, STATUS_FAILED, ENOMEM, NULL, "get a digest");
	}
	if (allocate_buffer(r, FEW) == -1)
		return -1;
	if ((size != UNLIMITED && target_check_room(r->target, size, r->failure) == -1) ||
	    target_start(r->target, 0, r->failure) == -1)
		return -1;
	if (size != UNLIMITED && target_reserve(r->target, size, r->failure) == -1)
		return -1;
	return 0;
}

static void
close_transfer(struct raw_transfer *r)
{
	if (r->pipe[0] != -1) {
		(void)close(r->pipe[0]);
		(void)close(r->pipe[1]);
	}
	sha256_free(r->sha256);
	free(r->buf);
}

/* May it hang where a thread that ends the program is of use? */
static bool
may_hang(const struct raw_transfer *r)
{
	return r->target->kind != TARGET_FILE || !r->target->place->is_local ||
	       r->config->size > (int64_t)FEW;
}

void
raw_receive(struct raw_transfer *r)
{
	if (may_hang(r))
		(void)run_start_thread();
	r->pipe[0] = r->pipe[1] = -1;
	/* Until all is on disk, make every end of this process, also by kill -9, a reset: the
	 * sender must not take it for success. */
	closing_set_reset(&r->incoming->sock, true);
	r->is_complete = target_open_part(r->target, true, r->failure) == 0 &&
			 open_transfer(r) == 0 && receive_all(r) == 0 && check_complete(r) == 0 &&
			 target_commit(r->target, NULL, r->failure) == 0;
	close_transfer(r);
	if (r->is_complete)
		closing_set_reset(&r->incoming->sock, false);
	(void)sku_close(&r->incoming->sock); /* an end in order says that all is on disk */
	if (!r->is_complete)
		target_keep(r->target, r->failure);
	r->ns = sku_now() - r->incoming->since_ns;
}

void
raw_report(const struct raw_transfer *r)
{
	const struct recv_config *config = r->config;
	bool is_checked = config->size != UNLIMITED || config->sha256_given;
	const struct transfer_result result = { .sent = false,
		.name = r->target->display_name,
		.peer = &r->incoming->peer,
		.bytes = r->target->written,
		.ns = r->ns,
		.remark = is_checked ? "" : " (not verified)" };

	transfer_summary(&result);
}

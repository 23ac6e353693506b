/* lines.c - waiting for lines from standard input.
 * Row tool. */
#include "sockecho-client/lines.h"

#include "run/failure.h"
#include "run/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TERMINAL_LINE_MAX ((size_t)4095) /* N_TTY_BUF_SIZE of Linux, less the newline */
#define FIRST_CAPACITY ((size_t)4096)

/* Return a line that is in the buffer; false: more must be read. */
static bool
buffered_line(struct line_reader *r, const char **line, size_t *len)
{
	char *newline =
	    r->end > r->start ? memchr(r->buf + r->start, '\n', r->end - r->start) : NULL;

	if (newline == NULL && !(r->ended && r->end > r->start))
		return false;
	*line = r->buf + r->start;
	*len = newline != NULL ? (size_t)(newline - *line) : r->end - r->start;
	r->start = newline != NULL ? r->start + *len + 1 : r->end;
	return true;
}

static int
make_capacity(struct line_reader *r)
{
	size_t capacity = r->capacity == 0 ? FIRST_CAPACITY : r->capacity * 2;
	char *grown;

	if (r->start > 0) {
		memmove(r->buf, r->buf + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	if (r->end < r->capacity)
		return 0;
	if (r->capacity >= LINE_MAX_BYTES) {
		errno = EMSGSIZE;
		return -1;
	}
	grown = realloc(r->buf, capacity);
	if (grown == NULL)
		return -1;
	r->buf = grown;
	r->capacity = capacity;
	return 0;
}

/* Read once, when there is something.  LINE_READ: something came, but maybe not a whole line. */
static enum line_next
read_some(struct line_reader *r, int peer_fd, struct failure *failure)
{
	enum { INPUT, PEER, COUNT };
	struct pollfd pfds[COUNT] = { [INPUT] = { .fd = STDIN_FILENO, .events = POLLIN },
		[PEER] = { .fd = peer_fd, .events = POLLIN } };
	ssize_t n;

	if (run_wait(pfds, COUNT, sku_deadline_never()) == -1) {
		(void)run_wait_failed(failure, errno, LIMIT_OTHER, "read standard input");
		return LINE_FAILED;
	}
	if (pfds[INPUT].revents == 0)
		return LINE_PEER;
	n = read(STDIN_FILENO, r->buf + r->end, r->capacity - r->end);
	if (n == -1 && errno != EINTR && errno != EAGAIN) {
		(void)failure_errno(failure, errno, "read standard input");
		return LINE_FAILED;
	}
	if (n == 0)
		r->ended = true;
	if (n > 0)
		r->end += (size_t)n;
	return LINE_READ;
}

enum line_next
line_next(
    struct line_reader *r, int peer_fd, const char **line, size_t *len, struct failure *failure)
{
	enum line_next next = LINE_READ;

	while (next == LINE_READ && !buffered_line(r, line, len)) {
		if (r->ended)
			return LINE_END;
		if (make_capacity(r) == -1) {
			(void)failure_errno(failure, errno, "read standard input");
			return LINE_FAILED;
		}
		next = read_some(r, peer_fd, failure);
	}
	return next;
}

bool
line_is_cut(size_t len)
{
	return len >= TERMINAL_LINE_MAX;
}

int
line_cut_failed(struct failure *failure)
{
	return failure_set(failure, STATUS_FAILED, 0,
	    "the terminal has cut the line: a longer one must come through a pipe",
	    "read standard input");
}

void
line_reader_free(struct line_reader *r)
{
	free(r->buf);
	*r = (struct line_reader)LINE_READER_INIT;
}

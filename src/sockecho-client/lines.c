/* lines.c - lines from standard input, waiting for them within a deadline.
 * Row tool. */
#include "sockecho-client/lines.h"

#include "run/failure.h"
#include "run/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_CAPACITY ((size_t)4096)

/* The line that is there already; false: more must be read. */
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

static int
wait_for_input(int peer_fd, struct sku_deadline deadline)
{
	struct pollfd pfds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = peer_fd, .events = POLLIN },
	};

	for (;;) {
		int n = poll(pfds, 2, sku_deadline_poll_ms(deadline));

		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0 && pfds[0].revents != 0)
			return 0;
		if (n > 0) {
			errno = EINTR;
			return -1;
		}
		if (sku_deadline_passed(deadline)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

int
line_next(struct line_reader *r, int peer_fd, struct sku_deadline deadline, const char **line,
    size_t *len)
{
	ssize_t n;

	while (!buffered_line(r, line, len)) {
		if (r->ended)
			return 0;
		if (make_capacity(r) == -1 || wait_for_input(peer_fd, deadline) == -1)
			return -1;
		n = read(STDIN_FILENO, r->buf + r->end, r->capacity - r->end);
		if (n == -1 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (n == 0)
			r->ended = true;
		if (n > 0)
			r->end += (size_t)n;
	}
	return 1;
}

int
line_failed(int errnum)
{
	struct failure failure = { .status = STATUS_OK };

	if (errnum == ETIMEDOUT)
		(void)run_wait_failed(&failure, errnum, LIMIT_OTHER, "read standard input");
	else
		(void)failure_errno(&failure, errnum, "read standard input");
	return failure_report(&failure);
}

void
line_reader_free(struct line_reader *r)
{
	free(r->buf);
	*r = (struct line_reader)LINE_READER_INIT;
}

/* lines.h - waiting for lines from standard input. */
#ifndef CLIENT_LINES_H
#define CLIENT_LINES_H

#include "run/failure.h"

#include <stdbool.h>
#include <stddef.h>

struct line_reader {
	char *buf;
	size_t start, end, capacity;
	bool ended;
};

#define LINE_READER_INIT                                                                           \
	{                                                                                          \
		NULL, 0, 0, 0, false                                                               \
	}
#define LINE_MAX_BYTES ((size_t)1 << 20)

enum line_next {
	LINE_READ,
	LINE_END,    /* standard input has ended */
	LINE_PEER,   /* something came from peer_fd first */
	LINE_FAILED, /* EMSGSIZE: a line longer than LINE_MAX_BYTES */
};
/* The next line, without its newline, and its length; valid until the next call.  Waits until
 * --max-time is over, or until peer_fd (-1: none) can be read. */
enum line_next line_next(struct line_reader *reader, int peer_fd, const char **line, size_t *len,
    struct failure *failure);
/* Did the terminal cut a line of len bytes?  The kernel keeps so much of a line and drops the
 * rest. */
bool line_is_cut(size_t len);
/* Fill the failure for a cut line.  Returns -1. */
int line_cut_failed(struct failure *failure);
void line_reader_free(struct line_reader *reader);

#endif

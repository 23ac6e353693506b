/* lines.h - lines from standard input, waiting for them within a deadline. */
#ifndef CLIENT_LINES_H
#define CLIENT_LINES_H

#include "libsockutil/sockutil.h"

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

/* The next line, without its newline, and its length; valid until the next call.  1: a line, 0: the
 * end, -1: errno (ETIMEDOUT; EMSGSIZE: longer than LINE_MAX_BYTES; or read's).  With peer_fd not
 * -1, something that comes from there meanwhile ends the wait: -1 with EINTR. */
int line_next(struct line_reader *reader, int peer_fd, struct sku_deadline deadline,
    const char **line, size_t *len);
/* Report why line_next() failed.  Returns the status. */
int line_failed(int errnum);
void line_reader_free(struct line_reader *reader);

#endif

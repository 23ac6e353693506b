/* output.h - standard output: results, and bytes that are written without ever blocking. */
#ifndef RUN_OUTPUT_H
#define RUN_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

struct output {
	int fd;
	size_t max; /* bytes that one write may have without blocking, once poll says so */
	bool is_socket;
	bool can_wait; /* poll(2) tells when it has room, and when its reader is gone */
	bool terminal; /* bytes are shown escaped */
};

void output_open(struct output *output);
/* Bytes taken, or -1 with errno (EAGAIN: poll it). */
ssize_t output_write(struct output *output, const char *bytes, size_t len);
void output_close(struct output *output);

/* Results on standard output.  output_flush() returns STATUS_OK, or reports the write error once
 * and returns STATUS_FAILED; every program ends through it. */
__attribute__((format(printf, 1, 2))) void output_print(const char *format, ...);
int output_flush(void);

#endif

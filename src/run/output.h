/* output.h - standard output: results, and bytes that are written without ever blocking. */
#ifndef RUN_OUTPUT_H
#define RUN_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

struct cli_outlet {
	int fd;
	size_t most; /* bytes that one write may have without blocking, once poll says so */
	bool is_socket;
	bool can_wait; /* poll(2) tells when it has room, and when its reader is gone */
	bool terminal; /* bytes are shown escaped */
};

void cli_outlet_open(struct cli_outlet *outlet);
/* Bytes taken, or -1 with errno (EAGAIN: poll it). */
ssize_t cli_outlet_write(struct cli_outlet *outlet, const char *bytes, size_t len);
void cli_outlet_close(struct cli_outlet *outlet);

/* Results on standard output.  cli_flush() returns CLI_OK, or reports the write error once and
 * returns CLI_FAILED; every program ends through it. */
__attribute__((format(printf, 1, 2))) void cli_print(const char *format, ...);
int cli_flush(void);

#endif

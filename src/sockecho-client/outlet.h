/* outlet.h - standard output for bytes, written without ever blocking, whatever it is. */
#ifndef CLIENT_OUTLET_H
#define CLIENT_OUTLET_H

#include <stdbool.h>
#include <sys/types.h>

struct outlet {
	int fd;
	size_t most; /* bytes that one write may have without blocking, once poll says so */
	bool is_socket;
	bool can_wait; /* poll(2) tells when it has room, and when its reader is gone */
	bool terminal; /* bytes are shown escaped */
};

void outlet_open(struct outlet *outlet);
/* Bytes taken, or -1 with errno (EAGAIN: poll it). */
ssize_t outlet_write(struct outlet *outlet, const char *bytes, size_t len);
void outlet_close(struct outlet *outlet);

#endif

/* output.h - standard output and standard error, which never hold a program past its end.
 *
 * A pipe, a terminal or a socket that takes no more is waited for by run_wait(): until it takes
 * more, a signal comes or --max-time is over.  Where no signal is caught and there is no
 * --max-time, a write just blocks. */
#ifndef RUN_OUTPUT_H
#define RUN_OUTPUT_H

#include "run/failure.h"

#include <stdbool.h>
#include <sys/types.h>

/* One of the two, for bytes, never blocking whatever it is. */
struct output {
	int fd;
	size_t max; /* bytes that one write may have without blocking, once poll says so */
	bool is_socket;
	bool is_file;  /* on a file system that may hang */
	bool can_wait; /* poll(2) tells when it has room, and when its reader is gone */
	bool terminal; /* bytes are shown escaped */
	bool asks;     /* a pipe that is not ours: each write says that it must not wait */
};

/* fd is STDOUT_FILENO or STDERR_FILENO. */
void output_open(struct output *output, int fd);
/* Bytes taken, or -1 with errno (EAGAIN: wait for POLLOUT). */
ssize_t output_write(struct output *output, const char *bytes, size_t len);
void output_close(struct output *output);

/* What follows writes text, and may be used by several threads. */

/* Make both ready now, as the user who may: a program that gives root up could not open them
 * later.  Else that happens at the first use that must not block, and where it is needed.  Call it
 * again when descriptors 1 and 2 have become others. */
void output_open_all(void);
/* Results on standard output, kept until output_flush() or until 64 KiB are there. */
__attribute__((format(printf, 1, 2))) void output_print(const char *format, ...);
void output_add(const char *bytes, size_t len);
/* A field of a line: text, escaped, between two pieces of the line as they stand. */
void output_field(const char *before, const char *text, const char *after);
/* A whole line, which is written at once; a failure stays for output_flush(). */
void output_record(const char *line, size_t len);
/* Something could not be made, for lack of memory: that is a failure, too, behind what is kept. */
void output_lack_memory(void);
/* Write what is kept: 0, or -1 and the failure, which stays for good: later text is dropped.  It is
 * to be reported by the first caller alone.  A signal that came while nobody read ends the program,
 * and needs no other reason: it is reported already, or no failure if it is the ordinary end. */
int output_flush(struct failure *failure);
/* Has standard output failed? */
bool output_has_failed(void);
/* A whole line on standard error, in one write where it fits.  Where standard error is gone there
 * is nobody to tell. */
void output_error_text(const char *text, size_t len);
/* The same on descriptor 1 or 2 where it has room now, else nothing, or what there is room for:
 * false.  Takes no lock; async-signal-safe. */
bool output_try(int fd, const char *text, size_t len);

/* The log (log.h): a descriptor that never blocks, and stays open. */
void output_log_to(int fd);
bool output_has_log(void);
/* As output_error_text() and output_try(), once there is one. */
void output_log_text(const char *text, size_t len);
bool output_try_log(const char *text, size_t len);

#endif

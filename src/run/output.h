/* output.h - standard output and standard error, which never hold a program past its end.
 *
 * If a pipe, a terminal or a socket is full, run_wait() waits until it has room, a signal comes or
 * --max-time is over.  If no signal is caught and there is no --max-time, a write just blocks. */
#ifndef RUN_OUTPUT_H
#define RUN_OUTPUT_H

#include "run/failure.h"

#include <stdbool.h>
#include <sys/types.h>

/* One of the two, for bytes.  A write never waits for a reader. */
struct output {
	int fd;
	size_t max; /* bytes that one write may have without blocking, once poll says so */
	bool is_socket;
	bool is_file;  /* on a file system that may hang */
	bool can_wait; /* poll(2) reports that it has room, and that its reader is gone */
	bool terminal; /* bytes are shown escaped */
	bool asks;     /* a pipe that is not ours: each write says that it must not wait */
};

/* fd is STDOUT_FILENO or STDERR_FILENO. */
void output_open(struct output *output, int fd);
/* Bytes taken, or -1 with errno (EAGAIN: wait for POLLOUT). */
ssize_t output_write(struct output *output, const char *bytes, size_t len);
void output_close(struct output *output);

/* What follows writes text, and belongs to one thread: the others call message.h and event.h, whose
 * text is handed over to it (handover.h). */

/* Make both ready now, as the user who may: a program that gives root up could not open them
 * later.  Else that happens at the first use that must not block, and where it is needed.  Call it
 * again when descriptors 1 and 2 have become others. */
void output_open_all(void);
/* Print results on standard output.  They are kept until output_flush(), or until there are 64
 * KiB. */
__attribute__((format(printf, 1, 2))) void output_print(const char *format, ...);
void output_add(const char *bytes, size_t len);
/* Print a field of a line: before, then text escaped, then after. */
void output_field(const char *before, const char *text, const char *after);
/* Write a whole line at once.  output_flush() reports a failure. */
void output_record(const char *line, size_t len);
/* Memory for a result was lacking: that is a failure, too, which follows what is kept. */
void output_lack_memory(void);
/* Write what is kept.  Returns 0, or -1 and the failure.  A failure is final: later text is
 * dropped, and is_told is set for all callers but the first.  If a signal came while the reader did
 * not read, the program ends by it without a message: is_told is set, or 0 is returned if the
 * signal is the ordinary end. */
int output_flush(struct failure *failure);
/* Has standard output failed? */
bool output_has_failed(void);
/* A whole line on standard error, in one write if it fits.  If standard error is gone, the line is
 * dropped. */
void output_error_text(const char *text, size_t len);
/* The same on descriptor 1 or 2, without waiting.  False: there was room for a part of it, or for
 * nothing.  For any thread, and async-signal-safe. */
bool output_try(int fd, const char *text, size_t len);

/* Use fd as the log (log.h).  It never blocks, and stays open. */
void output_log_to(int fd);
bool output_has_log(void);
/* As output_error_text() and output_try(), for the log, which must exist.  For any thread.
 * output_log_text() returns 0, or -1 with errno: a part of the line, or nothing, was written. */
int output_log_text(const char *text, size_t len);
bool output_try_log(const char *text, size_t len);

#endif

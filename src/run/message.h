/* message.h - what a program says: errors and notes. */
#ifndef RUN_MESSAGE_H
#define RUN_MESSAGE_H

#include "run/status.h"

/* Everything below prints a whole line in one write, `PROGRAM: …` on standard error, or in the
 * log, with what a peer or a resolver sent escaped. */

/* Text as it stands, on standard error, without the program's name: the prompt, and lines that
 * scripts read. */
__attribute__((format(printf, 1, 2))) void msg_text(const char *format, ...);
/* A note for people: nothing with --quiet. */
__attribute__((format(printf, 1, 2))) void msg_note(const char *format, ...);
/* The same, with --verbose given at least level times. */
__attribute__((format(printf, 2, 3))) void msg_verbose(int level, const char *format, ...);

/* An error and, with --json, its record.  `PROGRAM: DURING: MESSAGE`; errnum 0 is none.  Each
 * returns the status, so that `return msg_error(…)` reads well. */
__attribute__((format(printf, 4, 5))) int msg_error(
    enum status status, int errnum, const char *message, const char *during_format, ...);
/* message is strerror(errnum). */
__attribute__((format(printf, 3, 4))) int msg_error_errno(
    enum status status, int errnum, const char *during_format, ...);
/* The error's line alone, where the record is made elsewhere. */
__attribute__((format(printf, 2, 3))) void msg_error_line(
    const char *message, const char *during_format, ...);
/* A usage error's lines (`PROGRAM: MESSAGE`, and where there is help) and record; options.h has
 * what ends the program. */
void msg_error_usage(const char *message);
/* What the library says about a peer or a name; the status follows from it. */
int msg_error_library(const struct sku_error *err);
/* Write standard output.  Its failure is reported once, and its status returned each time. */
int msg_flush(void);
/* What failed with a peer: refused, reset, timed out, …; the status follows from errnum. */
#define msg_error_peer(errnum, ...) msg_error_errno(status_of_errno(errnum), errnum, __VA_ARGS__)

#endif

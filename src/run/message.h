/* message.h - what a program says: results, errors, notes, records, and its exit status. */
#ifndef RUN_MESSAGE_H
#define RUN_MESSAGE_H

#include "libsockutil/sockutil.h"

#include <stdatomic.h>

/* The exit statuses of every program; sockutils(7) says what they promise. */
enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_TRY_AGAIN = 4,
	CLI_MISMATCH = 5,
	CLI_NO_PEER = 6,
	CLI_TIMED_OUT = 124,
};

/* How this run of the program speaks; set while options are parsed. */
struct cli_voice {
	const char *program;
	bool quiet;
	int verbose;
	bool json;
	bool stdout_is_data;   /* records and the readiness line go to standard error */
	atomic_bool bar_shown; /* the cursor's line has a progress bar */
};
extern struct cli_voice cli_voice;

/* The first thing a program does: its name, descriptors 0 to 2 that are open (closed ones would be
 * given to the next socket), SIGPIPE ignored. */
void cli_start(const char *program);

/* Take the progress bar away, before anything else is printed.  Async-signal-safe. */
void cli_clear_bar(void);

/* Everything below prints a whole line in one write, `PROGRAM: …` on standard error, with what a
 * peer or a resolver sent escaped. */

/* A note for people: nothing with --quiet. */
__attribute__((format(printf, 1, 2))) void cli_note(const char *format, ...);
/* The same, with --verbose given at least level times. */
__attribute__((format(printf, 2, 3))) void cli_verbose(int level, const char *format, ...);

/* An error and, with --json, its record.  `PROGRAM: DURING: MESSAGE`; errnum 0 is none.  Each
 * returns the status, so that `return cli_error(…)` reads well. */
__attribute__((format(printf, 4, 5))) int cli_error(
    enum cli_status status, int errnum, const char *message, const char *during_format, ...);
/* message is strerror(errnum). */
__attribute__((format(printf, 3, 4))) int cli_error_errno(
    enum cli_status status, int errnum, const char *during_format, ...);
/* The error's line alone, where the record is made elsewhere. */
__attribute__((format(printf, 2, 3))) void cli_say_error(
    const char *message, const char *during_format, ...);
/* A usage error's line (`PROGRAM: MESSAGE`) and record; options.h has what ends the program. */
void cli_error_usage(const char *message);
/* What the library says about a peer or a name; the status follows from it. */
int cli_error_sku(const struct sku_error *err);
/* What failed with a peer: refused, reset, timed out, …; the status follows from errnum. */
#define cli_error_peer(errnum, ...)                                                                \
	cli_error_errno(cli_status_of_errno(errnum), errnum, __VA_ARGS__)

/* The status of a failure that concerns a peer or a name. */
enum cli_status cli_status_of(const struct sku_error *err);
enum cli_status cli_status_of_errno(int errnum);

/* Results on standard output.  cli_flush() returns CLI_OK, or reports the write error once and
 * returns CLI_FAILED; every program ends through it. */
__attribute__((format(printf, 1, 2))) void cli_print(const char *format, ...);
int cli_flush(void);

#endif

/* progress.h - a bar for people: share, amount, rate and time left; and amounts in words.
 *
 * On a terminal it is one line that is drawn over, at most ten times a second, and gone when it is
 * over or a message comes.  Asked for where standard error is no terminal, it is a line a second.
 */
#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include "libsockutil/sockutil.h"

enum cli_progress_wish {
	CLI_PROGRESS_AUTO, /* on a terminal, once the work took a second */
	CLI_PROGRESS_ON,
	CLI_PROGRESS_OFF,
};

#define CLI_TOTAL_UNKNOWN INT64_C(-1)

struct cli_progress {
	bool active, terminal;
	int64_t total;	    /* bytes; CLI_TOTAL_UNKNOWN */
	int64_t started_ns; /* on the clock of sku_now() */
	int64_t next_ns;    /* to be drawn again; INT64_MAX: never */
	int64_t drawn_ns, drawn_done;
	double rate; /* bytes a second, smoothed */
};

/* Begin; total is bytes, or CLI_TOTAL_UNKNOWN. */
void cli_progress_begin(struct cli_progress *progress, enum cli_progress_wish wish, int64_t total);
/* So much is done: draws when it is time.  Cheap otherwise. */
void cli_progress_update(struct cli_progress *progress, int64_t done, int64_t now);
/* It is over: the last line where lines are printed, and the bar is gone. */
void cli_progress_end(struct cli_progress *progress, int64_t done);
/* Take the progress bar away, before anything else is printed.  Async-signal-safe. */
void cli_clear_bar(void);

#define CLI_AMOUNT_MAX 16
/* `1.5 GiB`, `312 KiB`, `12 B`.  Returns buf. */
const char *cli_amount(int64_t bytes, char buf[CLI_AMOUNT_MAX]);
/* The same for n bytes in ns nanoseconds, a second. */
const char *cli_rate(int64_t bytes, int64_t ns, char buf[CLI_AMOUNT_MAX]);

#endif

/* progress.h - a bar for people: share, amount, rate and time left; and amounts in words.
 *
 * On a terminal it is one line that is drawn over, at most ten times a second, and gone when it is
 * over or a message comes.  Asked for where standard error is no terminal, it is a line a second.
 */
#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include "libsockutil/sockutil.h"
#include "run/loop.h"
#include "run/state.h"

enum progress_mode {
	PROGRESS_AUTO, /* on a terminal, once the work took a second */
	PROGRESS_ON,
	PROGRESS_OFF,
};

#define SIZE_UNKNOWN INT64_C(-1)

struct progress {
	bool active, terminal;
	int64_t total;	    /* bytes; SIZE_UNKNOWN */
	int64_t started_ns; /* on the clock of sku_now() */
	int64_t next_ns;    /* to be drawn again; INT64_MAX: never */
	int64_t drawn_ns, drawn_done;
	double rate;	   /* bytes a second, smoothed */
	struct loop *loop; /* that draws; NULL: none */
	struct loop_timer timer;
	const state_counter *done;
	const state_counter *size; /* for the loop, in the place of total; NULL: total stays */
};

/* Begin; total is bytes, or SIZE_UNKNOWN. */
void progress_begin(struct progress *progress, enum progress_mode mode, int64_t total);
/* From now on the loop draws, whenever it is time, what done says, and size, which may be set then.
 * Until progress_end(). */
void progress_draw_in(struct progress *progress, struct loop *loop, const state_counter *done);
/* There is nothing to show for now. */
void progress_set_paused(struct progress *progress, bool paused);
/* So much is done: draws when it is time.  Cheap otherwise. */
void progress_update(struct progress *progress, int64_t done, int64_t now);
/* It is over: the last line where lines are printed, and the bar is gone. */
void progress_end(struct progress *progress, int64_t done);
/* Take the progress bar away, before anything else is printed.  Async-signal-safe. */
void progress_clear(void);

#define FORMAT_BYTES_MAX 16
/* `1.5 GiB`, `312 KiB`, `12 B`.  Returns buf. */
const char *format_bytes(int64_t bytes, char buf[FORMAT_BYTES_MAX]);
/* The same for n bytes in ns nanoseconds, a second. */
const char *format_rate(int64_t bytes, int64_t ns, char buf[FORMAT_BYTES_MAX]);

#endif

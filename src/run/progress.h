/* progress.h - a progress bar with share, amount, rate and time left; and amounts as text.
 *
 * On a terminal the bar is one line, which is redrawn at most ten times a second and removed at the
 * end and before a message.  With --progress and no terminal, one line a second is printed. */
#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include "libsockutil/sockutil.h"
#include "run/loop.h"
#include "run/state.h"

enum progress_mode {
	PROGRESS_AUTO, /* on a terminal, once the work has taken a second */
	PROGRESS_ON,
	PROGRESS_OFF,
};

#define SIZE_UNKNOWN INT64_C(-1)

struct progress {
	bool active, terminal;
	int64_t total;	    /* bytes, or SIZE_UNKNOWN */
	int64_t started_ns; /* on the clock of sku_now(), and later by each pause */
	int64_t next_ns;    /* when to draw it again; INT64_MAX: never */
	int64_t drawn_ns, drawn_done;
	int64_t paused_ns;	/* when the pause began; 0: there is none */
	int64_t concluded_done; /* the bytes in the last line; -1: not printed yet */
	double rate;		/* bytes a second, smoothed */
	struct loop *loop;	/* the loop that draws; NULL: none */
	struct loop_timer timer;
	const state_counter *done;
	const state_counter *size; /* if the loop draws, replaces total; NULL: total stays */
};

/* Begin.  total is in bytes, or SIZE_UNKNOWN. */
void progress_begin(struct progress *progress, enum progress_mode mode, int64_t total);
/* Let the loop draw the bar until progress_end().  It shows *done, and *progress->size if size is
 * set afterwards. */
void progress_draw_in(struct progress *progress, struct loop *loop, const state_counter *done);
/* Draw nothing while there is nothing to show.  A pause counts neither in the time nor in the
 * rate. */
void progress_set_paused(struct progress *progress, bool paused);
/* Call it before the summary of so many bytes in ns nanoseconds.  If lines are printed and the work
 * is done, it prints the last line, with the same rate.  It is about the bar that a loop draws; any
 * thread may call it (handover.h). */
void progress_conclude(int64_t bytes, int64_t ns);
/* End.  Removes the bar, or prints the last line if lines are printed and it was not printed
 * yet. */
void progress_end(struct progress *progress, int64_t done);
/* Remove the bar before anything else is printed.  For any thread, and async-signal-safe. */
void progress_clear(void);

#define FORMAT_BYTES_MAX 16
/* Write an amount as `1.5 GiB`, `312 KiB` or `12 B`.  Returns buf. */
const char *format_bytes(int64_t bytes, char buf[FORMAT_BYTES_MAX]);
/* Write the rate of bytes in ns nanoseconds, as `1.5 GiB/s`.  Returns buf. */
const char *format_rate(int64_t bytes, int64_t ns, char buf[FORMAT_BYTES_MAX]);

#endif

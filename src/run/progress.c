/* progress.c - a progress bar with share, amount, rate and time left; and amounts as text.
 * Row run. */
#include "run/progress.h"

#include "run/handover.h"
#include "run/output.h"
#include "run/run.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW (100 * SKU_MS)  /* on a terminal */
#define LINE_PERIOD SKU_SECOND /* elsewhere */
#define AUTO_DELAY SKU_SECOND  /* PROGRESS_AUTO shows nothing sooner */
#define SMOOTHING 2.0	       /* seconds, for the smoothing of the rate */
#define LINE_MAX_COLUMNS 200
#define BAR_MAX 60
#define BAR_MIN 10

static atomic_bool on_screen; /* the cursor's line shows the progress bar */

static struct progress *_Atomic lines_of_loop; /* the bar that a loop draws, as lines; NULL: none */

const char *
format_bytes(int64_t bytes, char buf[FORMAT_BYTES_MAX])
{
	if (humanize_number(buf, 8, bytes, "B", HN_AUTOSCALE, HN_DECIMAL | HN_IEC_PREFIXES) == -1)
		(void)snprintf(buf, FORMAT_BYTES_MAX, "? B");
	return buf;
}

const char *
format_rate(int64_t bytes, int64_t ns, char buf[FORMAT_BYTES_MAX])
{
	double rate = (double)bytes * 1e9 / (double)(ns > 0 ? ns : 1);

	(void)format_bytes(rate < 9e18 ? (int64_t)rate : INT64_MAX, buf);
	(void)strncat(buf, "/s", FORMAT_BYTES_MAX - strlen(buf) - 1);
	return buf;
}

void
progress_clear(void)
{
	static const char clear[] = "\r\033[K";

	if (atomic_exchange(&on_screen, false))
		(void)output_try(STDERR_FILENO, clear, sizeof(clear) - 1);
}

void
progress_begin(struct progress *progress, enum progress_mode mode, int64_t total)
{
	bool terminal = isatty(STDERR_FILENO) == 1;
	int64_t now = sku_now();

	*progress = (struct progress){ .terminal = terminal,
		.total = total,
		.started_ns = now,
		.drawn_ns = now,
		.concluded_done = -1,
		.next_ns = INT64_MAX };
	if (run.quiet || mode == PROGRESS_OFF)
		return;
	if (mode == PROGRESS_AUTO && (!terminal || run.json))
		return;
	progress->active = true;
	progress->next_ns = now + (mode == PROGRESS_AUTO ? AUTO_DELAY : terminal ? 0 : LINE_PERIOD);
}

/* Smooth the rate: the longer the last interval, the more it counts.  At first, for as long as
 * SMOOTHING, it is the mean of all. */
static void
update_rate(struct progress *p, int64_t done, int64_t now)
{
	double dt = (double)(now - p->drawn_ns) / 1e9;
	double before = (double)(p->drawn_ns - p->started_ns) / 1e9;
	double weight = dt / (dt + (before < SMOOTHING ? before : SMOOTHING));
	/* After a lost connection, less may be done than before.  The rate is 0 then. */
	double latest = dt > 0 && done > p->drawn_done ? (double)(done - p->drawn_done) / dt : 0;

	if (dt <= 0)
		return;
	p->rate = p->rate * (1 - weight) + latest * weight;
	p->drawn_ns = now;
	p->drawn_done = done;
}

static void
append_time(char *buf, size_t len, double seconds)
{
	long s = seconds < 359999 ? (long)(seconds + 0.5) : 359999;

	if (s >= 3600)
		(void)snprintf(buf, len, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else
		(void)snprintf(buf, len, "%ld:%02ld", s / 60, s % 60);
}

/* Write amount, rate and time, which are part of every form of the line.  Returns the length. */
static int
append_figures(const struct progress *p, char *buf, size_t len, int64_t done)
{
	char amount[FORMAT_BYTES_MAX], total[FORMAT_BYTES_MAX], rate[FORMAT_BYTES_MAX], time[24];

	(void)format_bytes(done, amount);
	(void)format_rate((int64_t)p->rate, SKU_SECOND, rate);
	if (p->total == SIZE_UNKNOWN) {
		append_time(time, sizeof(time), (double)(p->drawn_ns - p->started_ns) / 1e9);
		return snprintf(buf, len, "%s %s %s", amount, rate, time);
	}
	if (p->rate >= 1)
		append_time(
		    time, sizeof(time), (double)(p->total > done ? p->total - done : 0) / p->rate);
	else
		(void)snprintf(time, sizeof(time), "-:--");
	return snprintf(
	    buf, len, "%s of %s %s %s left", amount, format_bytes(p->total, total), rate, time);
}

static int
columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_col == 0)
		return 80;
	return size.ws_col < LINE_MAX_COLUMNS ? size.ws_col : LINE_MAX_COLUMNS;
}

static int
percent(const struct progress *p, int64_t done)
{
	if (p->total <= 0 || done >= p->total)
		return 100;
	return (int)((double)done * 100 / (double)p->total);
}

/* Write `[=====>    ] `, as wide as the columns left allow, or nothing if they are too few. */
static void
append_bar(char *buf, size_t len, int columns_left, int share)
{
	int width = columns_left - 3 < BAR_MAX ? columns_left - 3 : BAR_MAX, filled;

	buf[0] = '\0';
	if (width < BAR_MIN || (size_t)width + 4 > len)
		return;
	filled = width * share / 100;
	buf[0] = '[';
	for (int i = 0; i < width; i++)
		buf[1 + i] = (char)(i < filled ? '=' : i == filled ? '>' : ' ');
	(void)memcpy(buf + 1 + width, "] ", 3);
}

static void
draw(struct progress *p, int64_t done)
{
	char figures[120], bar[BAR_MAX + 8] = "", share[8] = "", line[LINE_MAX_COLUMNS + 16],
					 bar_line[LINE_MAX_COLUMNS + 32];
	int len, width = columns() - 1, used = append_figures(p, figures, sizeof(figures), done);

	if (p->total != SIZE_UNKNOWN)
		used += snprintf(share, sizeof(share), "%3d%% ", percent(p, done));
	if (p->terminal && p->total != SIZE_UNKNOWN)
		append_bar(bar, sizeof(bar), width - used, percent(p, done));
	if (!p->terminal) {
		len = snprintf(line, sizeof(line), "%s: %s%s\n", run.program, share, figures);
		(void)output_try(STDERR_FILENO, line, (size_t)len);
		return;
	}
	(void)snprintf(line, sizeof(line), "%s%s%s", share, bar, figures);
	len = snprintf(bar_line, sizeof(bar_line), "\r%.*s\033[K", width, line);
	if (output_try(STDERR_FILENO, bar_line, (size_t)len))
		atomic_store(&on_screen, true);
}

static void
update(struct progress *progress, int64_t done, int64_t now)
{
	if (now < progress->next_ns || !progress->active)
		return;
	if (done == 0 && progress->drawn_done > 0) {
		/* The connection was lost.  The next one will say at which offset it goes on. */
		progress_clear();
	} else {
		update_rate(progress, done, now);
		draw(progress, done);
	}
	progress->next_ns = now + (progress->terminal ? REDRAW : LINE_PERIOD);
}

static void
draw_due(struct loop *loop, struct loop_timer *timer)
{
	struct progress *progress = LOOP_OWNER(timer, struct progress, timer);
	uint64_t size = progress->size != NULL ? counter_value(progress->size) : STATE_UNKNOWN;

	if (progress->size != NULL)
		progress->total = size == STATE_UNKNOWN ? SIZE_UNKNOWN : (int64_t)size;
	update(progress, (int64_t)counter_value(progress->done), loop->now);
	(void)loop_set_timer(loop, timer, progress->next_ns);
}

void
progress_draw_in(struct progress *progress, struct loop *loop, const state_counter *done)
{
	progress->loop = loop;
	progress->done = done;
	progress->timer.due = draw_due;
	if (progress->active && !progress->terminal)
		atomic_store(&lines_of_loop, progress);
	progress_set_paused(progress, false);
}

static void
end_pause(struct progress *progress)
{
	int64_t ns = progress->loop->now - progress->paused_ns;

	progress->paused_ns = 0;
	if (ns <= 0)
		return;
	progress->started_ns += ns;
	progress->drawn_ns += ns;
	if (progress->next_ns != INT64_MAX)
		progress->next_ns += ns;
}

void
progress_set_paused(struct progress *progress, bool paused)
{
	if (paused && progress->paused_ns == 0)
		progress->paused_ns = progress->loop->now;
	else if (!paused && progress->paused_ns != 0)
		end_pause(progress);
	/* Without memory there is no bar. */
	(void)loop_set_timer(
	    progress->loop, &progress->timer, paused ? INT64_MAX : progress->next_ns);
}

struct conclusion {
	int64_t bytes, ns;
};

static void
conclude(const char *bytes, size_t len)
{
	struct progress *p = atomic_load(&lines_of_loop);
	struct conclusion of;
	int64_t done;

	(void)memcpy(&of, bytes, len);
	if (p == NULL)
		return;
	done = (int64_t)counter_value(p->done);
	p->drawn_ns = sku_now();
	p->drawn_done = done;
	p->rate = (double)of.bytes * 1e9 / (double)(of.ns > 0 ? of.ns : 1);
	if (p->total == SIZE_UNKNOWN || done >= p->total) {
		draw(p, done);
		p->concluded_done = done;
	}
}

void
progress_conclude(int64_t bytes, int64_t ns)
{
	const struct conclusion of = { bytes, ns };

	if (atomic_load(&lines_of_loop) != NULL)
		handover(conclude, (const char *)&of, sizeof(of));
}

void
progress_end(struct progress *progress, int64_t done)
{
	/* What was lost again, or not begun, is no result. */
	if (progress->active && !progress->terminal && progress->concluded_done != done &&
	    (done > 0 || progress->total == 0)) {
		update_rate(
		    progress, done, progress->paused_ns != 0 ? progress->paused_ns : sku_now());
		draw(progress, done);
	}
	atomic_store(&lines_of_loop, NULL);
	progress_clear();
	if (progress->loop != NULL)
		loop_clear_timer(progress->loop, &progress->timer);
	progress->active = false;
	progress->next_ns = INT64_MAX;
}

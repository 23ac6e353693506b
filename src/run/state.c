/* state.c - the state of the work as one line, whenever SIGUSR1 asks for it.
 * Row run.
 *
 * Everything that state_print() calls is async-signal-safe: signal-safety(7). */
#include "run/state.h"

#include "run/output.h"
#include "run/progress.h"
#include "run/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct state {
	const char *event;
	const struct state_row *rows;
};

/* NULL: there is none yet.  Another thread may print it. */
static const struct state *_Atomic present;

struct line {
	char text[STATE_TEXT_MAX];
	size_t len;
};

static void
put(struct line *line, const char *text)
{
	while (*text != '\0' && line->len < sizeof(line->text) - 1)
		line->text[line->len++] = *text++;
}

static void
put_number(struct line *line, uint64_t n, int min_digits)
{
	char digits[24];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
		min_digits--;
	} while (n > 0 || min_digits > 0);
	put(line, &digits[i]);
}

static void
put_text_line(struct line *line, const struct state *state)
{
	put(line, state->event);
	put(line, ":");
	for (const struct state_row *row = state->rows; row->name != NULL; row++) {
		if (counter_value(row->counter) == STATE_UNKNOWN)
			continue;
		put(line, " ");
		put(line, row->name);
		put(line, "=");
		put_number(line, counter_value(row->counter), 1);
	}
}

void
state_text(const char *event, const struct state_row *rows, char text[STATE_TEXT_MAX])
{
	const struct state state = { event, rows };
	struct line line = { .len = 0 };

	put_text_line(&line, &state);
	line.text[line.len] = '\0';
	memcpy(text, line.text, line.len + 1);
}

static void
put_record(struct line *line, const struct state *state)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	put(line, "{\"program\":\"");
	put(line, run.program);
	put(line, "\",\"event\":\"");
	put(line, state->event);
	put(line, "\",\"time\":");
	put_number(line, (uint64_t)now.tv_sec, 1);
	put(line, ".");
	put_number(line, (uint64_t)now.tv_nsec / 1000, 6);
	for (const struct state_row *row = state->rows; row->name != NULL; row++) {
		if (counter_value(row->counter) == STATE_UNKNOWN)
			continue;
		put(line, ",\"");
		put(line, row->name);
		put(line, "\":");
		put_number(line, counter_value(row->counter), 1);
	}
	put(line, "}");
}

void
state_print(void)
{
	const struct state *state = atomic_load_explicit(&present, memory_order_acquire);
	struct line line = { .len = 0 };
	int fd = run.json && !run.stdout_is_data ? STDOUT_FILENO : STDERR_FILENO;

	if (state == NULL)
		return;
	if (run.json)
		put_record(&line, state);
	else
		put_text_line(&line, state);
	put(&line, "\n");
	line.text[sizeof(line.text) - 1] = '\n'; /* a line that was cut still ends */
	if (!run.json && output_has_log()) {
		(void)output_try_log(line.text, line.len);
		return;
	}
	progress_clear();
	/* If nobody reads the pipe, the line is dropped: the program must not wait. */
	(void)output_try(fd, line.text, line.len);
}

static void
print_on_signal(int signum)
{
	int saved = errno;

	(void)signum;
	state_print();
	errno = saved;
}

void
state_on_sigusr1(const char *event, const struct state_row *rows)
{
	static struct state state;
	struct sigaction action = { .sa_handler = print_on_signal, .sa_flags = SA_RESTART };

	/* It is too late: the thread that reads the signals may be using the rows. */
	if (run.cancel_fd != -1)
		abort();
	state = (struct state){ event, rows };
	atomic_store_explicit(&present, &state, memory_order_release);
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGUSR1, &action, NULL);
}

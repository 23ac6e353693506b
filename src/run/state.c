/* state.c - the state of the work as one line, whenever SIGUSR1 asks for it.
 * Row run.
 *
 * Everything that state_print() calls is async-signal-safe: signal-safety(7). */
#include "run/state.h"

#include "run/bare.h"
#include "run/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct state {
	const char *event;
	const struct state_row *rows;
};

/* NULL: there is none yet.  Another thread may print it. */
static const struct state *_Atomic present;

/* Add each value that is known: `before`, its name, `between`, the number. */
static void
add_rows(
    struct bare_line *line, const struct state_row *rows, const char *before, const char *between)
{
	for (const struct state_row *row = rows; row->name != NULL; row++) {
		if (counter_value(row->counter) == STATE_UNKNOWN)
			continue;
		bare_add(line, before);
		bare_add(line, row->name);
		bare_add(line, between);
		bare_add_number(line, counter_value(row->counter), 1);
	}
}

static void
add_text(struct bare_line *line, const struct state *state)
{
	bare_add(line, state->event);
	bare_add(line, ":");
	add_rows(line, state->rows, " ", "=");
}

void
state_text(const char *event, const struct state_row *rows, char text[STATE_TEXT_MAX])
{
	const struct state state = { event, rows };
	struct bare_line line = { .len = 0 };

	add_text(&line, &state);
	line.text[line.len] = '\0';
	memcpy(text, line.text, line.len + 1);
}

static void
add_record(struct bare_line *line, const struct state *state)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	bare_begin_record(line);
	bare_add(line, ",\"event\":\"");
	bare_add(line, state->event);
	bare_add(line, "\",\"time\":");
	bare_add_number(line, (uint64_t)now.tv_sec, 1);
	bare_add(line, ".");
	bare_add_number(line, (uint64_t)now.tv_nsec / 1000, 6);
	add_rows(line, state->rows, ",\"", "\":");
}

void
state_print(void)
{
	const struct state *state = atomic_load_explicit(&present, memory_order_acquire);
	struct bare_line line = { .len = 0 };

	if (state == NULL)
		return;
	if (run.json) {
		add_record(&line, state);
		bare_write_record(&line);
	} else {
		add_text(&line, state);
		bare_write(&line);
	}
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

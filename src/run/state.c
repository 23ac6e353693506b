/* state.c - the state of the work as one line, whenever SIGUSR1 asks for it.
 * Row run.
 *
 * Everything the handler calls is async-signal-safe (signal-safety(7)), and nothing in it waits: it
 * interrupts whatever the program is doing, so a line that nobody reads would stop it for good. */
#include "run/state.h"

#include "run/progress.h"
#include "run/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *event_name;
static const struct state_row *counter_rows;

struct line {
	char text[1024];
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
put_text_line(struct line *line)
{
	put(line, event_name);
	put(line, ":");
	for (const struct state_row *row = counter_rows; row->name != NULL; row++) {
		if (counter_value(row->counter) == STATE_UNKNOWN)
			continue;
		put(line, " ");
		put(line, row->name);
		put(line, "=");
		put_number(line, counter_value(row->counter), 1);
	}
}

static void
put_record(struct line *line)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	put(line, "{\"program\":\"");
	put(line, run.program);
	put(line, "\",\"event\":\"");
	put(line, event_name);
	put(line, "\",\"time\":");
	put_number(line, (uint64_t)now.tv_sec, 1);
	put(line, ".");
	put_number(line, (uint64_t)now.tv_nsec / 1000, 6);
	for (const struct state_row *row = counter_rows; row->name != NULL; row++) {
		if (counter_value(row->counter) == STATE_UNKNOWN)
			continue;
		put(line, ",\"");
		put(line, row->name);
		put(line, "\":");
		put_number(line, counter_value(row->counter), 1);
	}
	put(line, "}");
}

/* Would a line be written at once?  It is shorter than PIPE_BUF, which is what a pipe has room for
 * when poll(2) says so. */
static bool
has_room(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLOUT) != 0;
}

static void
print_counters(int signum)
{
	int saved = errno;
	int fd = run.json && !run.stdout_is_data ? STDOUT_FILENO : STDERR_FILENO;
	struct line line = { .len = 0 };

	(void)signum;
	if (run.json)
		put_record(&line);
	else
		put_text_line(&line);
	put(&line, "\n");
	line.text[sizeof(line.text) - 1] = '\n'; /* were it ever cut */
	if (has_room(STDERR_FILENO))
		progress_clear();
	if (has_room(fd))
		(void)!write(fd, line.text, line.len);
	errno = saved;
}

void
state_on_sigusr1(const char *event, const struct state_row *rows)
{
	struct sigaction action = { .sa_handler = print_counters, .sa_flags = SA_RESTART };

	event_name = event;
	counter_rows = rows;
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGUSR1, &action, NULL);
}

/* counters.c - the state of the work as one line, whenever SIGUSR1 asks for it.
 * Row cli.
 *
 * Everything the handler calls is async-signal-safe: signal-safety(7). */
#include "counters.h"

#include "report.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *event_name;
static const struct cli_counter_row *counter_rows;

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
put_number(struct line *line, uint64_t n, int least_digits)
{
	char digits[24];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
		least_digits--;
	} while (n > 0 || least_digits > 0);
	put(line, &digits[i]);
}

static void
put_text_line(struct line *line)
{
	put(line, event_name);
	put(line, ":");
	for (const struct cli_counter_row *row = counter_rows; row->name != NULL; row++) {
		if (cli_counter_value(row->counter) == CLI_COUNTER_UNKNOWN)
			continue;
		put(line, " ");
		put(line, row->name);
		put(line, "=");
		put_number(line, cli_counter_value(row->counter), 1);
	}
}

static void
put_record(struct line *line)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	put(line, "{\"program\":\"");
	put(line, cli_voice.program);
	put(line, "\",\"event\":\"");
	put(line, event_name);
	put(line, "\",\"time\":");
	put_number(line, (uint64_t)now.tv_sec, 1);
	put(line, ".");
	put_number(line, (uint64_t)now.tv_nsec / 1000, 6);
	for (const struct cli_counter_row *row = counter_rows; row->name != NULL; row++) {
		if (cli_counter_value(row->counter) == CLI_COUNTER_UNKNOWN)
			continue;
		put(line, ",\"");
		put(line, row->name);
		put(line, "\":");
		put_number(line, cli_counter_value(row->counter), 1);
	}
	put(line, "}");
}

static void
print_counters(int signum)
{
	int saved = errno;
	struct line line = { .len = 0 };

	(void)signum;
	if (cli_voice.json)
		put_record(&line);
	else
		put_text_line(&line);
	put(&line, "\n");
	line.text[sizeof(line.text) - 1] = '\n'; /* were it ever cut */
	cli_clear_bar();
	(void)!write(cli_voice.json && !cli_voice.stdout_is_data ? STDOUT_FILENO : STDERR_FILENO,
	    line.text, line.len);
	errno = saved;
}

void
cli_counters_on_sigusr1(const char *event, const struct cli_counter_row *rows)
{
	struct sigaction action = { .sa_handler = print_counters, .sa_flags = SA_RESTART };

	event_name = event;
	counter_rows = rows;
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGUSR1, &action, NULL);
}

/* bare.c - lines that need no memory, no lock and no wait.
 * Row run. */
#include "run/bare.h"

#include "run/output.h"
#include "run/progress.h"
#include "run/run.h"

#include <unistd.h>

void
bare_add(struct bare_line *line, const char *text)
{
	while (*text != '\0' && line->len < sizeof(line->text) - 1)
		line->text[line->len++] = *text++;
}

void
bare_add_number(struct bare_line *line, uint64_t n, int min_digits)
{
	char digits[24];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
		min_digits--;
	} while (n > 0 || min_digits > 0);
	bare_add(line, &digits[i]);
}

/* A line that was cut still ends. */
static void
end_line(struct bare_line *line)
{
	line->text[line->len++] = '\n';
}

static void
write_on(int fd, const struct bare_line *line)
{
	progress_clear();
	(void)output_try(fd, line->text, line->len);
}

void
bare_write(struct bare_line *line)
{
	end_line(line);
	if (!output_has_log() || !output_try_log(line->text, line->len))
		write_on(STDERR_FILENO, line);
}

void
bare_begin_record(struct bare_line *line)
{
	bare_add(line, "{\"program\":\"");
	bare_add(line, run.program);
	bare_add(line, "\"");
}

void
bare_write_record(struct bare_line *line)
{
	bare_add(line, "}");
	end_line(line);
	write_on(run.stdout_is_data ? STDERR_FILENO : STDOUT_FILENO, line);
}

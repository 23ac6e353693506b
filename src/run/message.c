/* message.c - what a program says: errors and notes.
 * Row run. */
#include "run/message.h"

#include "run/escape.h"
#include "run/output.h"
#include "run/progress.h"
#include "run/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of text, formatted and escaped; "" without memory.  The caller frees it. */
__attribute__((format(printf, 1, 0))) static char *
format_line(const char *format, va_list args)
{
	char *raw = NULL, *line;
	int n = vasprintf(&raw, format, args);

	line = n >= 0 ? escape_text(raw, (size_t)n, ESCAPE_LINE, NULL) : NULL;
	if (n >= 0)
		free(raw);
	return line != NULL ? line : calloc(1, 1);
}

/* `PROGRAM: DURING: MESSAGE`, whole; during NULL is left out. */
static void
write_line(const char *during, const char *message)
{
	char *line;
	int len = asprintf(&line, "%s: %s%s%s\n", run.program, during != NULL ? during : "",
	    during != NULL ? ": " : "", message);

	if (len == -1)
		return;
	if (output_has_log()) {
		output_log_text(line, (size_t)len);
	} else {
		progress_clear();
		output_error_text(line, (size_t)len);
	}
	free(line);
}

__attribute__((format(printf, 1, 0))) static void
print_line(const char *format, va_list args)
{
	char *line = format_line(format, args);

	write_line(NULL, line != NULL ? line : "");
	free(line);
}

void
msg_text(const char *format, ...)
{
	char *text;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len == -1)
		return;
	progress_clear();
	output_error_text(text, (size_t)len);
	free(text);
}

void
msg_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!run.quiet)
		print_line(format, args);
	va_end(args);
}

void
msg_verbose(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (run.verbose >= level)
		print_line(format, args);
	va_end(args);
}

bool
msg_is_record_enough(void)
{
	return run.json && run.quiet > 1 && (run.stdout_is_data || !output_has_failed());
}

static char *
escape_line(const char *text)
{
	return escape_text(text, strlen(text), ESCAPE_LINE, NULL);
}

void
msg_error(const char *message, const char *during)
{
	char *shown, *tried;

	if (msg_is_record_enough())
		return;
	shown = escape_line(message);
	tried = during != NULL ? escape_line(during) : NULL;
	write_line(tried, shown != NULL ? shown : "");
	free(tried);
	free(shown);
}

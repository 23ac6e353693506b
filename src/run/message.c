/* message.c - what a program says: errors and notes.
 * Row run. */
#include "run/message.h"

#include "run/escape.h"
#include "run/event.h"
#include "run/failure.h"
#include "run/output.h"
#include "run/progress.h"
#include "run/run.h"

#include <errno.h>
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

/* With -qq the record says it all, unless it cannot be written. */
static bool
is_record_enough(void)
{
	return run.json && run.quiet > 1 && (run.stdout_is_data || !output_has_failed());
}

static void
emit_error(enum status status, int errnum, const char *message, const char *during)
{
	json_t *record = event_new(NULL);

	event_add(record, "error", event_error(status, errnum, message, during));
	event_emit(record);
}

static void
report_error(enum status status, int errnum, const char *message, const char *during)
{
	char *escaped = escape_text(message, strlen(message), ESCAPE_LINE, NULL);
	const char *shown = escaped != NULL ? escaped : "";

	if (!is_record_enough())
		write_line(during, shown);
	if (run.json)
		emit_error(status, errnum, shown, during != NULL ? during : "usage");
	free(escaped);
}

int
msg_error(enum status status, int errnum, const char *message, const char *during_format, ...)
{
	va_list args;
	char *during;

	va_start(args, during_format);
	during = format_line(during_format, args);
	va_end(args);
	report_error(status, errnum, message, during != NULL ? during : "");
	free(during);
	return (int)status;
}

void
msg_error_line(const char *message, const char *during_format, ...)
{
	va_list args;
	char *during, *escaped;

	if (is_record_enough())
		return;
	va_start(args, during_format);
	during = format_line(during_format, args);
	va_end(args);
	escaped = escape_text(message, strlen(message), ESCAPE_LINE, NULL);
	write_line(during != NULL ? during : "", escaped != NULL ? escaped : "");
	free(during);
	free(escaped);
}

void
msg_error_usage(const char *message)
{
	report_error(STATUS_USAGE, 0, message, NULL);
	if (!is_record_enough())
		msg_text("Try '%s --help' for more information.\n", run.program);
}

/* Words for an errno value; a limit that passed is said in one way everywhere. */
static const char *
errno_text(int errnum)
{
	const struct sku_error err = { .kind = SKU_ERR_SYSTEM, .code = errnum };

	return sku_error_reason(&err);
}

int
msg_error_errno(enum status status, int errnum, const char *during_format, ...)
{
	va_list args;
	char *during;

	va_start(args, during_format);
	during = format_line(during_format, args);
	va_end(args);
	report_error(status, errnum, errno_text(errnum), during != NULL ? during : "");
	free(during);
	return (int)status;
}

int
msg_error_library(const struct sku_error *err)
{
	struct failure failure = { .status = STATUS_OK };

	(void)failure_library(&failure, err);
	return failure_report(&failure);
}

int
msg_flush(void)
{
	static ASIDE struct failure failure; /* it stays */
	bool told = output_has_failed();

	if (output_flush(&failure) == 0)
		return STATUS_OK;
	/* A signal came while nobody read: it is the end, and needs no other reason. */
	if (failure.errnum == ECANCELED)
		return run_is_killed() ? failure.status : STATUS_OK;
	return told ? failure.status : failure_report(&failure);
}

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

/* ---- lines --------------------------------------------------------------------------------- */

/* Text with NUL behind it.  Without memory for what is longer it is cut. */
struct line {
	char *text; /* NULL: it is in few */
	size_t len, room;
	char few[1024];
};

#define LINE_INIT                                                                                  \
	{                                                                                          \
		.room = 1024                                                                       \
	}

static char *
line_text(struct line *line)
{
	return line->text != NULL ? line->text : line->few;
}

static void
line_free(struct line *line)
{
	free(line->text);
}

static void
line_grow(struct line *line, size_t room)
{
	char *grown = realloc(line->text, room);

	if (grown == NULL)
		return;
	if (line->text == NULL)
		(void)memcpy(grown, line->few, line->len);
	line->text = grown;
	line->room = room;
}

static void
line_add(struct line *line, const char *bytes, size_t len)
{
	if (len >= line->room - line->len)
		line_grow(line, 2 * (line->len + len));
	if (len >= line->room - line->len)
		len = line->room - line->len - 1;
	(void)memcpy(line_text(line) + line->len, bytes, len);
	line->len += len;
	line_text(line)[line->len] = '\0';
}

static void
line_add_text(struct line *line, const char *text)
{
	line_add(line, text, strlen(text));
}

static void
line_escape(struct line *line, const char *text)
{
	size_t left = strlen(text);
	char piece[ESCAPE_PIECE];

	while (left > 0) {
		size_t len = escape_piece(piece, &text, &left, ESCAPE_LINE);

		line_add(line, piece, len);
	}
}

/* As it stands. */
__attribute__((format(printf, 2, 0))) static void
line_format(struct line *line, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(line_text(line), line->room, format, args);
	if (n >= (int)line->room) {
		line_grow(line, (size_t)n + 1);
		n = vsnprintf(line_text(line), line->room, format, again);
	}
	va_end(again);
	line->len = n < 0 ? 0 : (size_t)n < line->room ? (size_t)n : line->room - 1;
}

/* Escaped. */
__attribute__((format(printf, 2, 0))) static void
line_format_escaped(struct line *line, const char *format, va_list args)
{
	struct line raw = LINE_INIT;

	line_format(&raw, format, args);
	line_escape(line, line_text(&raw));
	line_free(&raw);
}

/* ---- messages ------------------------------------------------------------------------------ */

/* `PROGRAM: DURING: MESSAGE`, whole; during NULL is left out. */
static void
write_line(const char *during, const char *message)
{
	struct line line = LINE_INIT;

	line_add_text(&line, run.program);
	line_add_text(&line, ": ");
	if (during != NULL) {
		line_add_text(&line, during);
		line_add_text(&line, ": ");
	}
	line_add_text(&line, message);
	if (line.len == line.room - 1)
		line.len--; /* it was cut */
	line_add_text(&line, "\n");
	if (output_has_log()) {
		output_log_text(line_text(&line), line.len);
	} else {
		progress_clear();
		output_error_text(line_text(&line), line.len);
	}
	line_free(&line);
}

__attribute__((format(printf, 1, 0))) static void
print_line(const char *format, va_list args)
{
	struct line line = LINE_INIT;

	line_format_escaped(&line, format, args);
	write_line(NULL, line_text(&line));
	line_free(&line);
}

void
msg_text(const char *format, ...)
{
	struct line line = LINE_INIT;
	va_list args;

	va_start(args, format);
	line_format(&line, format, args);
	va_end(args);
	progress_clear();
	output_error_text(line_text(&line), line.len);
	line_free(&line);
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
	struct line shown = LINE_INIT;

	line_escape(&shown, message);
	if (!is_record_enough())
		write_line(during, line_text(&shown));
	if (run.json)
		emit_error(status, errnum, line_text(&shown), during != NULL ? during : "usage");
	line_free(&shown);
}

int
msg_error(enum status status, int errnum, const char *message, const char *during_format, ...)
{
	struct line during = LINE_INIT;
	va_list args;

	va_start(args, during_format);
	line_format_escaped(&during, during_format, args);
	va_end(args);
	report_error(status, errnum, message, line_text(&during));
	line_free(&during);
	return (int)status;
}

void
msg_error_line(const char *message, const char *during_format, ...)
{
	struct line during = LINE_INIT, shown = LINE_INIT;
	va_list args;

	if (is_record_enough())
		return;
	va_start(args, during_format);
	line_format_escaped(&during, during_format, args);
	va_end(args);
	line_escape(&shown, message);
	write_line(line_text(&during), line_text(&shown));
	line_free(&during);
	line_free(&shown);
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
	struct line during = LINE_INIT;
	va_list args;

	va_start(args, during_format);
	line_format_escaped(&during, during_format, args);
	va_end(args);
	report_error(status, errnum, errno_text(errnum), line_text(&during));
	line_free(&during);
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
	struct failure failure = { .status = STATUS_OK };
	bool told = output_has_failed();

	if (output_flush(&failure) == 0)
		return STATUS_OK;
	/* A signal came while nobody read: it is the end, and needs no other reason. */
	if (failure.errnum == ECANCELED)
		return run_is_killed() ? failure.status : STATUS_OK;
	return told ? failure.status : failure_report(&failure);
}

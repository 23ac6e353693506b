/* message.c - what a program says: errors and notes.
 * Row run. */
#include "run/message.h"

#include "run/escape.h"
#include "run/handover.h"
#include "run/log.h"
#include "run/output.h"
#include "run/progress.h"
#include "run/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines --------------------------------------------------------------------------------- */

/* Text that ends with NUL.  If there is no memory for long text, it is cut. */
struct line {
	char *text; /* NULL: the text is in few */
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
		size_t len = escape_next(piece, &text, &left, ESCAPE_LINE);

		line_add(line, piece, len);
	}
}

/* Format text as it is. */
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

/* Format text and escape it. */
__attribute__((format(printf, 2, 0))) static void
line_format_escaped(struct line *line, const char *format, va_list args)
{
	struct line raw = LINE_INIT;

	line_format(&raw, format, args);
	line_escape(line, line_text(&raw));
	line_free(&raw);
}

/* ---- messages ------------------------------------------------------------------------------ */

/* The rest of a line's way is the loop's. */
static void
put_on_standard_error(const char *text, size_t len)
{
	progress_clear();
	output_error_text(text, len);
}

static void
put_line(const char *text, size_t len)
{
	if (log_is_open())
		log_write(text, len);
	else
		put_on_standard_error(text, len);
}

static void
put_error(const char *text, size_t len)
{
	if (!msg_is_record_enough())
		put_line(text, len);
}

/* `PROGRAM: DURING: MESSAGE`, whole; during NULL is left out. */
static void
write_line(void (*print)(const char *text, size_t len), const char *during, const char *message)
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
		line_grow(&line, line.room + 1);
	if (line.len == line.room - 1)
		line.len--; /* without memory it is cut */
	line_add_text(&line, "\n");
	handover(print, line_text(&line), line.len);
	line_free(&line);
}

__attribute__((format(printf, 1, 0))) static void
print_line(const char *format, va_list args)
{
	struct line line = LINE_INIT;

	line_format_escaped(&line, format, args);
	write_line(put_line, NULL, line_text(&line));
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
	handover(put_on_standard_error, line_text(&line), line.len);
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

bool
msg_is_record_enough(void)
{
	return run.json && run.quiet > 1 && (run.stdout_is_data || !output_has_failed());
}

void
msg_error(const char *message, const char *during)
{
	struct line tried = LINE_INIT, shown = LINE_INIT;

	if (during != NULL)
		line_escape(&tried, during);
	line_escape(&shown, message);
	write_line(put_error, during != NULL ? line_text(&tried) : NULL, line_text(&shown));
	line_free(&tried);
	line_free(&shown);
}

/* inputs.c - what is asked: operands, or the lines of files, one after the other.
 * Row options. */
#include "options/inputs.h"

#include "options/mark.h"
#include "options/options.h"
#include "run/escape.h"
#include "run/wait.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)64 * 1024)
#define ESCAPED_NUL "\\x00"
#define ESCAPED_SIZE (sizeof(ESCAPED_NUL) * (INPUT_MAX + 1)) /* behind the buffer */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

const char *
inputs_name(const struct inputs *inputs)
{
	return strcmp(inputs->file, "-") == 0 ? "standard input" : inputs->file;
}

/* O_NONBLOCK belongs to the open file description, which others may share.  So a pipe or a terminal
 * is opened once more for ourselves: another reader of it cannot make us wait.  We poll the
 * original descriptor: a FIFO that is opened after its last writer has left never has an end. */
static void
open_standard_input(struct inputs *inputs)
{
	struct stat st;

	if ((fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY) {
		errno = EBADF; /* else it would never be ready */
		return;
	}
	inputs->fd = inputs->own_fd = STDIN_FILENO;
	if (fstat(STDIN_FILENO, &st) == -1 || (!S_ISFIFO(st.st_mode) && isatty(STDIN_FILENO) != 1))
		return;
	inputs->own_fd = open("/proc/self/fd/0", OPEN_FLAGS);
	if (inputs->own_fd == -1)
		inputs->own_fd = STDIN_FILENO; /* read only when it is ready */
}

static void
open_file(struct inputs *inputs)
{
	if (strcmp(inputs->file, "-") == 0)
		open_standard_input(inputs);
	else
		inputs->fd = inputs->own_fd = open(inputs->file, OPEN_FLAGS);
	if (inputs->fd == -1)
		(void)failure_errno(inputs->failure, errno, "open %s", inputs_name(inputs));
}

static void
close_file(struct inputs *inputs)
{
	if (inputs->fd > STDIN_FILENO)
		(void)close(inputs->fd);
	if (inputs->own_fd > STDIN_FILENO && inputs->own_fd != inputs->fd)
		(void)close(inputs->own_fd);
	inputs->fd = inputs->own_fd = -1;
}

/* Go on to the next file.  A file that cannot be opened has ended. */
static void
next_file(struct inputs *inputs)
{
	close_file(inputs);
	inputs->ended = inputs->next_file == inputs->files->count;
	if (!inputs->ended) {
		inputs->file = inputs->files->names[inputs->next_file++];
		open_file(inputs);
	}
	inputs->file_ended = inputs->fd == -1;
	inputs->at_start = true;
	inputs->line = 0;
}

const char *
inputs_add_file(void *files, const char *name)
{
	struct input_files *list = files;
	const char **grown = reallocarray(list->names, list->count + 1, sizeof(*grown));

	if (grown == NULL)
		opt_no_memory("read the options");
	list->names = grown;
	list->names[list->count++] = name;
	return NULL;
}

void
inputs_free_files(struct input_files *files)
{
	free(files->names);
	*files = (struct input_files){ NULL, 0 };
}

void
inputs_open(struct inputs *inputs, char *const *operands, size_t count,
    const struct input_files *files, struct failure *failure)
{
	*inputs = (struct inputs){ .operands = operands,
		.operand_count = count,
		.files = files,
		.fd = -1,
		.own_fd = -1,
		.ended = true,
		.failure = failure };
	if (files->count == 0)
		return;
	inputs->buffer = malloc(BUFFER_SIZE + 1 + ESCAPED_SIZE);
	if (inputs->buffer != NULL)
		next_file(inputs);
	else
		(void)failure_errno(failure, errno, "read %s", files->names[0]);
}

/* Cut white space off both ends.  Returns the start of what is left. */
static char *
trim(char *line, size_t *len)
{
	while (*len > 0 && isspace((unsigned char)line[*len - 1]))
		line[--*len] = '\0';
	while (*len > 0 && isspace((unsigned char)*line)) {
		line++;
		--*len;
	}
	return line;
}

static const char *
validate_line(const char *text, size_t len)
{
	if (len > INPUT_MAX)
		return "it is too long";
	return escape_is_utf8(text, len) ? NULL : "it is no UTF-8";
}

/* Skip the byte order mark of UTF-8.  UTF-16 is a failure: it has no lines. */
static void
skip_mark(struct inputs *inputs)
{
	const char *start = inputs->buffer + inputs->begin;
	size_t rest = inputs->end - inputs->begin;

	/* The rest of a mark may still come. */
	if (rest < MARK_UTF8_LENGTH && !inputs->file_ended && memchr(start, '\n', rest) == NULL)
		return;
	switch (text_mark(start, rest)) {
	case MARK_NONE:
		break;
	case MARK_UTF8:
		inputs->begin += MARK_UTF8_LENGTH;
		break;
	case MARK_UTF16:
		(void)failure_set(inputs->failure, STATUS_USAGE, 0, MARK_UTF16_ERROR, "read %s",
		    inputs_name(inputs));
		inputs->begin = inputs->end;
		inputs->file_ended = true;
		break;
	}
	inputs->at_start = false;
}

/* The next line, or the beginning of one that is too long, which shows that it is.  NULL: there is
 * none yet. */
static char *
take_line(struct inputs *inputs, size_t *len)
{
	char *line, *newline;
	size_t rest;

	if (inputs->at_start)
		skip_mark(inputs);
	rest = inputs->end - inputs->begin;
	if (rest == 0)
		return NULL;
	line = inputs->buffer + inputs->begin;
	newline = memchr(line, '\n', rest);
	if (newline == NULL && !inputs->file_ended)
		return NULL;
	*len = newline != NULL ? (size_t)(newline - line) : rest;
	inputs->begin += *len + (newline != NULL);
	inputs->line++;
	if (*len > INPUT_MAX + 1)
		*len = INPUT_MAX + 1;
	line[*len] = '\0';
	return line;
}

/* A line with a NUL in it, each NUL escaped: else what is behind the first would not be shown. */
static const char *
escape_nuls(const struct inputs *inputs, const char *line, size_t len)
{
	char *escaped = inputs->buffer + BUFFER_SIZE + 1, *out = escaped;

	for (; len > 0; line++, len--) {
		if (*line == '\0')
			out = stpcpy(out, ESCAPED_NUL);
		else
			*out++ = *line;
	}
	*out = '\0';
	return escaped;
}

/* The next line of the present file, if there is one. */
static bool
next_line(struct inputs *inputs, struct input *input)
{
	char *line;
	size_t len;

	while ((line = take_line(inputs, &len)) != NULL) {
		input->text = trim(line, &len);
		if (len == 0 || input->text[0] == '#')
			continue;
		if (memchr(input->text, '\0', len) != NULL) {
			input->text = escape_nuls(inputs, input->text, len);
			input->error = "there is a NUL in it";
		} else {
			input->error = validate_line(input->text, len);
		}
		return true;
	}
	return false;
}

static bool
next_operand(struct inputs *inputs, struct input *input)
{
	if (inputs->operand_count == 0)
		return false;
	input->text = *inputs->operands++;
	inputs->operand_count--;
	input->error = validate_line(input->text, strlen(input->text));
	return true;
}

bool
inputs_next(struct inputs *inputs, struct input *input)
{
	if (inputs->has_failed)
		failure_clear(inputs->failure);
	inputs->has_failed = false;
	*input = (struct input){ NULL, NULL, NULL };
	while (inputs->failure->status == STATUS_OK) {
		if (next_operand(inputs, input) || next_line(inputs, input))
			return true;
		if (inputs->failure->status != STATUS_OK)
			break;
		if (!inputs->file_ended || inputs->ended)
			return false;
		next_file(inputs);
	}
	input->failure = inputs->failure;
	inputs->has_failed = true;
	return true;
}

const char *
inputs_rest(const struct inputs *inputs)
{
	if (inputs->operand_count > 0)
		return "the operands";
	return inputs->ended ? NULL : inputs_name(inputs);
}

void
inputs_read(struct inputs *inputs)
{
	size_t rest = inputs->end - inputs->begin;
	ssize_t n;

	/* Discard the end of a line that is too long, so that memory does not grow with it. */
	if (rest > INPUT_MAX + 1)
		rest = INPUT_MAX + 1;
	(void)memmove(inputs->buffer, inputs->buffer + inputs->begin, rest);
	inputs->begin = 0;
	inputs->end = rest;
	do {
		n = read(inputs->own_fd, inputs->buffer + rest, BUFFER_SIZE - rest);
	} while (n == -1 && errno == EINTR);
	if (n > 0) {
		inputs->end += (size_t)n;
	} else if (n == 0) {
		inputs->file_ended = true;
	} else if (errno != EAGAIN) { /* else another reader took it */
		(void)failure_errno(inputs->failure, errno, "read %s", inputs_name(inputs));
		inputs->file_ended = true;
	}
}

bool
inputs_wait(struct inputs *inputs)
{
	if (inputs->ended || run_wait_fd(inputs->fd, POLLIN, sku_deadline_never()) == -1)
		return false;
	inputs_read(inputs);
	return true;
}

void
inputs_close(struct inputs *inputs)
{
	close_file(inputs);
	free(inputs->buffer);
	inputs->buffer = NULL;
}

/* inputs.c - what is asked: operands, or the lines of a file, one after the other.
 * Row options. */
#include "options/inputs.h"

#include "run/escape.h"
#include "run/message.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

void
inputs_init(struct inputs *inputs, char *const *operands, size_t count, const char *file)
{
	*inputs = (struct inputs){
		.operands = operands, .operand_count = count, .file = file, .status = STATUS_OK
	};
}

static const char *
display_name(const struct inputs *inputs)
{
	return strcmp(inputs->file, "-") == 0 ? "standard input" : inputs->file;
}

static bool
open_file(struct inputs *inputs)
{
	if (inputs->stream != NULL)
		return true;
	inputs->stream = strcmp(inputs->file, "-") == 0 ? stdin : fopen(inputs->file, "re");
	if (inputs->stream == NULL)
		inputs->status =
		    msg_error_errno(STATUS_FAILED, errno, "open %s", display_name(inputs));
	return inputs->stream != NULL;
}

/* Cut white space off both ends; the start of what is left. */
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
	if (memchr(text, '\0', len) != NULL)
		return "there is a NUL in it";
	if (len > INPUT_MAX)
		return "it is too long";
	return escape_is_utf8(text, len) ? NULL : "it is no UTF-8";
}

/* One line into the buffer; of one that is too long the rest is thrown away, so that memory does
 * not grow with it.  False at the end. */
static bool
read_line(struct inputs *inputs, size_t *len)
{
	int c = EOF;

	*len = 0;
	while ((c = getc_unlocked(inputs->stream)) != EOF && c != '\n') {
		if (*len <= INPUT_MAX)
			inputs->line[(*len)++] = (char)c;
	}
	inputs->line[*len] = '\0';
	return c != EOF || *len > 0;
}

static bool
next_line(struct inputs *inputs, struct input *input)
{
	size_t len;

	while (read_line(inputs, &len)) {
		input->text = trim(inputs->line, &len);
		if (len == 0 || input->text[0] == '#')
			continue;
		input->error = validate_line(input->text, len);
		return true;
	}
	if (ferror(inputs->stream))
		inputs->status =
		    msg_error_errno(STATUS_FAILED, errno, "read %s", display_name(inputs));
	return false;
}

bool
inputs_next(struct inputs *inputs, struct input *input)
{
	*input = (struct input){ NULL, NULL };
	if (inputs->operand_count > 0) {
		input->text = *inputs->operands++;
		inputs->operand_count--;
		input->error = validate_line(input->text, strlen(input->text));
		return true;
	}
	return inputs->file != NULL && inputs->status == STATUS_OK && open_file(inputs) &&
	       next_line(inputs, input);
}

void
inputs_close(struct inputs *inputs)
{
	if (inputs->stream != NULL && inputs->stream != stdin)
		(void)fclose(inputs->stream);
	inputs->stream = NULL;
}

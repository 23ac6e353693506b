/* inputs.h - what is asked: operands, or the lines of a file, one after the other. */
#ifndef OPTIONS_INPUTS_H
#define OPTIONS_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define INPUT_MAX ((size_t)4096) /* bytes of a line; a longer one is malformed */

struct inputs {
	char *const *operands; /* what is left of them; count tells where they end */
	size_t operand_count;
	const char *file; /* --file; NULL: none.  "-": standard input */
	FILE *stream;
	char line[INPUT_MAX + 2];
	int status; /* STATUS_OK, or of a file that could not be read to its end */
};

struct input {
	const char *text;  /* valid until the next call */
	const char *error; /* NULL, or why it cannot be asked: it is reported, not looked up */
};

void inputs_init(struct inputs *inputs, char *const *operands, size_t count, const char *file);
/* The next: false at the end.  Blank lines and those that begin with '#' are skipped, white space
 * around a line is cut off.  A file that cannot be read is reported, and is the end. */
bool inputs_next(struct inputs *inputs, struct input *input);
void inputs_close(struct inputs *inputs);

#endif

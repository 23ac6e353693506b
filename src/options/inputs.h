/* inputs.h - what is asked: operands, or the lines of a file, one after the other.
 *
 * Nothing here waits but inputs_wait(): whoever has a loop watches fd, and reads when it is ready.
 */
#ifndef OPTIONS_INPUTS_H
#define OPTIONS_INPUTS_H

#include "run/failure.h"

#include <stdbool.h>
#include <stddef.h>

#define INPUT_MAX ((size_t)4096) /* bytes of a line; a longer one is malformed */

/* The files of --file, in the order in which they were given. */
struct input_files {
	const char **names; /* "-": standard input */
	size_t count;
};

struct inputs {
	char *const *operands; /* what is left of them; count tells where they end */
	size_t operand_count;
	const struct input_files *files;
	size_t next_file;	 /* the one after that which is being read */
	const char *file;	 /* that one; NULL: none */
	int fd;			 /* to wait for; -1: there is nothing to read */
	int own_fd;		 /* to read from */
	size_t line;		 /* the number of the line of it that was taken last, from 1 */
	bool at_start;		 /* of the file: there may be a byte order mark */
	bool file_ended;	 /* nothing more can be read from it */
	bool ended;		 /* nor from any other */
	struct failure *failure; /* room for that of a file, until it is told of */
	bool has_failed;	 /* inputs_next() has told of it */
	char *buffer;		 /* what was read, and is not taken yet, stands from begin to end */
	size_t begin, end;
};

struct input {
	const char *text;  /* valid until the next call */
	const char *error; /* NULL, or why it cannot be asked: it is reported, not looked up */
	/* NULL, or why there is no more of a file; there is no text then, and the next file follows
	 * when this one was reported. */
	const struct failure *failure;
};

/* For a row of options: the file is one more of a struct input_files. */
const char *inputs_add_file(void *files, const char *name);
void inputs_free_files(struct input_files *files);
/* files and failure stay in use. */
void inputs_open(struct inputs *inputs, char *const *operands, size_t count,
    const struct input_files *files, struct failure *failure);
/* The name of the file in messages. */
const char *inputs_name(const struct inputs *inputs);
/* The next of those that are there, or the failure of a file that cannot be opened or read, or is
 * UTF-16, which has no lines: false when more must be read, or it is the end.  Blank lines
 * and those that begin with '#' are skipped, white space around a line is cut off, and so is a byte
 * order mark before the first one of a file. */
bool inputs_next(struct inputs *inputs, struct input *input);
/* Read more, now that fd is ready. */
void inputs_read(struct inputs *inputs);
/* Wait until more can be read, and read it: false at the end. */
bool inputs_wait(struct inputs *inputs);
void inputs_close(struct inputs *inputs);

#endif

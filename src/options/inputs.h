/* inputs.h - what is asked: operands, or the lines of files, one after the other.
 *
 * Only inputs_wait() waits.  A program with a loop watches fd instead, and calls inputs_read() when
 * it is ready. */
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
	char *const *operands; /* those that are left, operand_count of them */
	size_t operand_count;
	const struct input_files *files;
	size_t next_file;	 /* the file after the one that is read now */
	const char *file;	 /* the file that is read now; NULL: none */
	int fd;			 /* to poll; -1: there is nothing to read */
	int own_fd;		 /* to read from */
	size_t line;		 /* the number of the line that was taken last, from 1 */
	bool at_start;		 /* at the start of the file: a byte order mark may come */
	bool file_ended;	 /* the file has ended, or failed */
	bool ended;		 /* so have all files */
	struct failure *failure; /* the failure of a file, until it is returned */
	bool has_failed;	 /* inputs_next() has returned it */
	char *buffer;		 /* from begin to end: read, but not taken yet */
	size_t begin, end;
};

struct input {
	const char *text;  /* valid until the next call; NULs in a line are escaped */
	const char *error; /* NULL, or why it is malformed: report it, and do not look it up */
	/* NULL, or why a file has no more lines.  text is NULL then; the next file follows once
	 * this was reported. */
	const struct failure *failure;
};

/* For a row of options: add a file to a struct input_files. */
const char *inputs_add_file(void *files, const char *name);
void inputs_free_files(struct input_files *files);
/* Begin.  files and failure must exist as long as inputs. */
void inputs_open(struct inputs *inputs, char *const *operands, size_t count,
    const struct input_files *files, struct failure *failure);
/* The name of the file in messages. */
const char *inputs_name(const struct inputs *inputs);
/* The next input that has been read, or the failure of a file: it cannot be opened or read, or it
 * is UTF-16, which has no lines.  False: more must be read, or it is the end.  Skips blank lines,
 * those that begin with '#', and a byte order mark at the start of a file; cuts white space off
 * both ends of a line. */
bool inputs_next(struct inputs *inputs, struct input *input);
/* What was not read yet, for a message about the rest of it; NULL: nothing. */
const char *inputs_rest(const struct inputs *inputs);
/* Read more, now that fd is ready. */
void inputs_read(struct inputs *inputs);
/* Wait until more can be read, and read it.  False: it is the end. */
bool inputs_wait(struct inputs *inputs);
void inputs_close(struct inputs *inputs);

#endif

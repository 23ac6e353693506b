/* files.h - the files that a command line names: none may have two purposes if it is written. */
#ifndef OPTIONS_FILES_H
#define OPTIONS_FILES_H

#include "options/options.h"

#include <stdbool.h>
#include <stddef.h>

struct named_file {
	const char *what; /* an operand as in the synopsis, as "FILE", or the name of an option */
	const char *path; /* NULL or "-": there is no file */
	bool is_written;
	bool is_option;
};

/* At most so many operands are compared at once. */
#define FILES_OPERANDS_MAX 2

/* Compare the files of the options that were given and of these operands.  If two are the same
 * file, by whatever name, and it is to be written, the program ends with a usage error.  A terminal
 * or another character device may have several purposes. */
void files_check(
    const struct options *options, const struct named_file *operands, size_t operand_count);

#endif

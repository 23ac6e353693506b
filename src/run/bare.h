/* bare.h - lines that need no memory, no lock and no wait: for signal handlers, and for a thread
 * that ends the program while main hangs.
 *
 * All of it is async-signal-safe: signal-safety(7).  Nothing is escaped, so no text comes from
 * outside. */
#ifndef RUN_BARE_H
#define RUN_BARE_H

#include <stddef.h>
#include <stdint.h>

#define BARE_MAX 1024

/* Begins all zero.  What does not fit is cut. */
struct bare_line {
	char text[BARE_MAX];
	size_t len;
};

void bare_add(struct bare_line *line, const char *text);
void bare_add_number(struct bare_line *line, uint64_t n, int min_digits);

/* Write it where messages go, with a newline; if there is no room at once, drop it. */
void bare_write(struct bare_line *line);
/* The same for a record: it begins with the program, and members follow, each after a comma. */
void bare_begin_record(struct bare_line *line);
void bare_write_record(struct bare_line *line);

#endif

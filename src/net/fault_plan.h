/* fault_plan.h - which connection has which faults: one line of --faults FILE after the other. */
#ifndef NET_FAULT_PLAN_H
#define NET_FAULT_PLAN_H

#include "net/faults.h"
#include "run/failure.h"

/* What one line says. */
struct fault_line {
	struct faults faults;
	bool is_reset;	     /* each connection is reset before a byte */
	int64_t connections; /* how many it is for; the last line is for all that follow */
};

struct fault_plan {
	struct fault_line *lines;
	size_t count;
	size_t at;	 /* the line of the next connection */
	int64_t used_up; /* how many connections have had that line */
};

#define FAULT_WHY_MAX 320

/* Parse the words of a line, which is neither blank nor a comment: `ok`, or `delay=0.2
 * limit-rate=1K`.  can_reset: the connections are TCP's.  False: it is malformed, and why says why
 * and what is accepted. */
bool fault_line_parse(
    struct fault_line *line, const char *text, bool can_reset, char why[FAULT_WHY_MAX]);

/* Add a line: 0, or -1 if out of memory.  Pointers to earlier lines become invalid. */
int fault_plan_add(struct fault_plan *plan, const struct fault_line *line);
/* Read FILE (`-`: standard input): 0, or -1 and the failure. */
int fault_plan_read(
    struct fault_plan *plan, const char *file, bool can_reset, struct failure *failure);
/* The line for the next connection.  The plan must have at least one. */
const struct fault_line *fault_plan_next(struct fault_plan *plan);
void fault_plan_free(struct fault_plan *plan);

#endif

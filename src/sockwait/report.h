/* report.h - what sockwait prints. */
#ifndef SOCKWAIT_REPORT_H
#define SOCKWAIT_REPORT_H

#include "run/failure.h"
#include "sockwait/targets.h"

/* Report that a place is there, or gone, after ns: a line on standard output at once for each
 * TARGET that means it.  Returns 0, or -1 and the failure of standard output. */
int report_done(const struct target *target, bool gone, int64_t ns, struct failure *failure);
/* Report that a place is given up, after ns, with that status: a message for each TARGET that means
 * it. */
void report_given_up(
    const struct target *target, enum status status, int errnum, const char *message, int64_t ns);
/* The message for a TARGET of which no try has ended. */
const char *report_no_answer(const struct target *target);
/* Print a note: what is waited for, and why. */
void report_waiting(const struct target *targets, size_t count, bool gone);

#endif

/* report.h - what sockwait prints. */
#ifndef SOCKWAIT_REPORT_H
#define SOCKWAIT_REPORT_H

#include "run/failure.h"
#include "sockwait/targets.h"

/* A place is there, or gone, after ns: a line for each TARGET that means it, on standard output at
 * once.  0, or -1 and the failure of standard output. */
int report_done(const struct target *target, bool gone, int64_t ns, struct failure *failure);
/* It is given up, after ns, with that status: a message for each TARGET that means it. */
void report_given_up(
    const struct target *target, enum status status, int errnum, const char *message, int64_t ns);
/* In words, where no try of it has ended. */
const char *report_no_answer(const struct target *target);
/* A note that says what is waited for, and why. */
void report_waiting(const struct target *targets, size_t count, bool gone);

#endif

/* failure.h - why a transfer failed, kept until there is more to say about it. */
#ifndef RUN_FAILURE_H
#define RUN_FAILURE_H

#include "libsockutil/sockutil.h"
#include "run/status.h"

struct failure {
	int status; /* an enum status; STATUS_OK: none */
	int errnum; /* 0: none */
	char message[400];
	char during[600];
};

/* The first failure counts, later ones are its consequence.  message NULL: strerror(errnum).
 * Returns its status. */
__attribute__((format(printf, 5, 6))) int failure_set(struct failure *failure, enum status status,
    int errnum, const char *message, const char *during_format, ...);
/* What a system call on the connection said; the status follows from errnum, and a limit of 0 (-t)
 * or of the whole run is named. */
__attribute__((format(printf, 4, 5))) int failure_errno(struct failure *failure, int errnum,
    const struct sku_deadline *run_deadline, const char *during_format, ...);
/* More about it: "; …" behind the message. */
__attribute__((format(printf, 2, 3))) void failure_add(
    struct failure *failure, const char *format, ...);

/* It ends the program: the error and its record.  Returns the status. */
int failure_report(const struct failure *failure);
/* It does not: the line, and with --json the event failed. */
void failure_note(const struct failure *failure, const struct sku_address *peer);

#endif

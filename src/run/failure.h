/* failure.h - why a transfer failed, kept until there is more to say about it. */
#ifndef RUN_FAILURE_H
#define RUN_FAILURE_H

#include "libsockutil/sockutil.h"
#include "run/status.h"

struct transfer_failure {
	int status; /* an enum cli_status; CLI_OK: none */
	int errnum; /* 0: none */
	char message[400];
	char during[600];
};

/* The first failure counts, later ones are its consequence.  message NULL: strerror(errnum).
 * Returns its status. */
__attribute__((format(printf, 5, 6))) int transfer_fail(struct transfer_failure *failure,
    enum cli_status status, int errnum, const char *message, const char *during_format, ...);
/* What a system call on the connection said; the status follows from errnum, and a limit of 0 (-t)
 * or of the whole run is named. */
__attribute__((format(printf, 4, 5))) int transfer_fail_peer(struct transfer_failure *failure,
    int errnum, const struct sku_deadline *run, const char *during_format, ...);
/* More about it: "; …" behind the message. */
__attribute__((format(printf, 2, 3))) void transfer_failure_add(
    struct transfer_failure *failure, const char *format, ...);

/* It ends the program: the error and its record.  Returns the status. */
int transfer_failure_error(const struct transfer_failure *failure);
/* It does not: the line, and with --json the event failed. */
void transfer_failure_note(const struct transfer_failure *failure, const struct sku_address *peer);

#endif

/* status.h - the exit statuses of every program, and their words. */
#ifndef RUN_STATUS_H
#define RUN_STATUS_H

#include "libsockutil/sockutil.h"

/* The exit statuses of every program; sockutils(7) says what they promise. */
enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_TRY_AGAIN = 4,
	CLI_MISMATCH = 5,
	CLI_NO_PEER = 6,
	CLI_TIMED_OUT = 124,
};

/* The status of a failure that concerns a peer or a name. */
enum cli_status cli_status_of(const struct sku_error *err);
enum cli_status cli_status_of_errno(int errnum);
/* The word for it in records: the code of an error. */
const char *cli_status_code(enum cli_status status);

#endif

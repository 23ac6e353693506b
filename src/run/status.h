/* status.h - the exit statuses of every program, and their words. */
#ifndef RUN_STATUS_H
#define RUN_STATUS_H

#include "libsockutil/sockutil.h"

/* The exit statuses of every program; sockutils(7) says what they promise. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_FOUND = 3,
	STATUS_TRY_AGAIN = 4,
	STATUS_MISMATCH = 5,
	STATUS_NO_PEER = 6,
	STATUS_TIMED_OUT = 124,
};

/* The status of a failure that concerns a peer or a name. */
enum status status_of(const struct sku_error *err);
enum status status_of_errno(int errnum);
/* The word for it in records: the code of an error. */
const char *status_code(enum status status);

#endif

/* status.h - the exit statuses of every program, and their names in records. */
#ifndef RUN_STATUS_H
#define RUN_STATUS_H

#include "libsockutil/sockutil.h"

/* sockutils(7) says what each one promises. */
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

/* The status for a failure of a connection or a look-up. */
enum status status_of(const struct sku_error *err);
enum status status_of_errno(int errnum);
/* The name of a status in records: the code of an error.  Not to be freed. */
const char *status_code(enum status status);

#endif

/* timeouts.h - time limits: of one operation, of waiting for a peer to connect, of the whole
 * run. */
#ifndef RUN_TIMEOUTS_H
#define RUN_TIMEOUTS_H

#include "libsockutil/sockutil.h"

#include <stdbool.h>

struct timeouts {
	int64_t operation_ns;	 /* --timeout: nanoseconds, 0 (do not block) or SKU_NO_TIMEOUT */
	int64_t accept_ns;	 /* --accept-timeout, in the same way */
	struct sku_deadline run; /* --max-time */
	bool run_by_timeout;	 /* --timeout set run, as it does in sockwait */
	int64_t reader_ns; /* how long a reader of standard output or error may leave it full */
};

#define TIMEOUTS_INIT                                                                              \
	{                                                                                          \
		SKU_NO_TIMEOUT, SKU_NO_TIMEOUT, { INT64_MAX }, false, SKU_NO_TIMEOUT               \
	}

#endif

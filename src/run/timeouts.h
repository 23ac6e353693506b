/* timeouts.h - how long: --timeout and --max-time, of every program that talks to a peer. */
#ifndef RUN_TIMEOUTS_H
#define RUN_TIMEOUTS_H

#include "libsockutil/sockutil.h"

struct timeouts {
	int64_t operation_ns; /* of one operation: SKU_NO_TIMEOUT, 0 (non-blocking), a value */
	bool operation_given;
	struct sku_deadline run; /* of the whole run */
};

#define TIMEOUTS_INIT                                                                              \
	{                                                                                          \
		SKU_NO_TIMEOUT, false,                                                             \
		{                                                                                  \
			INT64_MAX                                                                  \
		}                                                                                  \
	}

/* The deadline of an operation that begins now. */
struct sku_deadline timeouts_deadline(const struct timeouts *timeouts);
/* "timed out", or which limit of the whole run it was. */
const char *timeouts_reason(const struct timeouts *timeouts);

#endif

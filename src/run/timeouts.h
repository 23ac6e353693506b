/* timeouts.h - how long: --timeout and --max-time, of every program that talks to a peer. */
#ifndef RUN_TIMEOUTS_H
#define RUN_TIMEOUTS_H

#include "libsockutil/sockutil.h"

struct cli_limits {
	int64_t timeout_ns; /* of one operation: SKU_NO_TIMEOUT, 0 (non-blocking), a value */
	bool timeout_given;
	struct sku_deadline run; /* of the whole run */
};

#define CLI_LIMITS_INIT                                                                            \
	{                                                                                          \
		SKU_NO_TIMEOUT, false,                                                             \
		{                                                                                  \
			INT64_MAX                                                                  \
		}                                                                                  \
	}

/* The deadline of an operation that begins now. */
struct sku_deadline cli_operation_deadline(const struct cli_limits *limits);
/* "timed out", or which limit of the whole run it was. */
const char *cli_timeout_reason(const struct cli_limits *limits);

#endif

/* timeouts.c - how long: --timeout and --max-time, of every program that talks to a peer.
 * Row run. */
#include "run/timeouts.h"

struct sku_deadline
cli_operation_deadline(const struct cli_limits *limits)
{
	return sku_deadline_earlier(sku_deadline_in(limits->timeout_ns), limits->run);
}

const char *
cli_timeout_reason(const struct cli_limits *limits)
{
	return sku_deadline_passed(limits->run) ? "timed out (--max-time)" : "timed out";
}

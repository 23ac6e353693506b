/* timeouts.c - how long: --timeout and --max-time, of every program that talks to a peer.
 * Row run. */
#include "run/timeouts.h"

struct sku_deadline
timeouts_deadline(const struct timeouts *timeouts)
{
	return sku_deadline_earlier(sku_deadline_in(timeouts->operation_ns), timeouts->run);
}

const char *
timeouts_reason(const struct timeouts *timeouts)
{
	return sku_deadline_passed(timeouts->run) ? "timed out (--max-time)" : "timed out";
}

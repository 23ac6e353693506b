/* timeouts.c - how long: --timeout and --max-time, of every program that talks to a peer.
 * Row run. */
#include "run/timeouts.h"

#include "options/values.h"

bool
cli_limits_option(struct cli_limits *limits, int id, const char *value)
{
	switch (id) {
	case 't':
		limits->timeout_ns = cli_seconds("timeout", value, true);
		limits->timeout_given = true;
		return true;
	case 'w':
		limits->run = sku_deadline_in(cli_seconds("max-time", value, true));
		return true;
	default:
		return false;
	}
}

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

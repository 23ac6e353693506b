/* run_options.c - the options of what run/ has: --timeout, --max-time and --progress.
 * Row options. */
#include "options/run_options.h"

#include "options/values.h"

bool
timeouts_take_option(struct cli_limits *limits, int id, const char *value)
{
	switch (id) {
	case 't':
		limits->timeout_ns = value_seconds("timeout", value, true);
		limits->timeout_given = true;
		return true;
	case 'w':
		limits->run = sku_deadline_in(value_seconds("max-time", value, true));
		return true;
	default:
		return false;
	}
}

bool
progress_take_option(enum cli_progress_wish *wish, int id)
{
	if (id != OPT_PROGRESS && id != OPT_NO_PROGRESS)
		return false;
	*wish = id == OPT_PROGRESS ? CLI_PROGRESS_ON : CLI_PROGRESS_OFF;
	return true;
}

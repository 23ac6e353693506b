/* run_options.c - the options for what src/run/ does: --timeout, --max-time and --progress.
 * Row options. */
#include "options/old_run_options.h"

#include "options/values.h"
#include "run/run.h"

bool
timeouts_take_option(int id, const char *value)
{
	switch (id) {
	case 't':
		run.timeouts.operation_ns = value_seconds("timeout", value, true);
		run.timeouts.operation_given = true;
		return true;
	case 'w':
		run.timeouts.run = sku_deadline_in(value_seconds("max-time", value, true));
		return true;
	default:
		return false;
	}
}

bool
progress_take_option(enum progress_mode *wish, int id)
{
	if (id != OPT_PROGRESS && id != OPT_NO_PROGRESS)
		return false;
	*wish = id == OPT_PROGRESS ? PROGRESS_ON : PROGRESS_OFF;
	return true;
}

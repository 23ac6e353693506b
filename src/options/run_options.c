/* run_options.c - rows for what src/run/ does: --timeout, --max-time and --progress.
 * Row options. */
#include "options/run_options.h"

const struct option_row timeout_options[] = {
	SECONDS('t', "timeout", struct timeouts, operation_ns, SKU_NO_TIMEOUT,
	    "limit of each operation; 0: do not block", .none = 1),
	OPTION_END_ROW,
};

const struct option_row max_time_options[] = {
	DEADLINE('w', "max-time", struct timeouts, run, "limit of the whole run"),
	OPTION_END_ROW,
};

/* The rows set an enum progress_mode that is in no struct. */
struct lone_progress_mode {
	enum progress_mode mode;
};

const struct option_row progress_options[] = {
	VALUE(0, "progress", struct lone_progress_mode, mode, PROGRESS_ON,
	    "draw a progress bar (default on a terminal)"),
	VALUE(0, "no-progress", struct lone_progress_mode, mode, PROGRESS_OFF,
	    "never draw a progress bar"),
	OPTION_END_ROW,
};

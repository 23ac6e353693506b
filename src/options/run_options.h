/* run_options.h - rows for what src/run/ does: --timeout, --max-time and --progress. */
#ifndef OPTIONS_RUN_OPTIONS_H
#define OPTIONS_RUN_OPTIONS_H

#include "options/options.h"
#include "run/progress.h"

/* --timeout of each operation, as in settimeout(), and --max-time.  Both are for &run.timeouts. */
extern const struct option_row timeout_options[];
extern const struct option_row max_time_options[];

/* --progress and --no-progress, for an enum progress_mode. */
extern const struct option_row progress_options[];

#endif

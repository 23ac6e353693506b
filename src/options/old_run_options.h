/* run_options.h - the options for what src/run/ does: --timeout, --max-time and --progress. */
#ifndef OPTIONS_OLD_RUN_OPTIONS_H
#define OPTIONS_OLD_RUN_OPTIONS_H

#include "options/old_options.h"
#include "run/progress.h"
#include "run/timeouts.h"

#define TIMEOUT_OPTION_ROW(modes, where)                                                           \
	{                                                                                          \
		't', "timeout", "SECONDS", "limit of each operation; 0: do not block; none",       \
		    modes, where                                                                   \
	}
#define MAX_TIME_OPTION_ROW                                                                        \
	{                                                                                          \
		'w', "max-time", "SECONDS", "limit of the whole run; none", 0, NULL                \
	}

/* Store one of the options above in run.timeouts.  Returns false for any other option. */
bool timeouts_take_option(int id, const char *value);

enum { OPT_PROGRESS = 380, OPT_NO_PROGRESS };

#define PROGRESS_OPTION_ROWS                                                                       \
	{ OPT_PROGRESS, "progress", NULL, "draw a bar (default on a terminal)", 0, NULL },         \
	{                                                                                          \
		OPT_NO_PROGRESS, "no-progress", NULL, "draw none", 0, NULL                         \
	}

/* Store one of the options above in *wish.  Returns false for any other option. */
bool progress_take_option(enum progress_mode *wish, int id);

#endif

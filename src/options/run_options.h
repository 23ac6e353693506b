/* run_options.h - the options of what run/ has: --timeout, --max-time and --progress. */
#ifndef OPTIONS_RUN_OPTIONS_H
#define OPTIONS_RUN_OPTIONS_H

#include "options/options.h"
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

/* Takes the options above into run.timeouts: false for any other. */
bool timeouts_take_option(int id, const char *value);

enum { OPT_PROGRESS = 380, OPT_NO_PROGRESS };

#define PROGRESS_OPTION_ROWS                                                                       \
	{ OPT_PROGRESS, "progress", NULL, "draw a bar (default on a terminal)", 0, NULL },         \
	{                                                                                          \
		OPT_NO_PROGRESS, "no-progress", NULL, "draw none", 0, NULL                         \
	}

/* Takes the options above: false for any other. */
bool progress_take_option(enum progress_mode *wish, int id);

#endif

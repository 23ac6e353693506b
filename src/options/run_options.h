/* run_options.h - the options of what run/ has: --timeout, --max-time and --progress. */
#ifndef OPTIONS_RUN_OPTIONS_H
#define OPTIONS_RUN_OPTIONS_H

#include "options/options.h"
#include "run/progress.h"
#include "run/timeouts.h"

#define CLI_TIMEOUT_OPTION(modes, where)                                                           \
	{                                                                                          \
		't', "timeout", "SECONDS", "limit of each operation; 0: do not block; none",       \
		    modes, where                                                                   \
	}
#define CLI_MAX_TIME_OPTION                                                                        \
	{                                                                                          \
		'w', "max-time", "SECONDS", "limit of the whole run; none", 0, NULL                \
	}

/* Takes the options above: false for any other. */
bool cli_limits_option(struct cli_limits *limits, int id, const char *value);

enum { CLI_OPT_PROGRESS = 380, CLI_OPT_NO_PROGRESS };

#define CLI_PROGRESS_OPTIONS                                                                       \
	{ CLI_OPT_PROGRESS, "progress", NULL, "draw a bar (default on a terminal)", 0, NULL },     \
	{                                                                                          \
		CLI_OPT_NO_PROGRESS, "no-progress", NULL, "draw none", 0, NULL                     \
	}

/* Takes the options above: false for any other. */
bool cli_progress_option(enum cli_progress_wish *wish, int id);

#endif

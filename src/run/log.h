/* log.h - messages to a file in the place of standard error: --log. */
#ifndef RUN_LOG_H
#define RUN_LOG_H

#include "run/failure.h"

#include <stdbool.h>

/* From now on append messages, notes, --verbose lines and the state for SIGUSR1 to the file path.
 * path must exist until the program ends.  SIGHUP opens the file again.  Returns 0, or -1 and the
 * failure; all goes to standard error then, as before. */
int log_open(const char *path, struct failure *failure);
bool log_is_open(void);
/* Open the file again, through the directory that log_open() found.  A thread of its own does it,
 * because the file system may hang.  If that fails, the old file stays and gets a note. */
void log_reopen(void);

#endif

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
/* Append a whole line.  If that fails, the line goes to standard error, behind one that says why if
 * the line before it could be appended.  For the thread that prints. */
void log_write(const char *line, size_t len);
/* Open the file again, through the directory that log_open() found.  A thread of its own does it,
 * because the file system may hang.  If that fails, the old file stays and gets a note. */
void log_reopen(void);

#endif

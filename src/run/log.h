/* log.h - messages to a file in the place of standard error: --log. */
#ifndef RUN_LOG_H
#define RUN_LOG_H

#include "run/failure.h"

#include <stdbool.h>

/* From here on messages, notes, what --verbose tells and the state that SIGUSR1 asks for are
 * appended to path, which must exist until the program ends; SIGHUP opens it anew.  0, or -1 and
 * the failure, and they go to standard error as before. */
int log_open(const char *path, struct failure *failure);
bool log_is_open(void);
/* Open the file anew, through the directory that log_open() found, in a thread of its own: the file
 * system may hang.  Where that fails the old one stays, with a note in it. */
void log_reopen(void);

#endif

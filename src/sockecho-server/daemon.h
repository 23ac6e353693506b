/* daemon.h - going to the background once ready, and the file that says which process it is. */
#ifndef SERVER_DAEMON_H
#define SERVER_DAEMON_H

#include "net/user.h"
#include "run/failure.h"

/* Fork.  The parent waits until the child is ready or has failed, and exits with its status.  The
 * child returns 0.  Returns -1 and the failure in the parent if there is no child, or if a signal
 * ended it.  The child keeps the standard streams and the two descriptors (-1: none), and closes
 * all others that it was given. */
int daemon_start(int listen_fd, int ready_fd, struct failure *failure);
/* In the child: tell the parent to exit.  The standard streams then go to the null device, unless
 * standard error is a regular file. */
void daemon_ready(void);

/* Lock the file and write our process id: 0, or -1 and the failure. */
int pid_file_open(const char *path, const struct user *user, struct failure *failure);
/* Remove the file, if there is one. */
void pid_file_remove(void);

#endif

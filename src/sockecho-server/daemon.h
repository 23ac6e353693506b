/* daemon.h - going to the background once ready, and the file that says which process it is. */
#ifndef SERVER_DAEMON_H
#define SERVER_DAEMON_H

/* Fork.  The parent waits until the child is ready or has failed, and ends with its status; only
 * the child returns, 0, or the status of what failed.  It keeps the standard streams and the two
 * descriptors (-1: none), and closes all others that it was given. */
int daemon_start(int listen_fd, int ready_fd);
/* In the child: let the parent go; standard streams go to the null device, but for standard error
 * where it is a regular file. */
void daemon_ready(void);

/* Lock the file and write our process id; it is removed at the end of the run.  0, or the error is
 * reported and its status returned. */
int pid_file_open(const char *path);

#endif

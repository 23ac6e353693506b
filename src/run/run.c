/* run.c - one process: how this run of the program speaks, and its beginning.
 * Row run. */
#include "run/run.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

struct run run;

void
run_begin(const char *program)
{
	run.program = program;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* Opened the wrong way round, so that using it still fails. */
		if (fcntl(fd, F_GETFD) == -1)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
	(void)signal(SIGPIPE, SIG_IGN);
}

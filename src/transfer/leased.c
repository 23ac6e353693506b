/* leased.c - to open a file that another program may hold under a lease.
 * Row transfer.
 *
 * A blocking open(2) would wait for the lease, but heed neither --timeout nor a signal. */
#include "transfer/leased.h"

#include "run/run.h"
#include "run/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#define LEASE_BREAK_TIME (45 * SKU_SECOND) /* /proc/sys/fs/lease-break-time */
#define PAUSE (50 * SKU_MS)		   /* from one try to the next */

static bool
is_leased(int dir_fd, const char *path, int errnum)
{
	struct stat st;

	return errnum == EWOULDBLOCK && fstatat(dir_fd, path, &st, 0) == 0 && S_ISREG(st.st_mode);
}

int
open_leased(int dir_fd, const char *path, int flags)
{
	struct sku_deadline deadline = run.timeouts.operation_ns == SKU_NO_TIMEOUT ?
					   sku_deadline_in(LEASE_BREAK_TIME) :
					   run_operation_deadline();
	int fd;

	while ((fd = openat(dir_fd, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) == -1) {
		if (!is_leased(dir_fd, path, errno))
			return -1;
		if (run.timeouts.operation_ns == 0) {
			errno = EWOULDBLOCK;
			return -1;
		}
		if (sku_deadline_passed(deadline)) {
			errno = ETIMEDOUT;
			return -1;
		}
		/* It fails at the end of the pause, or because the run is to end. */
		if (run_wait(NULL, 0, sku_deadline_in(PAUSE)) == -1 && run_check() == -1)
			return -1;
	}
	return fd;
}

int
open_leased_failed(struct failure *failure, int errnum, const char *action_format, ...)
{
	char action[sizeof(failure->action)];
	va_list args;

	va_start(args, action_format);
	(void)vsnprintf(action, sizeof(action), action_format, args);
	va_end(args);
	if (errnum == ECANCELED || (errnum == ETIMEDOUT && run_check() == -1))
		return run_wait_failed(failure, errnum, LIMIT_OTHER, "%s", action);
	if (errnum == ETIMEDOUT || errnum == EWOULDBLOCK)
		return failure_set(failure, errnum == ETIMEDOUT ? STATUS_TIMED_OUT : STATUS_FAILED,
		    errnum, "another program holds it (a lease), and has not given it back", "%s",
		    action);
	return failure_errno(failure, errnum, "%s", action);
}

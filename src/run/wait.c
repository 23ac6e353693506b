/* wait.c - waiting, outside a loop: until something is ready, a limit passes, or a signal comes.
 * Row run. */
#include "run/wait.h"

#include "run/failure.h"
#include "run/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define LAST_WAIT (100 * SKU_MS)
#define LAST_WORDS SKU_SECOND

int
run_check(void)
{
	run_take_signals();
	if (run_signals() > 0)
		errno = ECANCELED;
	else if (sku_deadline_passed(run.timeouts.run))
		errno = ETIMEDOUT;
	else
		return 0;
	return -1;
}

int
run_wait(struct pollfd *fds, nfds_t n, struct sku_deadline until)
{
	enum { FEW = 8 };
	struct pollfd pfds[FEW + 2];
	nfds_t all = n;

	if (n > FEW) {
		errno = EINVAL;
		return -1;
	}
	for (nfds_t i = 0; i < n; i++)
		pfds[i] = fds[i];
	pfds[all++] = (struct pollfd){ .fd = run.cancel_fd, .events = POLLIN };
	if (run_reads_signals())
		pfds[all++] = (struct pollfd){ .fd = run.signal_fd, .events = POLLIN };
	for (;;) {
		struct sku_deadline wake = sku_deadline_earlier(until, run.timeouts.run);
		int ready = poll(pfds, all, sku_deadline_poll_ms(wake));

		if (ready == -1 && errno != EINTR)
			return -1;
		if (run_check() == -1)
			return -1;
		if (ready > 0 && pfds[all - 1].revents != 0)
			ready--; /* it was SIGUSR1 */
		if (ready > 0) {
			for (nfds_t i = 0; i < n; i++)
				fds[i].revents = pfds[i].revents;
			return ready;
		}
		if (sku_deadline_passed(until)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

bool
run_is_ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, 0) == 1;
}

int
run_wait_fd(int fd, short events, struct sku_deadline until)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return run_wait(&pfd, 1, until) == -1 ? -1 : 0;
}

struct sku_deadline
run_last_wait_end(void)
{
	struct sku_deadline at = run_canceled_at();

	return at.at_ns == INT64_MAX ? at : (struct sku_deadline){ at.at_ns + LAST_WAIT };
}

static int
wait_last(int fd, short events, struct sku_deadline until)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	while (run_signals() < 2 && !sku_deadline_passed(until)) {
		if (poll(&pfd, 1, sku_deadline_poll_ms(until)) == 1)
			return 0;
	}
	errno = ECANCELED;
	return -1;
}

int
run_wait_last(int fd, short events)
{
	return wait_last(fd, events, run_last_wait_end());
}

int
run_wait_reader(int fd, int64_t taken_ns)
{
	int64_t end_ns = run_canceled_at().at_ns, from_ns = taken_ns > end_ns ? taken_ns : end_ns;

	return wait_last(fd, POLLOUT,
	    sku_deadline_earlier((struct sku_deadline){ from_ns + LAST_WAIT },
		(struct sku_deadline){ end_ns + LAST_WORDS }));
}

struct sku_deadline
run_operation_deadline(void)
{
	return sku_deadline_earlier(sku_deadline_in(run.timeouts.operation_ns), run.timeouts.run);
}

bool
run_would_block(const struct failure *failure)
{
	return run.timeouts.operation_ns == 0 && failure->errnum == EAGAIN;
}

int
run_wait_failed(
    struct failure *failure, int errnum, enum limit limit, const char *action_format, ...)
{
	const char *message = NULL;
	char action[sizeof(failure->action)];
	va_list args;
	bool dont_block = (limit == LIMIT_OPERATION && run.timeouts.operation_ns == 0) ||
			  (limit == LIMIT_ACCEPT && run.timeouts.accept_ns == 0);

	va_start(args, action_format);
	(void)vsnprintf(action, sizeof(action), action_format, args);
	va_end(args);
	if (errnum == ECANCELED)
		message = "interrupted";
	else if (errnum == ETIMEDOUT && sku_deadline_passed(run.timeouts.run))
		message = run_time_out();
	else if (errnum == ETIMEDOUT && dont_block)
		errnum = EAGAIN;
	else if (errnum == ETIMEDOUT && limit == LIMIT_ACCEPT)
		message = "timed out (--accept-timeout)";
	return failure_set(failure, status_of_errno(errnum), errnum, message, "%s", action);
}

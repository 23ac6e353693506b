/* wait.c - waiting for a peer, while signals are listened to and the bar is drawn.
 * Row run. */
#include "run/wait.h"

#include <errno.h>
#include <poll.h>

void
wait_show_progress(const struct wait_context *waits)
{
	if (waits->progress != NULL && waits->progress->active)
		progress_update(waits->progress, (int64_t)counter_value(waits->done), sku_now());
}

int
transfer_over(const struct wait_context *waits)
{
	struct pollfd pfd = { .fd = waits->signal_fd, .events = POLLIN };

	if (poll(&pfd, 1, 0) == 1)
		return ECANCELED;
	return sku_deadline_passed(waits->timeouts->run) ? ETIMEDOUT : 0;
}

static int
next_wake_ms(const struct wait_context *waits, struct sku_deadline deadline)
{
	if (waits->progress != NULL)
		deadline = sku_deadline_earlier(
		    deadline, (struct sku_deadline){ waits->progress->next_ns });
	return sku_deadline_poll_ms(deadline);
}

int
wait_for_peer(const struct wait_context *waits, int fd, short events, struct sku_deadline deadline)
{
	struct pollfd pfds[] = { { .fd = fd, .events = events },
		{ .fd = waits->signal_fd, .events = POLLIN } };

	deadline = sku_deadline_earlier(deadline, waits->timeouts->run);
	for (;;) {
		int n = poll(pfds, 2, next_wake_ms(waits, deadline));

		wait_show_progress(waits);
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0 && pfds[1].revents != 0) {
			errno = ECANCELED;
			return -1;
		}
		if (n > 0)
			return 0;
		if (sku_deadline_passed(deadline)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

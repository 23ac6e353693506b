/* wait_context.c - waiting for a peer while the bar is drawn.
 * Row run. */
#include "run/wait_context.h"

#include "run/wait.h"

#include <errno.h>

void
wait_show_progress(const struct wait_context *waits)
{
	if (waits->progress != NULL && waits->progress->active)
		progress_update(waits->progress, (int64_t)counter_value(waits->done), sku_now());
}

int
wait_for_peer(const struct wait_context *waits, int fd, short events, struct sku_deadline deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	for (;;) {
		struct sku_deadline wake = deadline;

		if (waits->progress != NULL)
			wake = sku_deadline_earlier(
			    wake, (struct sku_deadline){ waits->progress->next_ns });
		if (run_wait(&pfd, 1, wake) != -1)
			return 0;
		wait_show_progress(waits);
		if (errno != ETIMEDOUT || run_check() == -1 || sku_deadline_passed(deadline))
			return -1;
	}
}

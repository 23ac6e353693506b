/* wait.h - waiting for a peer, while signals are listened to and the bar is drawn. */
#ifndef RUN_WAIT_H
#define RUN_WAIT_H

#include "run/progress.h"
#include "run/signals.h"
#include "run/state.h"
#include "run/timeouts.h"

struct wait_context {
	const struct timeouts *timeouts;
	int signal_fd;		   /* readable: the program is to end */
	struct progress *progress; /* NULL: somebody else draws */
	const state_counter *done; /* what it shows */
};

/* Wait for POLLIN or POLLOUT on fd until the deadline, or the end of the run: 0, or -1 with errno
 * ETIMEDOUT, or ECANCELED for a signal.  fd -1 waits for the deadline alone. */
int wait_for_peer(
    const struct wait_context *waits, int fd, short events, struct sku_deadline deadline);
/* Is the program, or its time, to end?  For work that does not wait: 0, ECANCELED or ETIMEDOUT. */
int transfer_over(const struct wait_context *waits);
/* Draw, if it is time. */
void wait_show_progress(const struct wait_context *waits);

#endif

/* wait_context.h - waiting for a peer while the bar is drawn. */
#ifndef RUN_WAIT_CONTEXT_H
#define RUN_WAIT_CONTEXT_H

#include "libsockutil/sockutil.h"
#include "run/progress.h"
#include "run/state.h"

struct wait_context {
	struct progress *progress; /* NULL: somebody else draws */
	const state_counter *done; /* what it shows */
};

/* run_wait_fd(), with the bar drawn meanwhile.  fd -1 waits for the deadline alone. */
int wait_for_peer(
    const struct wait_context *waits, int fd, short events, struct sku_deadline deadline);
/* Draw, if it is time. */
void wait_show_progress(const struct wait_context *waits);

#endif

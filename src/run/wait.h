/* wait.h - waiting, outside a loop: until something is ready, a limit passes, or a signal comes.
 *
 * Any thread may wait here: each sees the signal and --max-time. */
#ifndef RUN_WAIT_H
#define RUN_WAIT_H

#include "libsockutil/sockutil.h"
#include "run/failure.h"

#include <poll.h>

/* Wait until one of fds is ready.  Returns their number, or -1 with errno: ETIMEDOUT (until, or
 * --max-time), ECANCELED (a signal), or one of poll(2)'s.  With n 0 it waits for the time alone. */
int run_wait(struct pollfd *fds, nfds_t n, struct sku_deadline until);
/* The same for one descriptor: 0 or -1. */
int run_wait_fd(int fd, short events, struct sku_deadline until);
/* The same once the run is to end, for last output: a tenth of a second more, in all. */
int run_wait_last(int fd, short events);
/* The same for a reader of fd who last took something at taken_ns: a tenth of a second from then
 * on, but no longer than a second in all. */
int run_wait_reader(int fd, int64_t taken_ns);
/* When that tenth of a second is over; never, if nothing ends the run yet. */
struct sku_deadline run_last_wait_end(void);
/* Is fd ready now?  Never waits. */
bool run_is_ready(int fd, short events);
/* For work that never waits: 0, or -1 with ECANCELED or ETIMEDOUT when the run is to end. */
int run_check(void);

/* Which limit passed? */
enum limit {
	LIMIT_OPERATION, /* --timeout; 0 does not block */
	LIMIT_ACCEPT,	 /* --accept-timeout; 0 does not block */
	LIMIT_OTHER,	 /* one that no option sets to 0 */
};
/* Fill the failure after a wait or a call that ended with errnum.  The words follow from what ended
 * it: a signal, --max-time, the limit (0 means "do not block") or the peer.  Returns -1. */
__attribute__((format(printf, 4, 5))) int run_wait_failed(
    struct failure *failure, int errnum, enum limit limit, const char *action_format, ...);
/* Did it fail because --timeout 0 does not block? */
bool run_would_block(const struct failure *failure);
/* The deadline of an operation that begins now: --timeout, or --max-time if that is sooner. */
struct sku_deadline run_operation_deadline(void);

#endif

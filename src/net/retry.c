/* retry.c - connecting again after a connection was lost: --retry.
 * Row net. */
#include "net/retry.h"

#include "run/message.h"
#include "run/wait.h"

#include <errno.h>

#define LONGEST_PAUSE (5 * SKU_SECOND)

static int
pause_before(struct retry *retry, const struct peer_options *options, struct term_signals *signals)
{
	const struct wait_context waits = {
		.timeouts = &options->timeouts, .signal_fd = signals->fd, .progress = NULL
	};

	if (wait_for_peer(&waits, -1, 0, sku_deadline_in(retry->pause_ns)) == -1 &&
	    (errno == ECANCELED || sku_deadline_passed(options->timeouts.run)))
		return msg_error(status_of_errno(errno), errno,
		    errno == ECANCELED ? "interrupted" : "timed out (--max-time)",
		    "wait to connect again");
	retry->pause_ns = retry->pause_ns * 2 < LONGEST_PAUSE ? retry->pause_ns * 2 : LONGEST_PAUSE;
	return STATUS_OK;
}

int
retry_reconnect(struct retry *retry, const struct peer_options *options,
    struct term_signals *signals, struct sku_sock *sock)
{
	struct sku_error err;
	int status;

	for (;;) {
		retry->left--;
		status = pause_before(retry, options, signals);
		if (status != STATUS_OK)
			return status;
		msg_note("connecting again, %lld more %s after this", (long long)retry->left,
		    retry->left == 1 ? "try" : "tries");
		/* There is nothing to clean up while a name is looked up: signals just end it. */
		signals_by_default(signals, true);
		if (options->connect.wait || retry->left == 0) {
			status = connect_now(
			    &options->connect, &options->endpoint, &options->timeouts, sock);
			signals_by_default(signals, false);
			return status;
		}
		status = connect_try(
		    &options->connect, &options->endpoint, &options->timeouts, sock, &err);
		signals_by_default(signals, false);
		if (status == 0)
			return STATUS_OK;
		if (!failure_is_temporary(&err))
			return msg_error_library(&err);
		msg_note("%s: %s", err.context, sku_error_reason(&err));
	}
}

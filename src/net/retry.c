/* retry.c - connecting again after a connection was lost: --retry.
 * Row net. */
#include "net/retry.h"

#include "run/message.h"
#include "run/wait.h"

#include <errno.h>

#define LONGEST_PAUSE (5 * SKU_SECOND)

static int
pause_before(
    struct retry *retry, const struct peer_options *options, struct cli_end_signals *signals)
{
	const struct transfer_waits waits = {
		.limits = &options->limits, .signal_fd = signals->fd, .progress = NULL
	};

	if (transfer_wait(&waits, -1, 0, sku_deadline_in(retry->pause_ns)) == -1 &&
	    (errno == ECANCELED || sku_deadline_passed(options->limits.run)))
		return cli_error(cli_status_of_errno(errno), errno,
		    errno == ECANCELED ? "interrupted" : "timed out (--max-time)",
		    "wait to connect again");
	retry->pause_ns = retry->pause_ns * 2 < LONGEST_PAUSE ? retry->pause_ns * 2 : LONGEST_PAUSE;
	return CLI_OK;
}

int
retry_reconnect(struct retry *retry, const struct peer_options *options,
    struct cli_end_signals *signals, struct sku_sock *sock)
{
	struct sku_error err;
	int status;

	for (;;) {
		retry->left--;
		status = pause_before(retry, options, signals);
		if (status != CLI_OK)
			return status;
		cli_note("connecting again, %lld more %s after this", (long long)retry->left,
		    retry->left == 1 ? "try" : "tries");
		/* There is nothing to clean up while a name is looked up: signals just end it. */
		cli_end_signals_by_default(signals, true);
		if (options->connect.wait || retry->left == 0) {
			status = connect_now(
			    &options->connect, &options->endpoint, &options->limits, sock);
			cli_end_signals_by_default(signals, false);
			return status;
		}
		status = connect_try(
		    &options->connect, &options->endpoint, &options->limits, sock, &err);
		cli_end_signals_by_default(signals, false);
		if (status == 0)
			return CLI_OK;
		if (!failure_is_temporary(&err))
			return cli_error_sku(&err);
		cli_note("%s: %s", err.context, sku_error_reason(&err));
	}
}

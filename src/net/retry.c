/* retry.c - connecting again after a connection was lost: --retry.
 * Row net. */
#include "net/retry.h"

#include "run/failure.h"
#include "run/message.h"
#include "run/run.h"
#include "run/wait.h"

#include <errno.h>

#define LONGEST_PAUSE (5 * SKU_SECOND)

static int
pause_before(struct retry *retry)
{
	struct failure failure = { .status = STATUS_OK };

	if (run_wait(NULL, 0, sku_deadline_in(retry->pause_ns)) == -1 && run_check() == -1) {
		(void)run_wait_failed(&failure, errno, LIMIT_OTHER, "wait to connect again");
		return failure_report(&failure);
	}
	retry->pause_ns = retry->pause_ns * 2 < LONGEST_PAUSE ? retry->pause_ns * 2 : LONGEST_PAUSE;
	return STATUS_OK;
}

int
retry_reconnect(struct retry *retry, const struct peer_options *options, struct sku_sock *sock)
{
	struct sku_error err;
	int status;

	for (;;) {
		retry->left--;
		status = pause_before(retry);
		if (status != STATUS_OK)
			return status;
		msg_note("connecting again, %lld more %s after this", (long long)retry->left,
		    retry->left == 1 ? "try" : "tries");
		/* There is nothing to clean up while a name is looked up: signals just end it. */
		run_let_signals_kill(true);
		if (options->connect.wait || retry->left == 0) {
			status = connect_now(&options->connect, &options->endpoint, sock);
			run_let_signals_kill(false);
			return status;
		}
		status = connect_try(&options->connect, &options->endpoint, sock, &err);
		run_let_signals_kill(false);
		if (status == 0)
			return STATUS_OK;
		if (!failure_is_temporary(&err))
			return msg_error_library(&err);
		msg_note("%s: %s", err.context, sku_error_reason(&err));
	}
}

/* reconnect.c - connecting again after a connection was lost: --retry.
 * Row net. */
#include "net/reconnect.h"

#include "run/message.h"
#include "run/run.h"
#include "run/wait.h"

#include <errno.h>

#define LONGEST_PAUSE (5 * SKU_SECOND)

/* ---- what both ways have in common --------------------------------------------------------- */

/* When the next try is due. */
static struct sku_deadline
take_pause(struct reconnect *reconnect)
{
	struct sku_deadline at = sku_deadline_in(reconnect->pause_ns);

	reconnect->pause_ns =
	    reconnect->pause_ns * 2 < LONGEST_PAUSE ? reconnect->pause_ns * 2 : LONGEST_PAUSE;
	return at;
}

static void
announce(struct reconnect *reconnect)
{
	reconnect->left--;
	msg_note("connecting again, %lld more %s after this", (long long)reconnect->left,
	    reconnect->left == 1 ? "try" : "tries");
}

/* The try failed: may another follow?  If so, note the failure.  With --wait there is none: the try
 * went on long enough. */
static bool
goes_on(const struct reconnect *reconnect, const struct connect_options *options,
    struct failure *failure)
{
	if (options->wait_ns != 0 || !failure_is_temporary(failure))
		return false;
	if (reconnect->left == 0) {
		failure_add(failure, "--retry with --wait, as --retry 3 --wait 1h, waits for it");
		return false;
	}
	msg_note("%s: %s", failure->action, failure->message);
	return true;
}

void
reconnect_refill(struct reconnect *reconnect, int64_t retries)
{
	reconnect->left = retries;
	reconnect->pause_ns = RECONNECT_PAUSE;
}

/* ---- at once ------------------------------------------------------------------------------- */

int
reconnect_now(struct reconnect *reconnect, const struct endpoint *endpoint,
    const struct connect_options *options, struct sku_sock *sock, struct sku_address *peer,
    struct failure *failure)
{
	for (;;) {
		if (run_wait(NULL, 0, take_pause(reconnect)) == -1 && run_check() == -1)
			return run_wait_failed(
			    failure, errno, LIMIT_OTHER, "wait to connect again");
		announce(reconnect);
		if (connect_now(endpoint, options, sock, peer, failure) == 0)
			return 0;
		if (run_signals() > 0 || !goes_on(reconnect, options, failure))
			return -1;
		failure_clear(failure);
	}
}

/* ---- in a loop ----------------------------------------------------------------------------- */

static int
begin_pause(struct loop *loop, struct reconnect *reconnect, struct failure *failure)
{
	if (loop_set_timer(loop, &reconnect->timer, take_pause(reconnect).at_ns) == -1)
		return failure_errno(failure, errno, "connect again");
	return 0;
}

static void
try_ended(struct connector *connector, struct sku_sock *sock, const struct failure *failure)
{
	struct reconnect *reconnect = LOOP_OWNER(connector, struct reconnect, connector);
	struct failure last;

	failure_clear(&last);
	if (sock == NULL)
		last = *failure;
	if (sock != NULL || !goes_on(reconnect, reconnect->options, &last)) {
		reconnect->done(reconnect, sock, &last);
		return;
	}
	failure_clear(&last);
	if (begin_pause(connector->loop, reconnect, &last) == -1)
		reconnect->done(reconnect, NULL, &last);
}

static void
pause_is_over(struct loop *loop, struct loop_timer *timer)
{
	struct reconnect *reconnect = LOOP_OWNER(timer, struct reconnect, timer);
	struct failure failure;

	failure_clear(&failure);
	announce(reconnect);
	if (connector_start(loop, &reconnect->connector, reconnect->endpoint, reconnect->options) ==
	    0)
		return;
	(void)failure_errno(&failure, errno, "connect again");
	reconnect->done(reconnect, NULL, &failure);
}

int
reconnect_start(struct loop *loop, struct reconnect *reconnect, const struct endpoint *endpoint,
    const struct connect_options *options, struct failure *failure)
{
	reconnect->options = options;
	reconnect->endpoint = endpoint;
	reconnect->timer.due = pause_is_over;
	reconnect->connector.done = try_ended;
	reconnect->connector.failure = reconnect->failure;
	return begin_pause(loop, reconnect, failure);
}

void
reconnect_cancel(struct loop *loop, struct reconnect *reconnect)
{
	loop_clear_timer(loop, &reconnect->timer);
	connector_cancel(&reconnect->connector);
}

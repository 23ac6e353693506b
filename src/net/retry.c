/* retry.c - --wait: try again until it succeeds or the time is up.
 * Row net. */
#include "net/retry.h"

#include "run/message.h"
#include "run/run.h"
#include "run/wait.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PAUSE (50 * SKU_MS)	 /* from the beginning of a try to that of the next */
#define SAY_AFTER (500 * SKU_MS) /* a peer that comes soon needs no note */
#define SAY_PAUSE SKU_SECOND	 /* between two notes, however often the reason changes */
#define COUNT_PAUSE (5 * SKU_SECOND)

bool
failure_is_temporary(const struct failure *failure)
{
	switch (failure->status) {
	case STATUS_NO_PEER:
	case STATUS_TIMED_OUT:
	case STATUS_TRY_AGAIN:
	case STATUS_NOT_FOUND:
		return true;
	default:
		return failure->errnum == EAGAIN || failure->errnum == EADDRINUSE;
	}
}

static struct sku_deadline
after(int64_t at_ns, int64_t ns)
{
	return ns < 0 || ns > INT64_MAX - at_ns ? sku_deadline_never() :
						  (struct sku_deadline){ at_ns + ns };
}

void
retry_begin_at(struct retry *retry, int64_t wait_ns, int64_t at_ns)
{
	*retry = (struct retry){ .wanted = wait_ns != 0,
		.wait_ns = wait_ns,
		.until = run.timeouts.run,
		.say_at = after(at_ns, SAY_AFTER),
		.count_at = after(at_ns, COUNT_PAUSE),
		.unsaid = wait_ns != 0 };
	if (retry->wanted)
		retry->until = sku_deadline_earlier(retry->until, after(at_ns, wait_ns));
}

void
retry_begin(struct retry *retry, int64_t wait_ns)
{
	retry_begin_at(retry, wait_ns, wait_ns != 0 ? sku_now() : 0);
}

void
retry_try(struct retry *retry)
{
	/* Look-ups that were given up go on, each in a thread: the more, the longer the pause. */
	if (retry->wanted)
		retry->next_at = sku_deadline_in(PAUSE * (1 + (int64_t)sku_lookup_threads()));
	retry->tries++;
}

void
retry_time_is_up(struct failure *last)
{
	const char *time_out = run_time_out();
	char reason[sizeof(last->message)];

	last->status = STATUS_TIMED_OUT;
	if (last->errnum == ETIMEDOUT && strncmp(last->message, time_out, strlen(time_out)) == 0)
		return;
	last->errnum = ETIMEDOUT;
	(void)snprintf(reason, sizeof(reason), "%s", last->message);
	(void)snprintf(
	    last->message, sizeof(last->message), "%s; the last failure: %.300s", time_out, reason);
}

void
retry_failed(struct retry *retry, const struct failure *failure)
{
	if (strncmp(retry->said, failure->message, sizeof(retry->said) - 1) != 0)
		retry->unsaid = true;
	if (run.verbose > 0 && sku_deadline_passed(retry->count_at)) {
		retry->count_at = sku_deadline_in(COUNT_PAUSE);
		msg_verbose(1, "%s: %s; %llu tries so far", failure->action, failure->message,
		    (unsigned long long)retry->tries);
	}
}

bool
retry_again(struct retry *retry, struct failure *last, const struct failure *failure)
{
	bool is_up = sku_deadline_passed(retry->until);

	/* A try that was cut short says less than the one before: keep that. */
	if (!is_up || failure->errnum != ETIMEDOUT || last->status == STATUS_OK)
		*last = *failure;
	if (!retry->wanted || !failure_is_temporary(last))
		return false;
	if (is_up) {
		retry_time_is_up(last);
		return false;
	}
	retry_failed(retry, last);
	return true;
}

void
retry_say(struct retry *retry, const struct failure *last, const char *action)
{
	const char *reason;

	if (!retry->unsaid || !sku_deadline_passed(retry->say_at))
		return;
	reason = last->status != STATUS_OK ? last->message : "no answer yet";
	retry->unsaid = false;
	retry->say_at = sku_deadline_in(SAY_PAUSE);
	/* Enough of it to recognize it. */
	(void)snprintf(retry->said, sizeof(retry->said), "%.199s", reason);
	if (last->status != STATUS_OK)
		action = last->action;
	if (retry->wait_ns == SKU_NO_TIMEOUT)
		msg_note("%s: %s; trying again until it succeeds", action, reason);
	else
		msg_note("%s: %s; trying again for up to %g s", action, reason,
		    (double)retry->wait_ns / (double)SKU_SECOND);
}

struct sku_deadline
retry_says_at(const struct retry *retry)
{
	return retry->unsaid ? retry->say_at : sku_deadline_never();
}

int
retry_pause(struct retry *retry, struct failure *last, const struct failure *failure)
{
	if (!retry_again(retry, last, failure))
		return -1;
	retry_say(retry, last, last->action);
	(void)run_wait(NULL, 0, sku_deadline_earlier(retry->next_at, retry->until));
	if (run_signals() > 0) {
		char action[sizeof(last->action)];

		(void)snprintf(action, sizeof(action), "%s", last->action);
		failure_clear(last);
		return run_wait_failed(last, ECANCELED, LIMIT_OTHER, "%s", action);
	}
	if (!sku_deadline_passed(retry->until))
		return 0;
	retry_time_is_up(last);
	return -1;
}

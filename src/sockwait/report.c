/* report.c - what sockwait prints.
 * Row tool. */
#include "sockwait/report.h"

#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTED 3 /* targets that a note names */

static void
print_line(const char *text, int64_t ns)
{
	char after[40];

	(void)snprintf(after, sizeof(after), "\t%.3f\n", (double)ns / SKU_SECOND);
	output_field("", text, after);
}

int
report_done(const struct target *target, bool gone, int64_t ns, struct failure *failure)
{
	for (const struct target *t = target; t != NULL; t = t->same) {
		if (run.json)
			EVENT_RECORD(gone ? "gone" : "there", EVENT_TEXT("target", t->text),
			    EVENT_SECONDS("seconds", ns),
			    EVENT_NUMBER("attempts", target->attempts));
		else
			print_line(t->text, ns);
	}
	return output_flush(failure);
}

const char *
report_no_answer(const struct target *target)
{
	return target->attempts == 0 ? "not tried yet" : "no answer yet";
}

void
report_given_up(
    const struct target *target, enum status status, int errnum, const char *message, int64_t ns)
{
	char action[FAILURE_ACTION_MAX];
	const struct event_error error = { status, errnum, message, action, NULL };

	for (const struct target *t = target; t != NULL; t = t->same) {
		(void)snprintf(action, sizeof(action), "wait for %s", t->text);
		EVENT_RECORD("failed", EVENT_TEXT("target", t->text), EVENT_SECONDS("seconds", ns),
		    EVENT_NUMBER("attempts", target->attempts), EVENT_ERROR(&error));
	}
}

/* What is known of a place.  How far the present try has come says more than the failure of the try
 * before, but not more than an answer, with --gone. */
static const char *
state_of(const struct target *target, bool gone)
{
	if (target->progress != NULL && (!gone || target->reason == NULL))
		return target->progress;
	return target->reason != NULL ? target->reason : report_no_answer(target);
}

void
report_waiting(const struct target *targets, size_t count, bool gone)
{
	size_t waiting = 0;

	for (size_t i = 0; i < count; i++)
		waiting += !targets[i].is_again && targets[i].state == TARGET_WAITED_FOR;
	for (size_t i = 0, noted = 0; i < count && noted < NOTED; i++) {
		const struct target *t = &targets[i];

		if (t->is_again || t->state != TARGET_WAITED_FOR)
			continue;
		noted++;
		msg_note("waiting for %s%s: %s", t->text, gone ? " to go" : "", state_of(t, gone));
	}
	if (waiting > NOTED)
		msg_note("waiting for %zu more", waiting - NOTED);
}

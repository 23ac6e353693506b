/* report.c - what sockwait prints.
 * Row tool. */
#include "sockwait/report.h"

#include "run/escape.h"
#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTED 3 /* targets that a note names */

/* What is known of a TARGET in every record. */
static void
add_target(json_t *record, const struct target *target, const char *text, int64_t ns)
{
	event_text(record, "target", text);
	event_seconds(record, "seconds", ns);
	event_number(record, "attempts", target->attempts);
}

static void
print_line(const char *text, int64_t ns)
{
	char seconds[32];

	(void)snprintf(seconds, sizeof(seconds), "\t%.3f\n", (double)ns / SKU_SECOND);
	output_field("", text, seconds);
}

int
report_done(const struct target *target, bool gone, int64_t ns, struct failure *failure)
{
	for (const struct target *t = target; t != NULL; t = t->same) {
		json_t *record;

		if (!run.json) {
			print_line(t->text, ns);
			continue;
		}
		record = gone ? event_new("gone") : event_new("there");
		add_target(record, target, t->text, ns);
		event_emit(record);
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

	for (const struct target *t = target; t != NULL; t = t->same) {
		(void)snprintf(action, sizeof(action), "wait for %s", t->text);
		msg_error_line(message, "%s", action);
		if (run.json) {
			json_t *record = event_new("failed");

			add_target(record, target, t->text, ns);
			event_add(record, "error", event_error(status, errnum, message, action));
			event_emit(record);
		}
	}
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
		msg_note("waiting for %s%s: %s", t->text, gone ? " to go" : "",
		    t->progress != NULL ? t->progress :
		    t->reason != NULL	? t->reason :
					  report_no_answer(t));
	}
	if (waiting > NOTED)
		msg_note("waiting for %zu more", waiting - NOTED);
}

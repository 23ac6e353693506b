/* schedule.c - when which TARGET is tried, until all are there.
 * Row tool. */
#include "sockwait/schedule.h"

#include "run/message.h"
#include "run/run.h"
#include "run/state.h"
#include "sockwait/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* It grows by a tenth with each try, so that a TARGET that comes is found within a tenth of the
 * time that it was waited for. */
#define FIRST_INTERVAL (50 * SKU_MS)
#define LONGEST_INTERVAL (1 * SKU_SECOND)
#define NOTE_AFTER (900 * SKU_MS)
#define TELL_PAUSE (5 * SKU_SECOND)
#define MAX_LOOKUPS ((size_t)16) /* at once: each one is a thread */
#define FDS_RESERVED ((size_t)64)
#define FDS_A_TRY ((size_t)2)

/* A try, with whom it is for. */
struct attempt {
	struct schedule *schedule;
	struct target *target;
	struct probe probe;
};

static state_counter total, done, attempts;

void
schedule_count_on_sigusr1(void)
{
	static const struct state_row rows[] = {
		{ "targets", &total },
		{ "done", &done },
		{ "attempts", &attempts },
		{ NULL, NULL },
	};

	state_on_sigusr1("state", rows);
}

/* ---- whose turn it is ---------------------------------------------------------------------- */

static void
append(struct target_queue *queue, struct target *target)
{
	target->next = NULL;
	*queue->last = target;
	queue->last = &target->next;
}

static struct target *
take_first(struct target_queue *queue)
{
	struct target *target = queue->first;

	queue->first = target->next;
	if (queue->first == NULL)
		queue->last = &queue->first;
	return target;
}

static size_t
max_tries(void)
{
	struct rlimit limit;
	size_t fds;

	run_raise_descriptor_limit();
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 1;
	fds = (size_t)limit.rlim_cur;
	return fds < FDS_RESERVED + FDS_A_TRY ? 1 : (fds - FDS_RESERVED) / FDS_A_TRY;
}

static void probe_done(struct probe *probe, const struct failure *failure);

static void
fail_run(struct schedule *s, int errnum)
{
	loop_stop(&s->loop, msg_error_errno(STATUS_FAILED, errnum, "wait"));
}

static void
start_try(struct schedule *s, struct target *target)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (attempt == NULL) {
		fail_run(s, ENOMEM);
		return;
	}
	attempt->schedule = s;
	attempt->target = target;
	attempt->probe.done = probe_done;
	attempt->probe.options = &s->config->probe;
	target_parse(&attempt->probe.endpoint, &s->config->probe.connect.address, target->text);
	target->attempt = attempt;
	target->begun_ns = sku_now();
	target->attempts++;
	counter_add(&attempts, 1);
	s->tries++;
	if (probe_start(&s->loop, &attempt->probe) == -1)
		fail_run(s, ENOMEM);
}

static void
end_try(struct schedule *s, struct target *target, bool orderly)
{
	struct attempt *attempt = target->attempt;

	target->attempt = NULL;
	s->tries--;
	probe_end(&attempt->probe, orderly);
	free(attempt);
}

static bool
may_start(const struct schedule *s)
{
	return s->tries < s->max_tries && !s->loop.stopped;
}

/* Tries that look a name up now. */
static size_t
count_lookups(const struct schedule *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->config->count; i++) {
		const struct attempt *attempt = s->config->targets[i].attempt;

		n += attempt != NULL && attempt->probe.connector.is_resolving;
	}
	return n;
}

/* A look-up keeps a thread busy, and may take long: it holds back only those that need one, too. */
static void
start_tries(struct loop *loop)
{
	struct schedule *s = LOOP_OWNER(loop, struct schedule, loop);
	size_t lookups = s->due_names.first != NULL ? count_lookups(s) : 0;

	for (; s->due_names.first != NULL && lookups < MAX_LOOKUPS && may_start(s); lookups++)
		start_try(s, take_first(&s->due_names));
	while (s->due_addresses.first != NULL && may_start(s))
		start_try(s, take_first(&s->due_addresses));
}

static void
queue(struct schedule *s, struct target *target)
{
	append(target->needs_lookup ? &s->due_names : &s->due_addresses, target);
}

static void
due(struct loop *loop, struct loop_timer *timer)
{
	struct schedule *s = LOOP_OWNER(loop, struct schedule, loop);

	queue(s, LOOP_OWNER(timer, struct target, timer));
}

/* ---- what became of a try ------------------------------------------------------------------ */

/* One place less that may still become what it is waited for. */
static void
close_place(struct schedule *s)
{
	if (--s->open == 0 || (s->config->any && s->done > 0))
		loop_stop(&s->loop, s->done == s->places || (s->config->any && s->done > 0) ?
					STATUS_OK :
					s->status);
}

static void
finish_target(struct schedule *s, struct target *target)
{
	struct failure failure = { 0 };

	target->state = TARGET_DONE;
	s->done++;
	counter_add(&done, 1);
	if (report_done(target, s->config->gone, sku_now() - s->begun_ns, &failure) == -1)
		loop_stop(&s->loop, failure_report(&failure));
	close_place(s);
}

/* It can never be what it is waited for. */
static void
give_up(struct schedule *s, struct target *target, const struct failure *failure)
{
	target->state = TARGET_GIVEN_UP;
	s->status = failure->status;
	report_given_up(target, (enum status)failure->status, failure->errnum,
	    target->reason != NULL ? target->reason : failure->message, sku_now() - s->begun_ns);
	if (!s->config->any)
		loop_stop(&s->loop, s->status);
	close_place(s);
}

/* With -v a reason is told when it changes, but a service that says something else each time does
 * not fill the log. */
static void
tell_reason(struct target *target, int64_t now)
{
	if (!target->is_untold || (target->told_ns != 0 && now - target->told_ns < TELL_PAUSE))
		return;
	msg_verbose(1, "%s: %s", target->text, target->reason);
	target->is_untold = false;
	target->told_ns = now;
}

static void
set_reason(struct target *target, const struct failure *failure, int64_t now)
{
	char *reason = NULL;

	if (failure == NULL)
		reason = strdup("it still answers");
	else if (asprintf(&reason, "%s: %s", failure->action, failure->message) == -1)
		reason = NULL;
	if (reason != NULL && (target->reason == NULL || strcmp(reason, target->reason) != 0))
		target->is_untold = true;
	free(target->reason);
	target->reason = reason;
	if (reason != NULL)
		tell_reason(target, now);
}

static void
try_later(struct schedule *s, struct target *target)
{
	const struct wait_config *config = s->config;

	if (config->timeout_ns == 0) { /* that was its only try */
		close_place(s);
		return;
	}
	if (loop_set_timer(&s->loop, &target->timer, target->begun_ns + target->interval_ns) == -1)
		fail_run(s, ENOMEM);
	if (config->interval_ns == 0) {
		target->interval_ns += target->interval_ns / 10;
		if (target->interval_ns > LONGEST_INTERVAL)
			target->interval_ns = LONGEST_INTERVAL;
	}
}

/* Does such a failure say that nobody answers there?  One of this end says nothing, nor does a try
 * that the end of the run cut short. */
static bool
is_absence(const struct attempt *attempt, const struct failure *failure)
{
	switch (failure->status) {
	case STATUS_NOT_FOUND:
		return true;
	case STATUS_TIMED_OUT:
		return !attempt->probe.connector.is_resolving &&
		       !sku_deadline_passed(run.timeouts.run);
	case STATUS_NO_PEER:
		return failure->errnum != EADDRNOTAVAIL && failure->errnum != EADDRINUSE &&
		       failure->errnum != EAFNOSUPPORT;
	default:
		return false;
	}
}

/* May another try end otherwise?  What this one lacked, others may give back: of the descriptors of
 * this process, other tries alone. */
static bool
is_worth_another(const struct schedule *s, const struct failure *failure)
{
	if (failure->errnum == EMFILE)
		return s->tries > 1;
	return failure_is_temporary(failure) || failure->errnum == ENFILE ||
	       failure->errnum == ENOBUFS || failure->errnum == ENOMEM;
}

/* What a try that is under way has come to: it says more than the failure of the one before. */
static void
set_progress(struct target *target)
{
	char text[PROBE_TEXT_MAX] = "";

	free(target->progress);
	target->progress = NULL;
	if (target->attempt != NULL)
		probe_describe(&target->attempt->probe, text, sizeof(text));
	if (*text != '\0')
		target->progress = strdup(text);
}

static void
probe_done(struct probe *probe, const struct failure *failure)
{
	struct attempt *attempt = LOOP_OWNER(probe, struct attempt, probe);
	struct schedule *s = attempt->schedule;
	struct target *target = attempt->target;
	bool gone = s->config->gone;

	if (failure != NULL || gone)
		set_reason(target, failure, s->loop.now);
	if (failure == NULL ? !gone : gone && is_absence(attempt, failure))
		finish_target(s, target);
	else if (failure == NULL || is_worth_another(s, failure))
		try_later(s, target);
	else
		give_up(s, target, failure);
	/* A conversation that went well ends well; with --gone it is one of many. */
	end_try(s, target, failure == NULL && !gone);
}

/* ---- the run ------------------------------------------------------------------------------- */

static void
canceled(struct loop *loop)
{
	loop_stop(loop, run_signals() > 0 ? STATUS_FAILED : STATUS_TIMED_OUT);
}

static void
note_due(struct loop *loop, struct loop_timer *timer)
{
	const struct schedule *s = LOOP_OWNER(timer, struct schedule, note);

	(void)loop;
	for (size_t i = 0; i < s->config->count; i++)
		set_progress(&s->config->targets[i]);
	report_waiting(s->config->targets, s->config->count, s->config->gone);
}

static void
report_missing(const struct schedule *s)
{
	int64_t ns = sku_now() - s->begun_ns;

	for (size_t i = 0; i < s->config->count; i++) {
		const struct target *target = &s->config->targets[i];
		bool failed = target->progress == NULL && target->reason != NULL;
		char *message = NULL;

		if (target->is_again || target->state != TARGET_WAITED_FOR)
			continue;
		if (asprintf(&message, "timed out; %s%s",
			failed && !s->config->gone ? "the last failure: " : "",
			failed			 ? target->reason :
			target->progress != NULL ? target->progress :
						   "no answer yet") == -1)
			message = NULL;
		report_given_up(target, STATUS_TIMED_OUT, ETIMEDOUT,
		    message != NULL ? message : "timed out", ns);
		free(message);
	}
}

static void
prepare(struct schedule *s)
{
	for (size_t i = 0; i < s->config->count; i++) {
		struct target *target = &s->config->targets[i];

		if (target->is_again)
			continue;
		target->timer.due = due;
		target->interval_ns =
		    s->config->interval_ns != 0 ? s->config->interval_ns : FIRST_INTERVAL;
		queue(s, target);
		s->places++;
	}
	s->open = s->places;
	counter_set(&total, s->places);
}

int
schedule_run(const struct wait_config *config)
{
	struct schedule s = { .loop = { .canceled = canceled, .turn = start_tries },
		.config = config,
		.begun_ns = sku_now(),
		.max_tries = max_tries(),
		.note.due = note_due,
		.status = STATUS_TIMED_OUT };
	int status;

	s.due_addresses.last = &s.due_addresses.first;
	s.due_names.last = &s.due_names.first;
	prepare(&s);
	if (loop_open(&s.loop) == -1 ||
	    loop_set_timer(&s.loop, &s.note, s.begun_ns + NOTE_AFTER) == -1) {
		status = msg_error_errno(STATUS_FAILED, errno, "wait");
	} else {
		start_tries(&s.loop);
		status = loop_run(&s.loop);
	}
	for (size_t i = 0; i < config->count; i++) {
		set_progress(&config->targets[i]);
		if (config->targets[i].attempt != NULL)
			end_try(&s, &config->targets[i], false);
	}
	if (status == STATUS_TIMED_OUT)
		report_missing(&s);
	loop_close(&s.loop);
	return status;
}

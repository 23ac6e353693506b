/* schedule.c - when to try which TARGET, until all are there.
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

/* The interval grows by a tenth with each try, so that a TARGET is found within a tenth of the time
 * that it was waited for. */
#define FIRST_INTERVAL (50 * SKU_MS)
#define LONGEST_INTERVAL (1 * SKU_SECOND)
#define NOTE_AFTER (900 * SKU_MS)
#define TELL_PAUSE (5 * SKU_SECOND)
#define MAX_LOOKUP_THREADS ((size_t)48)
#define LOOKUP_THREADS ((size_t)3) /* for one name, at most: see sku_connecting_is_resolving() */
#define LOOK_AGAIN (50 * SKU_MS)
#define FDS_RESERVED ((size_t)64) /* among them one for each of those threads */
#define FDS_A_NAME ((size_t)4)	  /* an epoll, an eventfd, and a socket of each family */

/* A try, and its target. */
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

static size_t
fds_of(const struct target *target)
{
	return target->needs_lookup ? FDS_A_NAME : 1;
}

static size_t
max_fds(void)
{
	struct rlimit limit;

	run_raise_descriptor_limit();
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur < FDS_RESERVED)
		return 0;
	return (size_t)limit.rlim_cur - FDS_RESERVED;
}

static void probe_done(struct probe *probe, const struct failure *failure);

static void
fail_run(struct schedule *s, int errnum)
{
	loop_stop(&s->loop, failure_errno(s->failure, errnum, "wait"));
}

static void
start_try(struct schedule *s, struct target *target)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (attempt == NULL) {
		fail_run(s, errno);
		return;
	}
	attempt->schedule = s;
	attempt->target = target;
	attempt->probe.done = probe_done;
	attempt->probe.options = &s->config->probe;
	attempt->probe.endpoint = &target->endpoint;
	target->attempt = attempt;
	target->begun_ns = sku_now();
	target->attempts++;
	counter_add(&attempts, 1);
	s->tries++;
	s->fds += fds_of(target);
	if (probe_start(&s->loop, &attempt->probe) == -1)
		fail_run(s, errno);
}

static void
end_try(struct schedule *s, struct target *target, bool orderly)
{
	struct attempt *attempt = target->attempt;

	target->attempt = NULL;
	s->tries--;
	s->fds -= fds_of(target);
	s->lacks_fds = false;
	probe_end(&attempt->probe, orderly);
	free(attempt);
}

/* May a try start?  One always may, however many descriptors it needs. */
static bool
may_start(const struct schedule *s, const struct target *target)
{
	return (s->tries == 0 || s->fds + fds_of(target) <= s->max_fds) && !s->lacks_fds &&
	       !s->loop.stopped;
}

/* The threads that look names up, including those of tries that are over, and those that the
 * present tries may still start. */
static size_t
count_lookup_threads(const struct schedule *s)
{
	size_t n = sku_lookup_threads();

	for (size_t i = 0; i < s->config->count; i++) {
		const struct attempt *attempt = s->config->targets[i].attempt;

		if (attempt != NULL && attempt->probe.connector.is_resolving)
			n += LOOKUP_THREADS - 1;
	}
	return n;
}

/* The queue whose turn it is; NULL: none.  A look-up may take long, even after it was given up: it
 * delays only targets that need a look-up, too. */
static struct target_queue *
next_queue(struct schedule *s, size_t threads)
{
	const struct target *name = STAILQ_FIRST(&s->due_names);
	const struct target *address = STAILQ_FIRST(&s->due_addresses);

	if (threads + LOOKUP_THREADS > MAX_LOOKUP_THREADS)
		name = NULL;
	if (name == NULL)
		return address != NULL ? &s->due_addresses : NULL;
	return address == NULL || name->turn < address->turn ? &s->due_names : &s->due_addresses;
}

static void
start_tries(struct loop *loop)
{
	struct schedule *s = LOOP_OWNER(loop, struct schedule, loop);
	struct target_queue *names = &s->due_names, *addresses = &s->due_addresses, *next;
	size_t threads = STAILQ_EMPTY(names) ? 0 : count_lookup_threads(s);
	struct target *target;

	while ((next = next_queue(s, threads)) != NULL && may_start(s, STAILQ_FIRST(next))) {
		target = STAILQ_FIRST(next);
		STAILQ_REMOVE_HEAD(next, next);
		threads += next == names ? LOOKUP_THREADS : 0;
		start_try(s, target);
	}
	if ((!STAILQ_EMPTY(names) || !STAILQ_EMPTY(addresses)) &&
	    loop_set_timer(loop, &s->again, loop->now + LOOK_AGAIN) == -1)
		fail_run(s, errno);
}

/* Try again after a while: no event reports that an abandoned look-up is over, or that another
 * process has closed its files. */
static void
look_again(struct loop *loop, struct loop_timer *timer)
{
	struct schedule *s = LOOP_OWNER(timer, struct schedule, again);

	(void)loop;
	s->lacks_fds = false;
}

static void
queue(struct schedule *s, struct target *target)
{
	target->turn = s->turns++;
	if (target->needs_lookup)
		STAILQ_INSERT_TAIL(&s->due_names, target, next);
	else
		STAILQ_INSERT_TAIL(&s->due_addresses, target, next);
}

static void
due(struct loop *loop, struct loop_timer *timer)
{
	struct schedule *s = LOOP_OWNER(loop, struct schedule, loop);

	queue(s, LOOP_OWNER(timer, struct target, timer));
}

/* ---- what became of a try ------------------------------------------------------------------ */

/* A place is done or given up.  End the run if that is enough, or if no other place is left. */
static void
close_place(struct schedule *s)
{
	bool enough = s->config->any ? s->done > 0 : s->done == s->places;

	s->open--;
	if (s->loop.stopped || (s->open > 0 && !enough))
		return;
	s->is_over = !enough;
	loop_stop(&s->loop, enough ? STATUS_OK : s->status);
}

static void
finish_target(struct schedule *s, struct target *target)
{
	target->state = TARGET_DONE;
	s->done++;
	counter_add(&done, 1);
	if (report_done(target, s->config->gone, sku_now() - s->begun_ns, s->failure) == -1)
		loop_stop(&s->loop, -1);
	close_place(s);
}

/* Give a place up: it can never become what it is waited for. */
static void
give_up(struct schedule *s, struct target *target, const struct failure *failure)
{
	target->state = TARGET_GIVEN_UP;
	s->status = failure->status;
	report_given_up(target, (enum status)failure->status, failure->errnum,
	    target->reason != NULL ? target->reason : failure->message, sku_now() - s->begun_ns);
	close_place(s);
	if (!s->config->any)
		loop_stop(&s->loop, s->status);
}

/* With -v a reason is reported when it changes; a service that says something else each time must
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

	if (config->timeout_ns == 0) { /* each place is tried once */
		close_place(s);
		return;
	}
	if (loop_set_timer(&s->loop, &target->timer, target->begun_ns + target->interval_ns) == -1)
		fail_run(s, errno);
	if (config->interval_ns == 0) {
		target->interval_ns += target->interval_ns / 10;
		if (target->interval_ns > LONGEST_INTERVAL)
			target->interval_ns = LONGEST_INTERVAL;
	}
}

/* Is it a failure of this end: no port, address or interface, or no route? */
static bool
is_of_this_end(int errnum)
{
	return errnum == EADDRNOTAVAIL || errnum == EADDRINUSE || errnum == EAFNOSUPPORT ||
	       errnum == ENODEV || errnum == ENETDOWN || errnum == ENETUNREACH;
}

/* Did the end of the run cut the try short? */
static bool
is_cut_short(const struct failure *failure)
{
	return failure->status == STATUS_TIMED_OUT && sku_deadline_passed(run.timeouts.run);
}

/* Does a UNIX server keep the connection waiting?  Then it listens, and its backlog is full. */
static bool
is_in_backlog(const struct probe *probe)
{
	return probe->endpoint->path != NULL && probe->connected_ns == 0;
}

/* Does this failure prove that nobody answers there?  A failure of this end does not, nor does a
 * try that was cut short. */
static bool
is_absence(const struct attempt *attempt, const struct failure *failure)
{
	switch (failure->status) {
	case STATUS_NOT_FOUND:
		return true;
	case STATUS_TIMED_OUT:
		return !attempt->probe.connector.is_resolving && !is_cut_short(failure) &&
		       !is_in_backlog(&attempt->probe);
	case STATUS_NO_PEER:
		return !is_of_this_end(failure->errnum);
	default:
		return false;
	}
}

/* Did the try fail for lack of descriptors?  That says nothing about the TARGET.  Descriptors of
 * this process become free if other tries, or abandoned look-ups, hold some. */
static bool
is_for_lack_of_fds(const struct schedule *s, const struct failure *failure)
{
	return failure->errnum == ENFILE ||
	       (failure->errnum == EMFILE && (s->tries > 1 || sku_lookup_threads() > 0));
}

/* Try again later, as if the try had not been made. */
static void
postpone(struct schedule *s, struct target *target, const struct failure *failure)
{
	msg_verbose(2, "%s waits for descriptors: %s", target->text, failure->message);
	end_try(s, target, false);
	target->attempts--;
	counter_subtract(&attempts, 1);
	queue(s, target);
	s->lacks_fds = true;
}

/* May another try succeed?  What this one lacked may be there later. */
static bool
is_worth_another(const struct failure *failure)
{
	return failure_is_temporary(failure) || failure->errnum == ENOBUFS ||
	       failure->errnum == ENOMEM || failure->errnum == ENOSPC;
}

/* How far the present try has come. */
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

	if (failure != NULL && is_for_lack_of_fds(s, failure)) {
		postpone(s, target, failure);
		return;
	}
	/* A try that was cut short says less than the one before. */
	if (failure == NULL ? gone : target->reason == NULL || !is_cut_short(failure))
		set_reason(target, failure, s->loop.now);
	if (failure == NULL ? !gone : gone && is_absence(attempt, failure))
		finish_target(s, target);
	else if (failure == NULL || is_worth_another(failure))
		try_later(s, target);
	else
		give_up(s, target, failure);
	/* A success ends in order, unless with --gone, where many follow. */
	end_try(s, target, failure == NULL && !gone);
}

/* ---- the run ------------------------------------------------------------------------------- */

static void
canceled(struct loop *loop)
{
	struct schedule *s = LOOP_OWNER(loop, struct schedule, loop);

	s->is_over = run_signals() == 0;
	loop_stop(loop, s->is_over ? STATUS_TIMED_OUT : STATUS_FAILED);
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

/* Why a place is missing: how far the present try is, and why the last one failed.  To be freed;
 * NULL: out of memory. */
static char *
missing_message(const struct schedule *s, const struct target *target)
{
	const char *now = target->progress, *last = target->reason;
	char *message;
	int n;

	if (last == NULL)
		n = asprintf(
		    &message, "timed out; %s", now != NULL ? now : report_no_answer(target));
	else if (s->config->gone)
		n = asprintf(&message, "timed out; %s", last);
	else
		n = asprintf(&message, "timed out; %s%sthe last failure: %s",
		    now != NULL ? now : "", now != NULL ? "; " : "", last);
	return n != -1 ? message : NULL;
}

static void
report_missing(const struct schedule *s)
{
	int64_t ns = sku_now() - s->begun_ns;

	for (size_t i = 0; i < s->config->count; i++) {
		const struct target *target = &s->config->targets[i];
		char *message;

		if (target->is_again || target->state != TARGET_WAITED_FOR)
			continue;
		message = missing_message(s, target);
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
schedule_run(const struct wait_config *config, struct failure *failure)
{
	struct schedule s = { .loop = { .canceled = canceled, .turn = start_tries },
		.config = config,
		.failure = failure,
		.begun_ns = sku_now(),
		.max_fds = max_fds(),
		.note.due = note_due,
		.again.due = look_again,
		.status = STATUS_TIMED_OUT };
	int status;

	STAILQ_INIT(&s.due_addresses);
	STAILQ_INIT(&s.due_names);
	prepare(&s);
	if (loop_open(&s.loop) == -1 ||
	    loop_set_timer(&s.loop, &s.note, s.begun_ns + NOTE_AFTER) == -1) {
		status = failure_errno(failure, errno, "wait");
	} else {
		start_tries(&s.loop);
		status = loop_run(&s.loop);
	}
	for (size_t i = 0; i < config->count; i++) {
		set_progress(&config->targets[i]);
		if (config->targets[i].attempt != NULL)
			end_try(&s, &config->targets[i], false);
	}
	if (s.is_over)
		report_missing(&s);
	loop_close(&s.loop);
	return status;
}

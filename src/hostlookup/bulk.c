/* bulk.c - many look-ups at once, printed in order, in bounded memory and bounded time.
 * Row tool.
 *
 * One loop reads the queries, and prints the answers from the front of a ring.  The threads of a
 * pool ask the resolver.  A look-up inside the C library cannot be stopped: one that outlives
 * --timeout is left to its thread, which works on once the resolver returns; meanwhile another
 * thread takes its place.  Equal queries are asked once while they are under way together, and for
 * a while after. */
#include "hostlookup/bulk.h"

#include "hostlookup/jobs.h"
#include "hostlookup/lookup.h"
#include "hostlookup/network.h"
#include "hostlookup/print.h"
#include "hostlookup/query.h"
#include "hostlookup/sweep.h"
#include "options/inputs.h"
#include "run/loop.h"
#include "run/output.h"
#include "run/pool.h"
#include "run/run.h"
#include "run/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define LOOK_AHEAD_MIN ((size_t)1024)
#define ABANDONED_FOR_EACH_JOB 4
#define WORKER_STACK ((size_t)256 * 1024)
#define FDS_RESERVED 16
#define FDS_A_LOOK_UP 2
/* Between two looks at a queued question: the shortest limit within these.  After the second a note
 * may be due. */
#define LOOK_AGAIN_MIN SKU_MS
#define LOOK_AGAIN_MAX (SKU_SECOND / 2)

static const char by_max_time[] = " (--max-time)";

/* One question to the resolver, which may outlive its job. */
struct question {
	struct loop_worker worker;
	const struct host_config *config;
	struct job *job;	    /* used only by the loop */
	_Atomic int64_t started_ns; /* 0: it is queued */
	struct lookup_answer answer;
	char query[];
};

struct bulk {
	struct loop loop;
	const struct host_config *config;
	struct pool *pool;
	struct inputs inputs;
	struct loop_io input_io;
	struct sweep *sweep; /* the network whose addresses are asked now; NULL: none */
	struct job **ring;   /* what is not printed yet; only counted with --unordered */
	size_t size, head, count;
	struct jobs jobs;
	int64_t look_again_ns;
	int status;
	struct failure *failure;      /* why the loop stopped with -1 */
	struct failure input_failure; /* of the inputs */
};

static state_counter read_count, printed_count, abandoned_count;

static const struct state_row counter_rows[] = {
	{ "read", &read_count },
	{ "printed", &printed_count },
	{ "abandoned", &abandoned_count },
	{ NULL, NULL },
};

static void
raise_status(struct bulk *b, int status)
{
	if (status > b->status)
		b->status = status;
}

/* ---- printing ------------------------------------------------------------------------------ */

static void
print(struct bulk *b, const char *query, struct sweep *sweep, const struct lookup_answer *answer)
{
	counter_add(&printed_count, 1);
	raise_status(b, sweep != NULL ? sweep_print(b->config, sweep, query, answer) :
					answer_print(b->config, query, answer));
}

/* Print the answer for one place in the ring. */
static void
print_job(struct bulk *b, struct job *job)
{
	struct sweep *sweep = job_remove_asker(job);

	print(b, job->query, sweep, &job->answer);
	b->count--;
	if (job->askers == NULL)
		jobs_free(&b->jobs, job);
}

/* Print the answers whose turn has come. */
static void
print_in_order(struct bulk *b)
{
	while (!b->config->unordered && b->count > 0 && b->ring[b->head]->ended) {
		struct job *job = b->ring[b->head];

		b->head = (b->head + 1) % b->size;
		print_job(b, job);
	}
}

/* With --unordered an answer is printed at once for every query that waits for it. */
static void
print_unordered(struct bulk *b, struct job *job)
{
	for (bool more = b->config->unordered && job->ended; more;) {
		more = job_has_others(job);
		print_job(b, job);
	}
}

static void
end_job(struct bulk *b, struct job *job)
{
	loop_clear_timer(&b->loop, &job->timer);
	job_end(job, b->loop.now);
	print_unordered(b, job);
}

/* ---- asking -------------------------------------------------------------------------------- */

static void
question_work(struct loop_worker *worker)
{
	struct question *q = LOOP_OWNER(worker, struct question, worker);

	q->started_ns = sku_now();
	lookup_ask(q->config, q->query, &q->answer);
}

static void
question_discard(struct loop_worker *worker)
{
	struct question *q = LOOP_OWNER(worker, struct question, worker);

	answer_clear(&q->answer);
	free(q);
}

/* The time of a job starts when a thread begins with its first question.  What one name waits for
 * is reported; for many there would be too many notes. */
static void
start_time(struct bulk *b, struct job *job, int64_t started_ns)
{
	if (job->started_ns != 0 || started_ns == 0)
		return;
	job->started_ns = started_ns;
	retry_begin_at(&job->retry, b->config->wait_ns, started_ns);
	if (config_is_bulk(b->config))
		job->retry.unsaid = false;
}

/* When the job is to be looked at next.  A question that is queued has no time yet. */
static struct sku_deadline
next_look(const struct bulk *b, const struct job *job)
{
	struct sku_deadline at = sku_deadline_never();
	int64_t limit = run.timeouts.operation_ns,
		started_ns = job->question != NULL ? job->question->started_ns : 0;

	if (job->retry.wanted)
		at = sku_deadline_earlier(job->retry.until, retry_says_at(&job->retry));
	if (job->question == NULL)
		return sku_deadline_earlier(at, job->retry.next_at);
	if (started_ns == 0)
		return sku_deadline_earlier(
		    at, (struct sku_deadline){ b->loop.now + b->look_again_ns });
	if (limit != SKU_NO_TIMEOUT)
		at = sku_deadline_earlier(at, (struct sku_deadline){ started_ns + limit });
	return at;
}

static void
look_later(struct bulk *b, struct job *job)
{
	int64_t at_ns = next_look(b, job).at_ns;

	(void)loop_set_timer(&b->loop, &job->timer, at_ns < LOOP_PARKED ? at_ns : LOOP_PARKED);
}

/* Report what the only name waits for. */
static void
report_waiting(struct job *job, bool has_failed)
{
	static ASIDE struct failure last;

	failure_clear(&last);
	(void)failure_set(&last, STATUS_TRY_AGAIN, 0,
	    job->answer.status != STATUS_OK ? job->answer.message : "no answer yet", "look up %s",
	    job->query);
	if (has_failed)
		retry_failed(&job->retry, &last);
	retry_say(&job->retry, &last, last.action);
}

/* The question has an answer, or has timed out.  With --wait another one may follow. */
static void
end_question(struct bulk *b, struct job *job, int64_t started_ns, int64_t ended_ns)
{
	start_time(b, job, started_ns);
	job->question = NULL;
	job->answer.seconds_ns = ended_ns - job->started_ns;
	if (!job->retry.wanted || !answer_is_temporary(&job->answer)) {
		end_job(b, job);
		return;
	}
	retry_try(&job->retry);
	if (!config_is_bulk(b->config))
		report_waiting(job, true);
	look_later(b, job);
}

static void
question_done(struct loop *loop, struct loop_worker *worker)
{
	struct bulk *b = LOOP_OWNER(loop, struct bulk, loop);
	struct question *q = LOOP_OWNER(worker, struct question, worker);
	struct job *job = q->job;

	job->answer = q->answer; /* a failure that it replaces owns nothing */
	end_question(b, job, q->started_ns, q->started_ns + q->answer.seconds_ns);
	free(q);
}

static void
abandon_question(struct bulk *b, struct job *job)
{
	pool_abandon(b->pool, &job->question->worker);
	counter_add(&abandoned_count, 1);
	job->question = NULL;
}

static void
time_question_out(struct bulk *b, struct job *job)
{
	int64_t started_ns = job->question->started_ns;

	abandon_question(b, job);
	answer_set_timed_out(&job->answer, "");
	end_question(b, job, started_ns, b->loop.now);
}

/* The time of the job, or that of the run, is over before there is an answer. */
static void
time_job_out(struct bulk *b, struct job *job, const char *limit)
{
	job->answer.seconds_ns = job->started_ns != 0 ? b->loop.now - job->started_ns : 0;
	answer_set_timed_out(&job->answer, limit);
	end_job(b, job);
}

static void job_due(struct loop *loop, struct loop_timer *timer);

/* Set the timer of a job with a question, if there is a limit.  It is there for the pause of
 * --wait, too. */
static int
begin_timer(struct bulk *b, struct job *job)
{
	job->timer.due = job_due;
	if (run.timeouts.operation_ns == SKU_NO_TIMEOUT && b->config->wait_ns == 0)
		return 0;
	return loop_set_timer(&b->loop, &job->timer, next_look(b, job).at_ns);
}

static void
ask(struct bulk *b, struct job *job)
{
	size_t len = strlen(job->query) + 1;
	struct question *q = calloc(1, sizeof(*q) + len);

	job->question = q;
	if (q == NULL || begin_timer(b, job) == -1) {
		job->question = NULL;
		free(q);
		answer_set_no_memory(&job->answer);
		end_job(b, job);
		return;
	}
	q->worker = (struct loop_worker){
		.work = question_work, .done = question_done, .discard = question_discard
	};
	q->config = b->config;
	q->job = job;
	memcpy(q->query, job->query, len);
	if (pool_submit(b->pool, &q->worker) == 0)
		return;
	loop_stop(&b->loop, failure_errno(b->failure, errno, "start a thread"));
	job->question = NULL;
	free(q);
}

/* A limit is over, or the pause of --wait, or it is time for a note. */
static void
job_due(struct loop *loop, struct loop_timer *timer)
{
	struct bulk *b = LOOP_OWNER(loop, struct bulk, loop);
	struct job *job = LOOP_OWNER(timer, struct job, timer);
	int64_t limit = run.timeouts.operation_ns, started_ns = 0;

	if (job->question != NULL) {
		started_ns = job->question->started_ns;
		start_time(b, job, started_ns);
	}
	if (job->retry.wanted && sku_deadline_passed(job->retry.until)) {
		if (job->question != NULL)
			abandon_question(b, job);
		time_job_out(
		    b, job, job->retry.until.at_ns == run.timeouts.run.at_ns ? by_max_time : "");
	} else if (job->question == NULL && sku_deadline_passed(job->retry.next_at)) {
		ask(b, job);
	} else if (started_ns != 0 && limit != SKU_NO_TIMEOUT && started_ns + limit <= loop->now) {
		time_question_out(b, job);
	} else {
		if (job->retry.unsaid)
			report_waiting(job, false);
		look_later(b, job);
	}
}

/* ---- reading ------------------------------------------------------------------------------- */

static void
print_no_memory(struct bulk *b, const char *query, struct sweep *sweep)
{
	struct lookup_answer none = { .status = STATUS_OK };

	answer_set_no_memory(&none);
	print(b, query, sweep, &none);
}

/* Add a query to the ring.  fault: why it cannot be asked; NULL: it can.  sweep: the network that
 * it is an address of; NULL: none. */
static void
add_query(struct bulk *b, const char *query, const char *fault, struct sweep *sweep)
{
	struct job *known = fault == NULL ? jobs_find(&b->jobs, query, b->loop.now) : NULL;
	struct job *job = known != NULL ? known : jobs_new(&b->jobs, query);

	counter_add(&read_count, 1);
	if (job == NULL || !job_add_asker(job, sweep)) {
		print_no_memory(b, query, sweep);
		if (job != NULL && known == NULL)
			jobs_free(&b->jobs, job);
		return;
	}
	b->ring[(b->head + b->count++) % b->size] = job;
	if (fault != NULL) {
		answer_set_invalid(&job->answer, fault);
		end_job(b, job);
	} else if (known == NULL) {
		ask(b, job);
	} else {
		print_unordered(b, job);
	}
}

static void
add_address(struct bulk *b)
{
	struct sweep *sweep = b->sweep;
	char address[SKU_ADDRESS_TEXT_MAX];

	if (!sweep_next(sweep, address))
		b->sweep = NULL;
	add_query(b, address, NULL, sweep);
}

static void
add_input(struct bulk *b, const struct input *input)
{
	char buf[QUERY_FAULT_MAX];
	const char *fault;

	if (input->failure != NULL) {
		raise_status(b, failure_report(input->failure));
		return;
	}
	fault = input->error != NULL ? input->error : query_fault(b->config, input->text, buf);
	if (fault != NULL || b->config->lookup_kind != LOOKUP_REVERSE ||
	    !network_is_meant(input->text)) {
		add_query(b, input->text, fault, NULL);
		return;
	}
	b->sweep = sweep_new(input->text);
	if (b->sweep == NULL)
		print_no_memory(b, input->text, NULL);
}

/* Take as many of the queries that were read as there is room for.  True: there were any. */
static bool
take_queries(struct bulk *b)
{
	struct input input;
	bool any = false;

	while (b->count < b->size && !b->loop.stopped) {
		if (b->sweep != NULL)
			add_address(b);
		else if (inputs_next(&b->inputs, &input))
			add_input(b, &input);
		else
			break;
		any = true;
	}
	return any;
}

static void
input_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	(void)events;
	loop_unwatch(loop, io);
	inputs_read(&LOOP_OWNER(loop, struct bulk, loop)->inputs);
}

/* Watch the input while the ring has room: every query that was read has a place in it. */
static void
watch_input(struct bulk *b)
{
	b->input_io.fd = b->inputs.fd;
	if (b->count < b->size && !b->inputs.ended &&
	    loop_watch(&b->loop, &b->input_io, EPOLLIN) == -1)
		loop_stop(&b->loop, failure_errno(b->failure, errno, "wait for the input"));
}

/* ---- all together -------------------------------------------------------------------------- */

static void
advance(struct loop *loop)
{
	struct bulk *b = LOOP_OWNER(loop, struct bulk, loop);

	do
		print_in_order(b);
	while (take_queries(b));
	/* Flush before waiting, so that what was printed is seen. */
	if (output_flush(b->failure) == -1)
		loop_stop(loop, -1);
	else if (b->count > 0 || !b->inputs.ended)
		watch_input(b);
	else
		loop_stop(loop, b->status);
}

/* The program ends, so the question, if there is one, is left as it is. */
static void
time_out_at_end(struct bulk *b, struct job *job)
{
	if (job->question != NULL)
		start_time(b, job, job->question->started_ns);
	time_job_out(b, job, by_max_time);
}

static void
time_out_all(struct bulk *b)
{
	for (size_t left = b->config->unordered ? 0 : b->count; left > 0; left--) {
		struct job *job = b->ring[b->head];

		b->head = (b->head + 1) % b->size;
		if (!job->ended)
			time_out_at_end(b, job);
		print_job(b, job);
	}
	/* With --unordered each job is printed, and freed, as it ends. */
	for (size_t i = 0; b->config->unordered && i < JOBS_BUCKETS; i++) {
		while (b->jobs.buckets[i] != NULL)
			time_out_at_end(b, b->jobs.buckets[i]);
	}
}

/* Time is over: every query that was read gets its line, an answer or an error. */
static void
time_is_over(struct loop *loop)
{
	struct bulk *b = LOOP_OWNER(loop, struct bulk, loop);
	const char *rest = b->sweep != NULL ? b->sweep->query : inputs_rest(&b->inputs);

	time_out_all(b);
	if (output_flush(b->failure) == 0 && rest == NULL) {
		loop_stop(loop, b->status);
		return;
	}
	if (rest != NULL)
		(void)failure_set(b->failure, STATUS_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)",
		    "look up the rest of %s", rest);
	loop_stop(loop, -1);
}

static int64_t
look_again_ns(const struct host_config *config)
{
	int64_t limit = run.timeouts.operation_ns, wait = config->wait_ns, ns = LOOK_AGAIN_MAX;

	if (limit != SKU_NO_TIMEOUT && limit < ns)
		ns = limit;
	if (wait > 0 && wait < ns)
		ns = wait;
	return ns > LOOK_AGAIN_MIN ? ns : LOOK_AGAIN_MIN;
}

/* How many look-ups may go on at once: as many as wanted, or as there are descriptors for. */
static size_t
look_ups_max(size_t wanted)
{
	struct rlimit limit = { 0, 0 };
	size_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < FDS_RESERVED + FDS_A_LOOK_UP * wanted) {
		run_raise_descriptor_limit();
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	most = limit.rlim_cur < FDS_RESERVED + FDS_A_LOOK_UP ?
		   1 :
		   (size_t)(limit.rlim_cur - FDS_RESERVED) / FDS_A_LOOK_UP;
	return wanted < most ? wanted : most;
}

int
bulk_run(const struct host_config *config, struct failure *failure)
{
	/* Static, and never freed: threads whose look-ups go on use it until the program has ended.
	 */
	static struct bulk bulk;
	struct bulk *b = &bulk;
	size_t jobs = (size_t)config->jobs, most = look_ups_max(ABANDONED_FOR_EACH_JOB * jobs);

	if (jobs > most)
		jobs = most;
	b->loop.canceled = time_is_over;
	b->loop.turn = advance;
	b->input_io.ready = input_ready;
	b->config = config;
	b->failure = failure;
	b->look_again_ns = look_again_ns(config);
	b->size = LOOK_AHEAD_MIN > 4 * jobs ? LOOK_AHEAD_MIN : 4 * jobs;
	b->ring = calloc(b->size, sizeof(struct job *));
	if (b->ring == NULL || loop_open(&b->loop) == -1 ||
	    (b->pool = pool_new(&b->loop, jobs, WORKER_STACK)) == NULL)
		return failure_errno(failure, errno, "prepare the look-ups");
	jobs_init(&b->jobs, config->no_cache);
	pool_limit_abandoned(b->pool, most);
	state_on_sigusr1("state", counter_rows);
	inputs_open(
	    &b->inputs, config->names, config->name_count, &config->files, &b->input_failure);
	advance(&b->loop);
	return loop_run(&b->loop);
}

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

#define LOOK_AHEAD_MIN ((size_t)1024)
#define ABANDONED_FOR_EACH_JOB 4
#define WORKER_STACK ((size_t)256 * 1024)
#define LOOK_AGAIN_MIN SKU_MS /* pause before another look at a queued question */

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

/* The question has an answer, or has timed out.  With --wait another one may follow. */
static void
end_question(struct bulk *b, struct job *job, int64_t started_ns, int64_t ended_ns)
{
	if (job->started_ns == 0) {
		job->started_ns = started_ns;
		retry_begin_at(&job->retry, b->config->wait_ns, started_ns);
	}
	job->question = NULL;
	job->answer.seconds_ns = ended_ns - job->started_ns;
	if (!job->retry.wanted || !answer_is_temporary(&job->answer)) {
		end_job(b, job);
		return;
	}
	retry_try(&job->retry);
	(void)loop_set_timer(&b->loop, &job->timer, job->retry.next_at.at_ns);
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
time_question_out(struct bulk *b, struct job *job)
{
	int64_t started_ns = job->question->started_ns;

	pool_abandon(b->pool, &job->question->worker);
	counter_add(&abandoned_count, 1);
	answer_set_timed_out(&job->answer);
	end_question(b, job, started_ns, b->loop.now);
}

static void job_due(struct loop *loop, struct loop_timer *timer);

static void
ask(struct bulk *b, struct job *job)
{
	size_t len = strlen(job->query) + 1;
	struct question *q = calloc(1, sizeof(*q) + len);
	int64_t limit = run.timeouts.operation_ns;

	job->timer.due = job_due;
	/* The pause of --wait needs the timer, too. */
	if (q == NULL ||
	    ((limit != SKU_NO_TIMEOUT || b->config->wait_ns != 0) &&
		loop_set_timer(&b->loop, &job->timer,
		    limit != SKU_NO_TIMEOUT ? b->loop.now + limit : LOOP_PARKED) == -1)) {
		free(q);
		answer_set_no_memory(&job->answer);
		end_job(b, job);
		return;
	}
	q->worker = (struct loop_worker){ question_work, question_done, question_discard, NULL, 0 };
	q->config = b->config;
	q->job = job;
	memcpy(q->query, job->query, len);
	if (pool_submit(b->pool, &q->worker) == 0) {
		job->question = q;
		return;
	}
	loop_stop(&b->loop, failure_errno(b->failure, errno, "start a thread"));
	free(q);
}

/* The pause of --wait is over: ask again, or time out. */
static void
ask_again(struct bulk *b, struct job *job)
{
	if (!sku_deadline_passed(job->retry.until)) {
		ask(b, job);
		return;
	}
	job->answer.seconds_ns = b->loop.now - job->started_ns;
	answer_set_timed_out(&job->answer);
	end_job(b, job);
}

/* The time of a question starts when a thread begins with it. */
static void
job_due(struct loop *loop, struct loop_timer *timer)
{
	struct bulk *b = LOOP_OWNER(loop, struct bulk, loop);
	struct job *job = LOOP_OWNER(timer, struct job, timer);
	int64_t limit = run.timeouts.operation_ns, started_ns, due_ns;

	if (job->question == NULL) {
		ask_again(b, job);
		return;
	}
	started_ns = job->question->started_ns;
	if (started_ns != 0)
		due_ns = started_ns + limit;
	else
		due_ns = loop->now + (limit > LOOK_AGAIN_MIN ? limit : LOOK_AGAIN_MIN);
	if (due_ns > loop->now)
		(void)loop_set_timer(loop, timer, due_ns);
	else
		time_question_out(b, job);
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

/* Time is over: print the answers that are known, also behind some that are not. */
static void
time_is_over(struct loop *loop)
{
	struct bulk *b = LOOP_OWNER(loop, struct bulk, loop);

	for (size_t left = b->config->unordered ? 0 : b->count; left > 0; left--) {
		struct job *job = b->ring[b->head];

		b->head = (b->head + 1) % b->size;
		if (job->ended)
			print_job(b, job);
	}
	if (output_flush(b->failure) == 0)
		(void)failure_set(
		    b->failure, STATUS_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)", "look up");
	loop_stop(loop, -1);
}

int
bulk_run(const struct host_config *config, struct failure *failure)
{
	/* Static, and never freed: threads whose look-ups go on use it until the program has ended.
	 */
	static struct bulk bulk;
	struct bulk *b = &bulk;
	size_t jobs = (size_t)config->jobs;

	b->loop.canceled = time_is_over;
	b->loop.turn = advance;
	b->input_io.ready = input_ready;
	b->config = config;
	b->failure = failure;
	b->size = LOOK_AHEAD_MIN > 4 * jobs ? LOOK_AHEAD_MIN : 4 * jobs;
	b->ring = calloc(b->size, sizeof(struct job *));
	if (b->ring == NULL || loop_open(&b->loop) == -1 ||
	    (b->pool = pool_new(&b->loop, jobs, WORKER_STACK)) == NULL)
		return failure_errno(failure, errno, "prepare the look-ups");
	jobs_init(&b->jobs, config->no_cache);
	pool_limit_abandoned(b->pool, ABANDONED_FOR_EACH_JOB * jobs);
	state_on_sigusr1("state", counter_rows);
	inputs_open(
	    &b->inputs, config->names, config->name_count, &config->files, &b->input_failure);
	advance(&b->loop);
	return loop_run(&b->loop);
}

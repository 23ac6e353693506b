/* bulk.c - many look-ups at once, printed in order, in bounded memory and bounded time.
 * Row tool.
 *
 * One loop reads the queries and prints the answers, from the front of a ring; the threads of a
 * pool ask the resolver.  A look-up inside the C library cannot be stopped: one that outlives
 * --timeout is left to its thread, which another one replaces, and which works on when the resolver
 * lets it go.  Queries that are the same and under way together are asked once. */
#include "hostlookup/bulk.h"

#include "hostlookup/lookup.h"
#include "net/retry.h"
#include "options/inputs.h"
#include "run/loop.h"
#include "run/message.h"
#include "run/pool.h"
#include "run/run.h"
#include "run/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AHEAD_MIN ((size_t)1024)
#define ABANDONED_FOR_EACH_JOB 4
#define WORKER_STACK ((size_t)256 * 1024)
#define BUCKETS ((size_t)4096) /* a power of two */
#define LOOK_AGAIN_MIN SKU_MS  /* until a question that is still queued is looked at again */

/* One question to the resolver, which may outlive its job. */
struct question {
	struct loop_worker worker;
	const struct host_config *config;
	struct job *job;	    /* for the loop alone */
	_Atomic int64_t started_ns; /* 0: it is queued */
	struct lookup_answer answer;
	char query[];
};

/* What is to be answered; several places in the ring may wait for it. */
struct job {
	struct question *question; /* under way; NULL: none */
	struct loop_timer timer;   /* --timeout of the question, or the pause before the next one */
	int64_t started_ns;	   /* when the first question began; 0: not known yet */
	struct retry retry;	   /* --wait, from then on */
	bool ended;		   /* the answer is there */
	struct lookup_answer answer;
	size_t references;
	struct job *next_in_bucket;
	char query[];
};

struct bulk {
	struct loop loop;
	const struct host_config *config;
	struct pool *pool;
	struct inputs inputs;
	struct loop_io input_io;
	struct job **ring; /* what is not printed yet; with --unordered its count alone matters */
	size_t size, head, count;
	struct job *buckets[BUCKETS];
	int status;
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

/* ---- jobs ---------------------------------------------------------------------------------- */

static struct job **
bucket_of(struct bulk *b, const char *query)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *query != '\0'; query++)
		hash = (hash ^ (unsigned char)*query) * UINT64_C(0x100000001b3);
	return &b->buckets[(hash >> 20) & (BUCKETS - 1)];
}

/* Not one that is malformed: its text may be but the beginning of what it was. */
static struct job *
find_job(struct bulk *b, const char *query)
{
	struct job *job = *bucket_of(b, query);

	while (
	    job != NULL && (job->answer.status == STATUS_USAGE || strcmp(job->query, query) != 0))
		job = job->next_in_bucket;
	return job;
}

static struct job *
new_job(struct bulk *b, const char *query)
{
	struct job **bucket = bucket_of(b, query);
	size_t len = strlen(query) + 1;
	struct job *job = calloc(1, sizeof(*job) + len);

	if (job == NULL)
		return NULL;
	memcpy(job->query, query, len);
	job->next_in_bucket = *bucket;
	*bucket = job;
	return job;
}

static void
free_job(struct bulk *b, struct job *job)
{
	struct job **link = bucket_of(b, job->query);

	while (*link != job)
		link = &(*link)->next_in_bucket;
	*link = job->next_in_bucket;
	lookup_clear(&job->answer);
	free(job);
}

/* ---- printing ------------------------------------------------------------------------------ */

/* For one place in the ring. */
static void
print_job(struct bulk *b, struct job *job)
{
	counter_add(&printed_count, 1);
	raise_status(b, lookup_print(b->config, job->query, &job->answer));
	b->count--;
	if (--job->references == 0)
		free_job(b, job);
}

/* Those whose turn it is. */
static void
print_in_order(struct bulk *b)
{
	while (!b->config->unordered && b->count > 0 && b->ring[b->head]->ended) {
		struct job *job = b->ring[b->head];

		b->head = (b->head + 1) % b->size;
		print_job(b, job);
	}
}

static void
end_job(struct bulk *b, struct job *job)
{
	loop_clear_timer(&b->loop, &job->timer);
	job->ended = true;
	for (size_t left = b->config->unordered ? job->references : 0; left > 0; left--)
		print_job(b, job);
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

	lookup_clear(&q->answer);
	free(q);
}

/* The question has an answer, or none in its time: with --wait there may be another one. */
static void
end_question(struct bulk *b, struct job *job, int64_t started_ns, int64_t ended_ns)
{
	if (job->started_ns == 0) {
		job->started_ns = started_ns;
		retry_begin_at(&job->retry, b->config->wait_ns, started_ns);
	}
	job->question = NULL;
	job->answer.seconds_ns = ended_ns - job->started_ns;
	if (!job->retry.wanted || !lookup_is_temporary(&job->answer)) {
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

	job->answer = q->answer; /* one that is replaced was a failure, which owns nothing */
	end_question(b, job, q->started_ns, q->started_ns + q->answer.seconds_ns);
	free(q);
}

static void
time_question_out(struct bulk *b, struct job *job)
{
	int64_t started_ns = job->question->started_ns;

	pool_abandon(b->pool, &job->question->worker);
	counter_add(&abandoned_count, 1);
	lookup_set_timed_out(&job->answer);
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
		lookup_set_no_memory(&job->answer);
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
	loop_stop(&b->loop, msg_error(STATUS_FAILED, errno, strerror(errno), "start a thread"));
	free(q);
}

/* The pause of --wait is over. */
static void
ask_again(struct bulk *b, struct job *job)
{
	if (!sku_deadline_passed(job->retry.until)) {
		ask(b, job);
		return;
	}
	job->answer.seconds_ns = b->loop.now - job->started_ns;
	lookup_set_timed_out(&job->answer);
	end_job(b, job);
}

/* The clock of a question runs from when a thread began with it. */
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
add_query(struct bulk *b, const struct input *query)
{
	const char *fault =
	    query->error != NULL ? query->error : lookup_validate(b->config, query->text);
	struct job *known = fault == NULL ? find_job(b, query->text) : NULL;
	struct job *job = known != NULL ? known : new_job(b, query->text);

	counter_add(&read_count, 1);
	if (job == NULL) {
		raise_status(b, msg_error_errno(STATUS_FAILED, ENOMEM, "look up %s", query->text));
		return;
	}
	b->ring[(b->head + b->count++) % b->size] = job;
	job->references++;
	if (known != NULL)
		return;
	if (fault != NULL) {
		lookup_set_error(&job->answer, fault);
		end_job(b, job);
	} else {
		ask(b, job);
	}
}

/* As many as there is room for, of those that were read: were there any? */
static bool
take_queries(struct bulk *b)
{
	struct input query;
	bool any = false;

	while (b->count < b->size && !b->loop.stopped && inputs_next(&b->inputs, &query)) {
		add_query(b, &query);
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

/* Everything that was read has its place in the ring, where there is room for more. */
static void
watch_input(struct bulk *b)
{
	b->input_io.fd = b->inputs.fd;
	if (b->count < b->size && !b->inputs.ended &&
	    loop_watch(&b->loop, &b->input_io, EPOLLIN) == -1)
		loop_stop(&b->loop, msg_error_errno(STATUS_FAILED, errno, "wait for the input"));
}

/* ---- all together -------------------------------------------------------------------------- */

static void
advance(struct loop *loop)
{
	struct bulk *b = LOOP_OWNER(loop, struct bulk, loop);
	int flushed;

	do
		print_in_order(b);
	while (take_queries(b));
	/* What was printed so far is seen before anybody waits. */
	flushed = msg_flush();
	if (flushed != STATUS_OK)
		loop_stop(loop, flushed);
	else if (b->count > 0 || !b->inputs.ended)
		watch_input(b);
	else
		loop_stop(loop, b->status > b->inputs.status ? b->status : b->inputs.status);
}

/* What is known is printed, also behind what is not. */
static void
time_is_over(struct loop *loop)
{
	struct bulk *b = LOOP_OWNER(loop, struct bulk, loop);
	int flushed;

	for (size_t left = b->config->unordered ? 0 : b->count; left > 0; left--) {
		struct job *job = b->ring[b->head];

		b->head = (b->head + 1) % b->size;
		if (job->ended)
			print_job(b, job);
	}
	flushed = msg_flush();
	loop_stop(loop, flushed != STATUS_OK ? flushed :
					       msg_error(STATUS_TIMED_OUT, ETIMEDOUT,
						   "timed out (--max-time)", "look up"));
}

int
bulk_run(const struct host_config *config)
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
	b->size = LOOK_AHEAD_MIN > 4 * jobs ? LOOK_AHEAD_MIN : 4 * jobs;
	b->ring = calloc(b->size, sizeof(struct job *));
	if (b->ring == NULL || loop_open(&b->loop) == -1 ||
	    (b->pool = pool_new(&b->loop, jobs, WORKER_STACK)) == NULL)
		return msg_error_errno(STATUS_FAILED, errno, "prepare the look-ups");
	pool_limit_abandoned(b->pool, ABANDONED_FOR_EACH_JOB * jobs);
	state_on_sigusr1("state", counter_rows);
	inputs_open(&b->inputs, config->names, config->name_count, config->file);
	advance(&b->loop);
	return loop_run(&b->loop);
}

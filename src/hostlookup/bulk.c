/* bulk.c - many look-ups at once, printed in order, in bounded memory and bounded time.
 * Row tool.
 *
 * The main thread reads queries into a ring; workers look them up; one thread prints, from the
 * front of the ring.  A look-up inside the C library cannot be stopped: one that outlives --timeout
 * is left to its worker, which another one replaces, and which ends when the resolver lets it go.
 * Queries that are the same and under way together are asked once. */
#include "hostlookup/bulk.h"

#include "hostlookup/lookup.h"
#include "options/inputs.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "run/state.h"
#include "run/threads.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_AHEAD_MIN ((size_t)1024)
#define ABANDONED_FOR_EACH_JOB 4
#define WORKER_STACK ((size_t)256 * 1024)
#define BUCKETS ((size_t)4096) /* a power of two */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_ABANDONED };

/* A question under way; several entries of the ring may wait for it. */
struct job {
	enum job_state state;
	unsigned references; /* entries, and the worker that has it */
	_Atomic int64_t started_ns;
	struct lookup_answer answer;
	struct job *next; /* in the queue */
	struct job *next_in_bucket;
	char query[];
};

/* A place in the ring: a query that was read and is not printed yet. */
struct entry {
	struct job *job;   /* NULL: it is malformed, or printed */
	char *text;	   /* malformed: the query, */
	const char *error; /* and what is wrong with it */
	bool printed;
};

struct bulk {
	const struct host_config *config;
	pthread_mutex_t lock;
	pthread_cond_t worker_wakes;  /* for workers: a job is queued */
	pthread_cond_t printer_wakes; /* for the printer: something was read, began or ended */
	pthread_cond_t reader_wakes;  /* for the reader: an entry was printed */
	struct entry *ring;
	size_t size, head, count;
	struct job *first, **last; /* the queue */
	size_t queued;
	size_t workers, idle, abandoned;
	struct job *buckets[BUCKETS];
	bool read_all, stopped;
	int status;
};

static state_counter read_count, printed_count, abandoned_count;

static const struct state_row counter_rows[] = {
	{ "read", &read_count },
	{ "printed", &printed_count },
	{ "abandoned", &abandoned_count },
	{ NULL, NULL },
};

/* ---- jobs ---------------------------------------------------------------------------------- */

static struct job **
bucket_of(struct bulk *b, const char *query)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *query != '\0'; query++)
		hash = (hash ^ (unsigned char)*query) * UINT64_C(0x100000001b3);
	return &b->buckets[(hash >> 20) & (BUCKETS - 1)];
}

static struct job *
find_job(struct bulk *b, const char *query)
{
	struct job *job = *bucket_of(b, query);

	while (job != NULL && (job->state == JOB_ABANDONED || strcmp(job->query, query) != 0))
		job = job->next_in_bucket;
	return job;
}

static void
release_job(struct bulk *b, struct job *job)
{
	struct job **link;

	if (--job->references > 0)
		return;
	for (link = bucket_of(b, job->query); *link != job; link = &(*link)->next_in_bucket)
		;
	*link = job->next_in_bucket;
	lookup_clear(&job->answer);
	free(job);
}

static struct job *
enqueue_job(struct bulk *b, const char *query)
{
	struct job **bucket = bucket_of(b, query);
	size_t len = strlen(query) + 1;
	struct job *job = calloc(1, sizeof(*job) + len);

	if (job == NULL)
		return NULL;
	memcpy(job->query, query, len);
	job->next_in_bucket = *bucket;
	*bucket = job;
	*b->last = job;
	b->last = &job->next;
	b->queued++;
	return job;
}

static struct job *
dequeue_job(struct bulk *b)
{
	struct job *job = b->first;

	b->first = job->next;
	if (b->first == NULL)
		b->last = &b->first;
	b->queued--;
	job->next = NULL;
	return job;
}

/* ---- the ring ------------------------------------------------------------------------------ */

static struct entry *
entry_at(struct bulk *b, size_t i)
{
	return &b->ring[(b->head + i) % b->size];
}

/* Something happened to the job (NULL: to the ring): wake the printer, if that is what it waits
 * for. */
static void
wake_printer(struct bulk *b, const struct job *job)
{
	if (job == NULL || b->config->unordered || (b->count > 0 && entry_at(b, 0)->job == job))
		(void)pthread_cond_signal(&b->printer_wakes);
}

/* ---- workers ------------------------------------------------------------------------------- */

/* With the lock held: look one up, without it.  False: it was given up meanwhile, and so was this
 * worker. */
static bool
run_job(struct bulk *b, struct job *job)
{
	struct lookup_answer answer;
	bool wanted;

	job->state = JOB_RUNNING;
	job->references++;
	job->started_ns = sku_now();
	if (run.timeouts.operation_ns != SKU_NO_TIMEOUT)
		wake_printer(b, job); /* its clock runs */
	(void)pthread_mutex_unlock(&b->lock);
	lookup_ask(b->config, job->query, &job->started_ns, &answer);
	(void)pthread_mutex_lock(&b->lock);
	wanted = job->state == JOB_RUNNING;
	if (wanted) {
		job->answer = answer;
		job->state = JOB_DONE;
		wake_printer(b, job);
	} else {
		lookup_clear(&answer);
		b->abandoned--;
		wake_printer(b, NULL); /* another worker may be started now */
	}
	release_job(b, job);
	return wanted;
}

static void *
worker_main(void *arg)
{
	struct bulk *b = arg;
	bool wanted = true;

	(void)pthread_mutex_lock(&b->lock);
	while (wanted) {
		while (b->first == NULL) {
			b->idle++;
			(void)pthread_cond_wait(&b->worker_wakes, &b->lock);
			b->idle--;
		}
		wanted = run_job(b, dequeue_job(b));
	}
	(void)pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* With the lock held: as many workers as there is work for, within --jobs, unless too many look-ups
 * that were given up still go on. */
static void
start_worker_if_needed(struct bulk *b)
{
	if (b->idle > 0)
		(void)pthread_cond_signal(&b->worker_wakes);
	if (b->queued > b->idle && b->workers < (size_t)b->config->jobs &&
	    b->abandoned < ABANDONED_FOR_EACH_JOB * (size_t)b->config->jobs &&
	    thread_start(NULL, WORKER_STACK, worker_main, b) == 0)
		b->workers++;
}

/* ---- printing ------------------------------------------------------------------------------ */

static bool
is_ready(const struct entry *e)
{
	return e->printed || e->job == NULL || e->job->state == JOB_DONE ||
	       e->job->state == JOB_ABANDONED;
}

static int64_t
deadline_of(const struct entry *e)
{
	if (e->job == NULL || e->job->state != JOB_RUNNING ||
	    run.timeouts.operation_ns == SKU_NO_TIMEOUT)
		return INT64_MAX;
	return e->job->started_ns + run.timeouts.operation_ns;
}

static void
abandon_job(struct bulk *b, struct job *job, const char *reason)
{
	job->state = JOB_ABANDONED;
	job->answer.seconds_ns = sku_now() - job->started_ns;
	lookup_set_timed_out(&job->answer, reason);
	b->abandoned++;
	b->workers--;
	counter_add(&abandoned_count, 1);
	start_worker_if_needed(b);
}

/* The next entry to print, or NULL and when to look again. */
static struct entry *
find_ready(struct bulk *b, int64_t *look_again_ns)
{
	int64_t now = sku_now();

	*look_again_ns = run.timeouts.run.at_ns;
	for (size_t i = 0; i < b->count; i++) {
		struct entry *e = entry_at(b, i);

		if (deadline_of(e) <= now)
			abandon_job(b, e->job, "timed out");
		if (deadline_of(e) < *look_again_ns)
			*look_again_ns = deadline_of(e);
		if (is_ready(e) && !e->printed)
			return e;
		if (!b->config->unordered)
			break;
	}
	return NULL;
}

/* Without the lock: an entry is printed by its only printer. */
static int
print_entry(const struct bulk *b, const struct entry *e)
{
	struct lookup_answer answer = { 0 };

	counter_add(&printed_count, 1);
	if (e->error == NULL)
		return lookup_print(b->config, e->job->query, &e->job->answer);
	lookup_set_error(&answer, e->error);
	return lookup_print(b->config, e->text, &answer);
}

static void
remove_entry(struct bulk *b, struct entry *e)
{
	if (e->job != NULL)
		release_job(b, e->job);
	free(e->text);
	*e = (struct entry){ .printed = true };
	while (b->count > 0 && entry_at(b, 0)->printed) {
		b->head = (b->head + 1) % b->size;
		b->count--;
		(void)pthread_cond_signal(&b->reader_wakes);
	}
}

static void
wait_for_printer_wake(struct bulk *b, int64_t until_ns)
{
	const struct timespec at = { .tv_sec = (time_t)(until_ns / SKU_SECOND),
		.tv_nsec = (long)(until_ns % SKU_SECOND) };

	if (until_ns == INT64_MAX)
		(void)pthread_cond_wait(&b->printer_wakes, &b->lock);
	else
		(void)pthread_cond_timedwait(&b->printer_wakes, &b->lock, &at);
}

static void *
printer_main(void *arg)
{
	struct bulk *b = arg;
	int64_t look_again_ns;
	int status;

	(void)pthread_mutex_lock(&b->lock);
	while (!b->stopped && (b->count > 0 || !b->read_all)) {
		struct entry *e = find_ready(b, &look_again_ns);

		if (e == NULL) {
			if (sku_now() >= run.timeouts.run.at_ns)
				break;
			start_worker_if_needed(b);
			/* What was printed so far is seen before anybody waits. */
			if (msg_flush() != STATUS_OK)
				b->stopped = true;
			else
				wait_for_printer_wake(b, look_again_ns);
			continue;
		}
		(void)pthread_mutex_unlock(&b->lock);
		status = print_entry(b, e);
		(void)pthread_mutex_lock(&b->lock);
		if (status > b->status)
			b->status = status;
		remove_entry(b, e);
	}
	b->stopped = true;
	(void)pthread_cond_signal(&b->reader_wakes);
	(void)pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* With the lock held.  False: it is over. */
static bool
add_query(struct bulk *b, const struct input *query)
{
	const char *fault =
	    query->error != NULL ? query->error : lookup_validate(b->config, query->text);
	struct entry *e;

	while (b->count == b->size && !b->stopped)
		(void)pthread_cond_wait(&b->reader_wakes, &b->lock);
	if (b->stopped)
		return false;
	e = entry_at(b, b->count);
	*e = (struct entry){ 0 };
	if (fault != NULL) {
		e->text = strdup(query->text);
		e->error = e->text != NULL ? fault : NULL;
	} else {
		e->job = find_job(b, query->text);
		if (e->job == NULL)
			e->job = enqueue_job(b, query->text);
		if (e->job != NULL)
			e->job->references++;
	}
	if (e->job == NULL && e->error == NULL) {
		b->status = msg_error_errno(STATUS_FAILED, ENOMEM, "look up %s", query->text);
		return false;
	}
	b->count++;
	counter_add(&read_count, 1);
	start_worker_if_needed(b);
	if (b->count == 1 || b->config->unordered)
		wake_printer(b, NULL);
	return true;
}

static void
read_queries(struct bulk *b)
{
	struct inputs inputs;
	struct input query;
	bool more = true;

	inputs_open(&inputs, b->config->names, b->config->name_count, b->config->file);
	do {
		while (more && inputs_next(&inputs, &query)) {
			(void)pthread_mutex_lock(&b->lock);
			more = add_query(b, &query);
			(void)pthread_mutex_unlock(&b->lock);
		}
	} while (more && inputs_wait(&inputs));
	(void)pthread_mutex_lock(&b->lock);
	b->read_all = true;
	if (inputs.status > b->status)
		b->status = inputs.status;
	(void)pthread_cond_signal(&b->printer_wakes);
	(void)pthread_mutex_unlock(&b->lock);
	inputs_close(&inputs);
}

/* ---- all together -------------------------------------------------------------------------- */

static struct bulk *
new_bulk(const struct host_config *config)
{
	struct bulk *b = calloc(1, sizeof(*b));
	pthread_condattr_t attr;

	if (b == NULL)
		return NULL;
	b->config = config;
	b->size =
	    LOOK_AHEAD_MIN > 4 * (size_t)config->jobs ? LOOK_AHEAD_MIN : 4 * (size_t)config->jobs;
	b->ring = calloc(b->size, sizeof(*b->ring));
	b->last = &b->first;
	(void)pthread_mutex_init(&b->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&b->worker_wakes, NULL);
	(void)pthread_cond_init(&b->printer_wakes, &attr);
	(void)pthread_cond_init(&b->reader_wakes, NULL);
	(void)pthread_condattr_destroy(&attr);
	if (b->ring == NULL) {
		free(b);
		return NULL;
	}
	return b;
}

int
bulk_run(const struct host_config *config)
{
	/* Never freed: workers that were given up may use it until the program has ended. */
	static struct bulk *b;
	pthread_t printer;
	int error;

	b = new_bulk(config);
	if (b == NULL)
		return msg_error_errno(STATUS_FAILED, ENOMEM, "prepare the look-ups");
	state_on_sigusr1("state", counter_rows);
	error = thread_start(&printer, WORKER_STACK, printer_main, b);
	if (error != 0)
		return msg_error_errno(STATUS_FAILED, error, "prepare the look-ups");
	read_queries(b);
	(void)pthread_join(printer, NULL);
	if (b->count > 0 && sku_deadline_passed(run.timeouts.run))
		return msg_error(STATUS_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)", "look up");
	return b->status;
}

/* jobs.h - what must be answered: one job for all equal queries. */
#ifndef HOSTLOOKUP_JOBS_H
#define HOSTLOOKUP_JOBS_H

#include "hostlookup/answer.h"
#include "hostlookup/cache.h"
#include "net/retry.h"
#include "run/loop.h"

#define JOBS_BUCKETS ((size_t)4096) /* a power of two */

struct asker;
struct question;
struct sweep;

struct job {
	struct question *question; /* the question under way; NULL: none */
	struct loop_timer timer;   /* a limit, the pause before the next question, or a note */
	int64_t started_ns;	   /* when the first question began; 0: not known yet */
	struct retry retry;	   /* --wait, from started_ns on */
	bool ended;		   /* the answer is there */
	int64_t fresh_until_ns;	   /* with an answer: a later query is a new job */
	struct lookup_answer answer;
	struct asker *askers, **last_asker; /* in their order */
	struct job *next_in_bucket;
	char query[];
};

struct jobs {
	bool forgetful; /* every query is a job of its own */
	struct job *buckets[JOBS_BUCKETS];
	struct cache cache;
};

void jobs_init(struct jobs *jobs, bool forgetful);
/* A job for this query that is under way, or whose answer is still fresh now (it has ended, or was
 * made from the cache).  NULL: there is none. */
struct job *jobs_find(struct jobs *jobs, const char *query, int64_t now_ns);
/* NULL: out of memory. */
struct job *jobs_new(struct jobs *jobs, const char *query);
/* Free a job.  A fresh answer goes into the cache. */
void jobs_free(struct jobs *jobs, struct job *job);
/* The job has its answer now. */
void job_end(struct job *job, int64_t now_ns);

/* Add a query that waits for the answer: one that stands for itself (sweep NULL), or an address of
 * a sweep.  False: out of memory. */
bool job_add_asker(struct job *job, struct sweep *sweep);
/* Is more than one query waiting? */
bool job_has_others(const struct job *job);
/* Remove the first query that waits.  Returns its sweep. */
struct sweep *job_remove_asker(struct job *job);

#endif

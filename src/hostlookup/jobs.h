/* jobs.h - what is to be answered, once for all who ask it. */
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
	struct question *question; /* under way; NULL: none */
	struct loop_timer timer;   /* --timeout of the question, or the pause before the next one */
	int64_t started_ns;	   /* when the first question began; 0: not known yet */
	struct retry retry;	   /* --wait, from then on */
	bool ended;		   /* the answer is there */
	int64_t fresh_until_ns;	   /* once it is there: who asks later asks anew */
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
/* One that is under way, or, at this instant, one whose answer is still fresh: it ended, or was
 * made again from memory.  NULL: there is none. */
struct job *jobs_find(struct jobs *jobs, const char *query, int64_t now_ns);
/* NULL: there is no memory. */
struct job *jobs_new(struct jobs *jobs, const char *query);
/* A fresh answer stays in memory. */
void jobs_free(struct jobs *jobs, struct job *job);
/* The answer is there, at this instant. */
void job_end(struct job *job, int64_t now_ns);

/* Somebody waits for the answer: a query that stands for itself (NULL), or one of a sweep.  False:
 * there is no memory. */
bool job_add_asker(struct job *job, struct sweep *sweep);
/* Is there more than one? */
bool job_has_others(const struct job *job);
/* Remove the first of them.  Returns its sweep. */
struct sweep *job_remove_asker(struct job *job);

#endif

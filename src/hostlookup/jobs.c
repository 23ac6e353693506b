/* jobs.c - what is to be answered, once for all who ask it.
 * Row tool. */
#include "hostlookup/jobs.h"

#include "run/hash.h"
#include "run/status.h"

#include <stdlib.h>
#include <string.h>

struct asker {
	struct asker *next;
	struct sweep *sweep; /* NULL: the query stands for itself */
};

/* Not one that is malformed: its text may be but the beginning of what it was. */
struct job *
jobs_find(struct jobs *jobs, const char *query)
{
	struct job *job = jobs->buckets[hash_bucket(query, JOBS_BUCKETS)];

	while (
	    job != NULL && (job->answer.status == STATUS_USAGE || strcmp(job->query, query) != 0))
		job = job->next_in_bucket;
	return job;
}

struct job *
jobs_new(struct jobs *jobs, const char *query)
{
	struct job **bucket = &jobs->buckets[hash_bucket(query, JOBS_BUCKETS)];
	size_t len = strlen(query) + 1;
	struct job *job = calloc(1, sizeof(*job) + len);

	if (job == NULL)
		return NULL;
	memcpy(job->query, query, len);
	job->last_asker = &job->askers;
	job->next_in_bucket = *bucket;
	*bucket = job;
	return job;
}

void
jobs_free(struct jobs *jobs, struct job *job)
{
	struct job **link = &jobs->buckets[hash_bucket(job->query, JOBS_BUCKETS)];

	while (*link != job)
		link = &(*link)->next_in_bucket;
	*link = job->next_in_bucket;
	answer_clear(&job->answer);
	free(job);
}

bool
job_add_asker(struct job *job, struct sweep *sweep)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (asker == NULL)
		return false;
	asker->sweep = sweep;
	*job->last_asker = asker;
	job->last_asker = &asker->next;
	return true;
}

bool
job_has_others(const struct job *job)
{
	return job->askers != NULL && job->askers->next != NULL;
}

struct sweep *
job_remove_asker(struct job *job)
{
	struct asker *asker = job->askers;
	struct sweep *sweep = asker->sweep;

	job->askers = asker->next;
	if (job->askers == NULL)
		job->last_asker = &job->askers;
	free(asker);
	return sweep;
}

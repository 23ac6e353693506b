/* jobs.c - what must be answered: one job for all equal queries.
 * Row tool. */
#include "hostlookup/jobs.h"

#include "libsockutil/sockutil.h"
#include "run/hash.h"
#include "run/status.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY_MAX ((size_t)4 << 20)
#define ANSWERS_STAY (60 * SKU_SECOND)
#define NOT_FOUNDS_STAY (10 * SKU_SECOND)

struct asker {
	struct asker *next;
	struct sweep *sweep; /* NULL: the query stands for itself */
};

void
jobs_init(struct jobs *jobs, bool forgetful)
{
	jobs->forgetful = forgetful;
	jobs->cache.limit = MEMORY_MAX - sizeof(jobs->cache);
}

static struct job *
remember(struct jobs *jobs, const char *query, int64_t now_ns)
{
	struct lookup_answer answer;
	const char *bytes = cache_get(&jobs->cache, query, now_ns);
	struct job *job;

	if (bytes == NULL || answer_unpack(&answer, bytes) == -1)
		return NULL;
	job = jobs_new(jobs, query);
	if (job == NULL) {
		answer_clear(&answer);
		return NULL;
	}
	job->answer = answer;
	job->ended = true;
	return job;
}

/* The text of a malformed query may be cut, so another query may have the same. */
static bool
can_be_shared(const struct job *job, int64_t now_ns)
{
	return job->answer.status != STATUS_USAGE && (!job->ended || now_ns < job->fresh_until_ns);
}

struct job *
jobs_find(struct jobs *jobs, const char *query, int64_t now_ns)
{
	struct job *job;

	if (jobs->forgetful)
		return NULL;
	job = jobs->buckets[hash_bucket(query, JOBS_BUCKETS)];
	while (job != NULL && (!can_be_shared(job, now_ns) || strcmp(job->query, query) != 0))
		job = job->next_in_bucket;
	return job != NULL ? job : remember(jobs, query, now_ns);
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
job_end(struct job *job, int64_t now_ns)
{
	job->ended = true;
	if (job->answer.status == STATUS_OK)
		job->fresh_until_ns = now_ns + ANSWERS_STAY;
	else if (job->answer.status == STATUS_NOT_FOUND)
		job->fresh_until_ns = now_ns + NOT_FOUNDS_STAY;
}

/* Is it an address, which is its own answer? */
static bool
is_its_own_answer(const struct job *job)
{
	const struct lookup_answer *answer = &job->answer;

	return answer->name == NULL && answer->addresses != NULL &&
	       strcmp(answer->addresses[0], job->query) == 0;
}

static void
keep(struct jobs *jobs, const struct job *job)
{
	size_t len;
	char *bytes = is_its_own_answer(job) ? NULL : answer_pack(&job->answer, &len);

	if (bytes != NULL)
		cache_put(&jobs->cache, job->query, bytes, len, job->fresh_until_ns);
	free(bytes);
}

void
jobs_free(struct jobs *jobs, struct job *job)
{
	struct job **link = &jobs->buckets[hash_bucket(job->query, JOBS_BUCKETS)];

	while (*link != job)
		link = &(*link)->next_in_bucket;
	*link = job->next_in_bucket;
	if (!jobs->forgetful && job->fresh_until_ns != 0)
		keep(jobs, job);
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

/* workers.c - a thread for each connection, and the main thread that waits for them.
 * Row run. */
#include "run/workers.h"

#include "run/threads.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK ((size_t)1024 * 1024) /* touched on demand */

struct job {
	struct crew *crew;
	void (*work)(void *);
	void *arg;
};

int
crew_open(struct crew *crew)
{
	(void)pthread_mutex_init(&crew->lock, NULL);
	(void)pthread_cond_init(&crew->changed, NULL);
	crew->count = 0;
	crew->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return crew->wake_fd == -1 ? -1 : 0;
}

void
crew_close(struct crew *crew)
{
	(void)pthread_mutex_lock(&crew->lock);
	while (crew->count > 0)
		(void)pthread_cond_wait(&crew->changed, &crew->lock);
	(void)pthread_mutex_unlock(&crew->lock);
	if (crew->wake_fd != -1)
		(void)close(crew->wake_fd);
	(void)pthread_cond_destroy(&crew->changed);
	(void)pthread_mutex_destroy(&crew->lock);
}

static void *
run(void *arg)
{
	struct job job = *(struct job *)arg;
	const uint64_t one = 1;

	free(arg);
	job.work(job.arg);
	(void)pthread_mutex_lock(&job.crew->lock);
	job.crew->count--;
	(void)!write(job.crew->wake_fd, &one, sizeof(one)); /* full is full: it wakes */
	(void)pthread_cond_broadcast(&job.crew->changed);
	(void)pthread_mutex_unlock(&job.crew->lock);
	return NULL;
}

int
crew_start(struct crew *crew, void (*work)(void *), void *arg)
{
	struct job *job = malloc(sizeof(*job));
	int error;

	if (job == NULL)
		return -1;
	*job = (struct job){ crew, work, arg };
	(void)pthread_mutex_lock(&crew->lock);
	crew->count++;
	(void)pthread_mutex_unlock(&crew->lock);
	error = cli_thread_start(NULL, STACK, run, job);
	if (error == 0)
		return 0;
	(void)pthread_mutex_lock(&crew->lock);
	crew->count--;
	(void)pthread_mutex_unlock(&crew->lock);
	free(job);
	errno = error;
	return -1;
}

void
crew_heard(struct crew *crew)
{
	uint64_t n;

	(void)!read(crew->wake_fd, &n, sizeof(n));
}

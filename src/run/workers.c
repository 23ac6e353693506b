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
	struct workers *workers;
	void (*work)(void *);
	void *arg;
};

int
workers_open(struct workers *workers)
{
	(void)pthread_mutex_init(&workers->lock, NULL);
	(void)pthread_cond_init(&workers->changed, NULL);
	workers->count = 0;
	workers->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return workers->wake_fd == -1 ? -1 : 0;
}

void
workers_close(struct workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	while (workers->count > 0)
		(void)pthread_cond_wait(&workers->changed, &workers->lock);
	(void)pthread_mutex_unlock(&workers->lock);
	if (workers->wake_fd != -1)
		(void)close(workers->wake_fd);
	(void)pthread_cond_destroy(&workers->changed);
	(void)pthread_mutex_destroy(&workers->lock);
}

static void *
run_worker(void *arg)
{
	struct job job = *(struct job *)arg;
	const uint64_t one = 1;

	free(arg);
	job.work(job.arg);
	(void)pthread_mutex_lock(&job.workers->lock);
	job.workers->count--;
	(void)!write(job.workers->wake_fd, &one, sizeof(one)); /* full is full: it wakes */
	(void)pthread_cond_broadcast(&job.workers->changed);
	(void)pthread_mutex_unlock(&job.workers->lock);
	return NULL;
}

int
workers_start(struct workers *workers, void (*work)(void *), void *arg)
{
	struct job *job = malloc(sizeof(*job));
	int error;

	if (job == NULL)
		return -1;
	*job = (struct job){ workers, work, arg };
	(void)pthread_mutex_lock(&workers->lock);
	workers->count++;
	(void)pthread_mutex_unlock(&workers->lock);
	error = thread_start(NULL, STACK, run_worker, job);
	if (error == 0)
		return 0;
	(void)pthread_mutex_lock(&workers->lock);
	workers->count--;
	(void)pthread_mutex_unlock(&workers->lock);
	free(job);
	errno = error;
	return -1;
}

void
workers_drain_event(struct workers *workers)
{
	uint64_t n;

	(void)!read(workers->wake_fd, &n, sizeof(n));
}

/* background.c - work that cannot be canceled, in a thread that may outlive its starter.
 * Row 2: above socket and deadline.
 *
 * A look-up inside the C library holds locks, so its thread cannot be canceled.  The thread is
 * detached.  The job is freed by its thread or by its starter, whichever is the last to use it. */
#include "libsockutil/background.h"

#include "libsockutil/socket.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct sku_background {
	pthread_mutex_t lock;
	pthread_cond_t finished;
	struct sku_work work;
	int notify_fd;
	bool done;
	bool abandoned;
};

/* enough for the C library and its name service modules; pages are allocated when they are used */
#define THREAD_STACK ((size_t)256 * 1024)

static atomic_uint threads; /* those that are working */

static void
free_job(struct sku_background *job)
{
	(void)pthread_cond_destroy(&job->finished);
	(void)pthread_mutex_destroy(&job->lock);
	free(job);
}

static void *
thread_main(void *arg)
{
	struct sku_background *job = arg;
	bool abandoned;

	job->work.run(job->work.arg);
	(void)atomic_fetch_sub(&threads, 1);
	(void)pthread_mutex_lock(&job->lock);
	job->done = true;
	abandoned = job->abandoned;
	if (!abandoned) {
		uint64_t one = 1;

		/* A write to a full eventfd fails, but a full one wakes its reader, too. */
		if (job->notify_fd != -1)
			(void)!write(job->notify_fd, &one, sizeof(one));
		(void)pthread_cond_signal(&job->finished);
	}
	(void)pthread_mutex_unlock(&job->lock);
	if (abandoned) {
		job->work.free_arg(job->work.arg);
		free_job(job);
	}
	return NULL;
}

int
sku_thread_start(void *(*run)(void *), void *arg, size_t stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int error;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, stack);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, &attr, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return error;
}

static int
start_thread(struct sku_background *job)
{
	int error;

	(void)atomic_fetch_add(&threads, 1);
	error = sku_thread_start(thread_main, job, THREAD_STACK);
	if (error != 0)
		(void)atomic_fetch_sub(&threads, 1);
	return error;
}

unsigned
sku_lookup_threads(void)
{
	return atomic_load(&threads);
}

struct sku_background *
sku_background_start(const struct sku_work *work, int notify_fd)
{
	struct sku_background *job = calloc(1, sizeof(*job));
	pthread_condattr_t attr;
	int error;

	if (job == NULL)
		return NULL;
	job->work = *work;
	job->notify_fd = notify_fd;
	(void)pthread_mutex_init(&job->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&job->finished, &attr);
	(void)pthread_condattr_destroy(&attr);
	error = start_thread(job);
	if (error != 0) {
		free_job(job);
		errno = error;
		return NULL;
	}
	return job;
}

bool
sku_background_done(struct sku_background *job)
{
	bool done;

	(void)pthread_mutex_lock(&job->lock);
	done = job->done;
	(void)pthread_mutex_unlock(&job->lock);
	return done;
}

int
sku_background_wait(struct sku_background *job, struct sku_deadline deadline)
{
	struct timespec at = { .tv_sec = (time_t)(deadline.at_ns / SKU_SECOND),
		.tv_nsec = (long)(deadline.at_ns % SKU_SECOND) };
	int error = 0;
	bool done;

	(void)pthread_mutex_lock(&job->lock);
	while (!job->done && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&job->finished, &job->lock, &at);
	done = job->done;
	(void)pthread_mutex_unlock(&job->lock);
	if (done)
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

void
sku_background_take(struct sku_background *job)
{
	/* Wait until the thread, which set done, has left its critical section. */
	(void)sku_background_done(job);
	free_job(job);
}

void
sku_background_abandon(struct sku_background *job)
{
	bool done;

	(void)pthread_mutex_lock(&job->lock);
	done = job->done;
	job->abandoned = true;
	(void)pthread_mutex_unlock(&job->lock);
	if (done) {
		job->work.free_arg(job->work.arg);
		free_job(job);
	}
}

int
sku_background_run(const struct sku_work *work, struct sku_deadline deadline)
{
	struct sku_background *job = NULL;
	int notify_fd = -1, result = 0, saved;

	if (sku_deadline_left(deadline) == SKU_NO_TIMEOUT && !sku_has_interrupt()) {
		work->run(work->arg);
		return 0;
	}
	/* With a hook, wait for an eventfd: signals do not end a wait for a condition. */
	if (sku_has_interrupt())
		result = notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (result != -1)
		job = sku_background_start(work, notify_fd);
	if (job == NULL)
		result = -1;
	else if (notify_fd != -1)
		result = sku_wait_fd(notify_fd, POLLIN, deadline);
	else
		result = sku_background_wait(job, deadline);
	saved = errno;
	if (job == NULL)
		work->free_arg(work->arg);
	else if (result == 0)
		sku_background_take(job);
	else
		sku_background_abandon(job);
	if (notify_fd != -1)
		(void)close(notify_fd);
	errno = saved;
	return result;
}

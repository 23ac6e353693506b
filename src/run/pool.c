/* pool.c - threads that work for a loop: what cannot be done without waiting.
 * Row run. */
#include "run/pool.h"

#include "libsockutil/background.h"
#include "run/handover.h"
#include "run/loop.h"
#include "run/run.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum worker_state { IDLE, QUEUED, WORKING, FINISHED, ABANDONED };

STAILQ_HEAD(list, loop_worker);

struct pool {
	struct loop *loop;
	struct loop_io wake; /* an eventfd: something has finished, or was handed over */
	size_t max_threads, max_abandoned, stack;
	struct list being_told; /* the loop's: finished, done() not called yet */
	pthread_mutex_t lock;	/* guards what follows */
	pthread_cond_t changed; /* for threads: work, or the end; for pool_free(): a thread ended,
				 * or something was handed over */
	struct list queue, finished;
	size_t queued, alive, idle, working, abandoned;
	bool waking; /* an idle thread was signaled and has not woken yet */
	bool closing;
	bool has_handed;     /* pool_free() is to take what was handed over */
	unsigned references; /* the loop and each thread: the last one frees the pool */
};

/* ---- lists --------------------------------------------------------------------------------- */

static struct loop_worker *
take_first(struct list *list)
{
	struct loop_worker *worker = STAILQ_FIRST(list);

	if (worker != NULL)
		STAILQ_REMOVE_HEAD(list, next);
	return worker;
}

static void
take_out(struct list *list, const struct loop_worker *worker)
{
	struct loop_worker *other;

	STAILQ_FOREACH (other, list, next) {
		if (other == worker) {
			STAILQ_REMOVE(list, other, loop_worker, next);
			return;
		}
	}
}

/* ---- threads ------------------------------------------------------------------------------- */

/* Drop a reference.  Call it with the lock held; it is unlocked. */
static void
release(struct pool *pool)
{
	bool last = --pool->references == 0;

	(void)pthread_mutex_unlock(&pool->lock);
	if (!last)
		return;
	(void)pthread_cond_destroy(&pool->changed);
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* Call it with the lock held: wake an idle thread for queued work.  Only one is woken at a time,
 * and wakes the next: threads that are awake may have done all the work by then. */
static void
wake_one(struct pool *pool)
{
	if (pool->idle == 0 || pool->waking)
		return;
	pool->waking = true;
	(void)pthread_cond_signal(&pool->changed);
}

/* With the lock held: wait for work. */
static void
rest(struct pool *pool)
{
	while (STAILQ_EMPTY(&pool->queue) && !pool->closing) {
		pool->idle++;
		(void)pthread_cond_wait(&pool->changed, &pool->lock);
		pool->idle--;
		pool->waking = false;
	}
	if (pool->queued > 1)
		wake_one(pool);
}

/* With the lock held: may one more thread be started?  All that exist may be lost to abandoned
 * workers. */
static bool
has_place(const struct pool *pool)
{
	return pool->alive < pool->max_threads &&
	       pool->alive + pool->abandoned < pool->max_abandoned;
}

/* Call it with the lock held.  False: the pool was abandoned meanwhile, and this thread must
 * end. */
static bool
do_work(struct pool *pool, struct loop_worker *worker)
{
	const uint64_t one = 1;

	worker->state = WORKING;
	pool->working++;
	(void)pthread_mutex_unlock(&pool->lock);
	worker->work(worker);
	(void)pthread_mutex_lock(&pool->lock);
	if (worker->state == ABANDONED) {
		(void)pthread_mutex_unlock(&pool->lock);
		worker->discard(worker);
		(void)pthread_mutex_lock(&pool->lock);
		pool->abandoned--;
		if (STAILQ_EMPTY(&pool->queue) || !has_place(pool))
			return false;
		pool->alive++;
		return true;
	}
	worker->state = FINISHED;
	pool->working--;
	if (STAILQ_EMPTY(&pool->finished))
		(void)!write(pool->wake.fd, &one, sizeof(one));
	STAILQ_INSERT_TAIL(&pool->finished, worker, next);
	return true;
}

/* For handover.h, in any thread. */
static void
wake_loop(void *arg)
{
	const uint64_t one = 1;
	struct pool *pool = arg;

	(void)pthread_mutex_lock(&pool->lock);
	if (pool->closing) {
		pool->has_handed = true;
		(void)pthread_cond_broadcast(&pool->changed);
	} else {
		(void)!write(pool->wake.fd, &one, sizeof(one));
	}
	(void)pthread_mutex_unlock(&pool->lock);
}

static void *
thread_main(void *arg)
{
	struct pool *pool = arg;
	struct loop_worker *worker;

	handover_from_here();
	(void)pthread_mutex_lock(&pool->lock);
	for (;;) {
		if (STAILQ_EMPTY(&pool->queue))
			rest(pool);
		worker = take_first(&pool->queue);
		if (worker == NULL) {
			pool->alive--;
			(void)pthread_cond_broadcast(&pool->changed);
			break;
		}
		pool->queued--;
		if (!do_work(pool, worker))
			break;
	}
	release(pool);
	return NULL;
}

/* With the lock held: 0, or an errno value. */
static int
start_thread(struct pool *pool)
{
	int error = sku_thread_start(thread_main, pool, pool->stack);

	if (error == 0) {
		pool->alive++;
		pool->references++;
	}
	return error;
}

/* ---- the loop's side ----------------------------------------------------------------------- */

static void
wake_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct pool *pool = LOOP_OWNER(io, struct pool, wake);
	struct loop_worker *worker;
	uint64_t count;

	(void)events;
	(void)pthread_mutex_lock(&pool->lock);
	(void)!read(pool->wake.fd, &count, sizeof(count));
	STAILQ_CONCAT(&pool->being_told, &pool->finished);
	(void)pthread_mutex_unlock(&pool->lock);
	handover_take(); /* what they said before they finished */
	while ((worker = take_first(&pool->being_told)) != NULL) {
		worker->state = IDLE;
		worker->done(loop, worker);
	}
}

struct pool *
pool_new(struct loop *loop, size_t max_threads, size_t stack)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	int fd, saved;

	if (pool == NULL)
		return NULL;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pool->loop = loop;
	pool->wake = (struct loop_io){ .ready = wake_ready, .fd = fd };
	pool->max_threads = max_threads;
	pool->max_abandoned = SIZE_MAX;
	pool->stack = stack;
	pool->references = 1;
	STAILQ_INIT(&pool->queue);
	STAILQ_INIT(&pool->finished);
	STAILQ_INIT(&pool->being_told);
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->changed, NULL);
	handover_to_here(wake_loop, pool);
	if (fd != -1 && loop_watch(loop, &pool->wake, EPOLLIN) == 0)
		return pool;
	saved = errno;
	pool_free(pool);
	errno = saved;
	return NULL;
}

/* Threads that rest go by themselves. */
void
pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	loop_unwatch(pool->loop, &pool->wake);
	(void)pthread_mutex_lock(&pool->lock);
	pool->closing = pool->has_handed = true;
	(void)pthread_cond_broadcast(&pool->changed);
	if (pool->working > 0)
		(void)run_start_thread(); /* that may hang */
	while (pool->working > 0) {
		if (!pool->has_handed)
			(void)pthread_cond_wait(&pool->changed, &pool->lock);
		pool->has_handed = false;
		(void)pthread_mutex_unlock(&pool->lock);
		handover_take();
		(void)pthread_mutex_lock(&pool->lock);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	handover_to_nobody();
	(void)pthread_mutex_lock(&pool->lock);
	if (pool->wake.fd != -1)
		(void)close(pool->wake.fd);
	release(pool);
}

void
pool_limit_abandoned(struct pool *pool, size_t max)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->max_abandoned = max;
	(void)pthread_mutex_unlock(&pool->lock);
}

int
pool_submit(struct pool *pool, struct loop_worker *worker)
{
	int error = 0;

	(void)pthread_mutex_lock(&pool->lock);
	worker->state = QUEUED;
	STAILQ_INSERT_TAIL(&pool->queue, worker, next);
	pool->queued++;
	wake_one(pool);
	if (pool->queued > pool->idle && has_place(pool))
		error = start_thread(pool);
	if (error != 0 && pool->alive + pool->abandoned == 0) {
		take_out(&pool->queue, worker);
		pool->queued--;
		worker->state = IDLE;
	} else {
		error = 0; /* the existing threads will do it */
	}
	(void)pthread_mutex_unlock(&pool->lock);
	errno = error;
	return error == 0 ? 0 : -1;
}

void
pool_abandon(struct pool *pool, struct loop_worker *worker)
{
	bool works;

	(void)pthread_mutex_lock(&pool->lock);
	works = worker->state == WORKING;
	if (worker->state == QUEUED) {
		take_out(&pool->queue, worker);
		pool->queued--;
	} else if (works) {
		pool->abandoned++;
		pool->alive--;
		pool->working--;
		/* Its thread is lost: start another one for what is queued. */
		if (pool->queued > pool->idle && has_place(pool))
			(void)start_thread(pool);
	} else {
		take_out(&pool->finished, worker);
	}
	worker->state = ABANDONED;
	(void)pthread_mutex_unlock(&pool->lock);
	take_out(&pool->being_told, worker);
	if (!works)
		worker->discard(worker);
}

/* pool.h - threads that work for a loop: what cannot be done without waiting.
 *
 * A worker is embedded in the struct that it works for.  work() runs in a thread, then done() in
 * the loop.  What work() prints is printed by the loop, before done() (handover.h).  An abandoned
 * worker is left to its thread, which nothing can stop. */
#ifndef RUN_POOL_H
#define RUN_POOL_H

#include "run/loop.h"

#include <sys/queue.h>

/* A piece of work for a thread of a pool. */
struct loop_worker {
	/* Called in the thread; it waits only by run_wait(). */
	void (*work)(struct loop_worker *worker);
	/* Called in the loop after that.  It may submit the worker again, or free it. */
	void (*done)(struct loop *loop, struct loop_worker *worker);
	/* Called instead of done(), in any thread: after pool_abandon(), once work() is not
	 * running. */
	void (*discard)(struct loop_worker *worker);
	STAILQ_ENTRY(loop_worker) next; /* the pool's; so is state */
	int state;
};

struct pool;

/* A pool of at most max_threads threads, with stack bytes of stack each.  NULL with errno: out of
 * memory or descriptors.  The loop prints what the threads say: a second pool at once is a mistake
 * in the program, and aborts it. */
struct pool *pool_new(struct loop *loop, size_t max_threads, size_t stack);
/* Free the pool.  Waits for threads that still work, and prints what they say, but not for those of
 * abandoned workers.  No worker may be queued.  NULL is harmless. */
void pool_free(struct pool *pool);
/* Start no thread that would make more than max, those of abandoned workers included (default: no
 * limit).  If all are lost to abandoned workers, what is queued waits until one returns. */
void pool_limit_abandoned(struct pool *pool, size_t max);
/* Queue the worker for the next free thread.  Returns 0, or -1 with errno: there is no thread, and
 * none can be started. */
int pool_submit(struct pool *pool, struct loop_worker *worker);
/* Give up a submitted worker: discard() is called instead of done().  If work() is running, its
 * thread calls discard() once work() returns, and another thread may take its place meanwhile.
 * Otherwise discard() is called here. */
void pool_abandon(struct pool *pool, struct loop_worker *worker);

#endif

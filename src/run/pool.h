/* pool.h - threads that work for a loop: what cannot be done without waiting.
 *
 * A worker is embedded in what it works for.  It runs in a thread, and then its done() in the
 * loop; one that is given up is left to its thread, which nothing can stop. */
#ifndef RUN_POOL_H
#define RUN_POOL_H

#include "run/loop.h"

/* A piece of work for a thread of a pool. */
struct loop_worker {
	/* In the thread; it waits by run_wait() alone. */
	void (*work)(struct loop_worker *worker);
	/* Then in the loop.  It may submit the worker again, or free it. */
	void (*done)(struct loop *loop, struct loop_worker *worker);
	/* In the place of done, in some thread, once pool_abandon() gave it up and work() returned.
	 */
	void (*discard)(struct loop_worker *worker);
	struct loop_worker *next; /* the pool's, as is what follows */
	int state;
};

struct pool;

/* At most so many threads with that much stack; NULL without memory or descriptors (errno). */
struct pool *pool_new(struct loop *loop, size_t max_threads, size_t stack);
/* Waits for the threads that still work, but not for those of abandoned workers.  Nothing may be
 * queued.  NULL is harmless. */
void pool_free(struct pool *pool);
/* At most so many threads at a time may be lost to what was abandoned (else any number): then none
 * takes their place, and what is queued waits until one of them returns. */
void pool_limit_abandoned(struct pool *pool, size_t max);
/* Have it done by the next thread that is free.  0, or -1 with errno where no thread lives and none
 * can be started. */
int pool_submit(struct pool *pool, struct loop_worker *worker);
/* Give up a worker that was submitted: done() is not called any more, and discard() is, here if
 * work() has not begun or is over, else in the thread once it returns.  Another thread may take
 * that one's place. */
void pool_abandon(struct pool *pool, struct loop_worker *worker);

#endif

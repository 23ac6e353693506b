/* state.h - the state of the work as one line, whenever SIGUSR1 asks for it.
 *
 * The line is put together and written by the signal handler, or by the thread that reads the
 * signals (run.h), by nothing but arithmetic and write(2), so that it comes even while the program
 * waits in a resolver or on a full pipe. */
#ifndef RUN_STATE_H
#define RUN_STATE_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t state_counter;

/* Only one thread changes a counter: no locked instruction is needed. */
static inline void
counter_add(state_counter *counter, uint64_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
	    memory_order_relaxed);
}

static inline void
counter_subtract(state_counter *counter, uint64_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) - by,
	    memory_order_relaxed);
}

static inline uint64_t
counter_value(const state_counter *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Several threads change the counter. */
static inline void
counter_add_shared(state_counter *counter, uint64_t by)
{
	(void)atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static inline void
counter_set(state_counter *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

#define STATE_UNKNOWN UINT64_MAX /* left out of the line */

struct state_row {
	const char *name;
	const state_counter *counter;
};

/* From now on SIGUSR1 prints `EVENT: name=N name=N …` on standard error, or with --json the event
 * where records go.  rows ends with a NULL name and stays in use until the program ends. */
void state_on_sigusr1(const char *event, const struct state_row *rows);
/* Print it now, where it can be written at once.  Async-signal-safe. */
void state_print(void);

#endif

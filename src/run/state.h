/* state.h - the state of the work as one line, whenever SIGUSR1 asks for it.
 *
 * The signal handler, or the thread that reads the signals (run.h), makes the line with arithmetic
 * and writes it with write(2).  So the line comes even while the program waits in a resolver or on
 * a full pipe. */
#ifndef RUN_STATE_H
#define RUN_STATE_H

#include "run/bare.h"

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t state_counter;

/* For counters that only one thread changes: they need no locked instruction. */
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

/* For counters that several threads change. */
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

#define STATE_UNKNOWN UINT64_MAX /* a counter with this value is left out of the line */

struct state_row {
	const char *name;
	const state_counter *counter;
};

/* From now on SIGUSR1 prints `EVENT: name=N name=N …` where messages go, or with --json the event
 * where records are printed.  Called once, before run_catch_signals(): a later call is a mistake in
 * the program, and aborts it.  rows ends with a NULL name.  rows and event must exist until the
 * program ends. */
void state_on_sigusr1(const char *event, const struct state_row *rows);
#define STATE_TEXT_MAX BARE_MAX
/* The same line without a newline, for a program that prints it at its end. */
void state_text(const char *event, const struct state_row *rows, char text[STATE_TEXT_MAX]);
/* Print the state now, unless the write would wait.  Async-signal-safe. */
void state_print(void);

#endif

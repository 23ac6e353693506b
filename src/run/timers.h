/* timers.h - many timers, one earliest: a binary heap of what the caller embeds. */
#ifndef RUN_TIMERS_H
#define RUN_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
	int64_t at_ns; /* on the clock of sku_now() */
	size_t slot;   /* 1 + its place in the heap; 0: not set */
};

struct timers {
	struct timer **heap;
	size_t count, capacity;
};

/* Set or move a timer: 0, or -1 without memory (ENOMEM). */
int timer_set(struct timers *timers, struct timer *timer, int64_t at_ns);
/* Harmless when it is not set. */
void timer_clear(struct timers *timers, struct timer *timer);
/* The earliest, or NULL. */
struct timer *timers_first(const struct timers *timers);
void timers_free(struct timers *timers);

#endif

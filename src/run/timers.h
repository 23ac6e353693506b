/* timers.h - many timers, one earliest: a binary heap of what the caller embeds. */
#ifndef RUN_TIMERS_H
#define RUN_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct cli_timer {
	int64_t at_ns; /* on the clock of sku_now() */
	size_t slot;   /* 1 + its place in the heap; 0: not set */
};

struct cli_timers {
	struct cli_timer **heap;
	size_t count, room;
};

/* Set or move a timer: 0, or -1 without memory (ENOMEM). */
int cli_timer_set(struct cli_timers *timers, struct cli_timer *timer, int64_t at_ns);
/* Harmless when it is not set. */
void cli_timer_clear(struct cli_timers *timers, struct cli_timer *timer);
/* The earliest, or NULL. */
struct cli_timer *cli_timers_first(const struct cli_timers *timers);
void cli_timers_free(struct cli_timers *timers);

#endif

/* timers.c - many timers, one earliest: a binary heap of what the caller embeds.
 * Row run. */
#include "run/timers.h"

#include <stdlib.h>

static void
put(struct timers *timers, size_t i, struct timer *timer)
{
	timers->heap[i] = timer;
	timer->slot = i + 1;
}

static void
move_up(struct timers *timers, size_t i)
{
	struct timer *timer = timers->heap[i];

	while (i > 0 && timers->heap[(i - 1) / 2]->at_ns > timer->at_ns) {
		put(timers, i, timers->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(timers, i, timer);
}

static void
move_down(struct timers *timers, size_t i)
{
	struct timer *timer = timers->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= timers->count)
			break;
		if (child + 1 < timers->count &&
		    timers->heap[child + 1]->at_ns < timers->heap[child]->at_ns)
			child++;
		if (timers->heap[child]->at_ns >= timer->at_ns)
			break;
		put(timers, i, timers->heap[child]);
		i = child;
	}
	put(timers, i, timer);
}

int
timer_set(struct timers *timers, struct timer *timer, int64_t at_ns)
{
	if (timer->slot == 0) {
		if (timers->count == timers->capacity) {
			size_t capacity = timers->capacity == 0 ? 16 : timers->capacity * 2;
			struct timer **grown =
			    reallocarray(timers->heap, capacity, sizeof(struct timer *));

			if (grown == NULL)
				return -1;
			timers->heap = grown;
			timers->capacity = capacity;
		}
		put(timers, timers->count++, timer);
	}
	timer->at_ns = at_ns;
	move_up(timers, timer->slot - 1);
	move_down(timers, timer->slot - 1);
	return 0;
}

void
timer_clear(struct timers *timers, struct timer *timer)
{
	size_t i = timer->slot - 1;
	struct timer *last;

	if (timer->slot == 0)
		return;
	timer->slot = 0;
	last = timers->heap[--timers->count];
	if (last == timer)
		return;
	put(timers, i, last);
	move_up(timers, i);
	move_down(timers, last->slot - 1);
}

struct timer *
timers_first(const struct timers *timers)
{
	return timers->count > 0 ? timers->heap[0] : NULL;
}

void
timers_free(struct timers *timers)
{
	free(timers->heap);
	*timers = (struct timers){ 0 };
}

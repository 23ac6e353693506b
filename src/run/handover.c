/* handover.c - what the threads of a pool have to print, and the loop prints for them.
 * Row run.
 *
 * There are two halves: threads fill one while the loop prints the other. */
#include "run/handover.h"

#include "run/aside.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HALF (HANDOVER_MAX + 1024) /* the longest has room: 128 KiB */

struct piece {
	void (*print)(const char *bytes, size_t len);
	size_t len;
	char bytes[];
};

struct half {
	size_t used;
	_Alignas(struct piece) char room[HALF];
};

static ASIDE struct half halves[2];
static struct half *filling = &halves[0]; /* guarded by the lock, as what is in it */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t emptied = PTHREAD_COND_INITIALIZER;
static struct {
	void (*wake)(void *arg); /* NULL: nobody is woken */
	void *arg;
} taker; /* guarded by the lock */

static _Thread_local struct {
	bool gives, takes, is_taking;
} self;

void
handover_to_here(void (*wake)(void *arg), void *arg)
{
	(void)pthread_mutex_lock(&lock);
	if (taker.wake != NULL)
		abort();
	taker.wake = wake;
	taker.arg = arg;
	(void)pthread_mutex_unlock(&lock);
	self.takes = true;
	handover_take(); /* of threads that were left to themselves before */
}

void
handover_to_nobody(void)
{
	(void)pthread_mutex_lock(&lock);
	taker.wake = NULL;
	(void)pthread_mutex_unlock(&lock);
	handover_take();
}

void
handover_from_here(void)
{
	self.gives = true;
}

static size_t
size_of(size_t len)
{
	const size_t all = sizeof(struct piece) + len, unit = _Alignof(struct piece);

	return (all + unit - 1) / unit * unit;
}

static struct piece *
piece_at(struct half *half, size_t offset)
{
	return (struct piece *)(void *)(half->room + offset);
}

static void
put(void (*print)(const char *bytes, size_t len), const char *bytes, size_t len)
{
	struct piece *piece;

	if (len > HANDOVER_MAX)
		len = HANDOVER_MAX;
	(void)pthread_mutex_lock(&lock);
	while (size_of(len) > HALF - filling->used)
		(void)pthread_cond_wait(&emptied, &lock);
	/* What is beside the first is taken with it. */
	if (filling->used == 0 && taker.wake != NULL)
		taker.wake(taker.arg);
	piece = piece_at(filling, filling->used);
	piece->print = print;
	piece->len = len;
	(void)memcpy(piece->bytes, bytes, len);
	filling->used += size_of(len);
	(void)pthread_mutex_unlock(&lock);
}

/* The half that threads have filled; NULL: there is nothing in it.  They fill the other one from
 * now on. */
static struct half *
take_half(void)
{
	struct half *filled;

	(void)pthread_mutex_lock(&lock);
	filled = filling;
	if (filled->used > 0) {
		filling = filled == &halves[0] ? &halves[1] : &halves[0];
		(void)pthread_cond_broadcast(&emptied);
	} else {
		filled = NULL;
	}
	(void)pthread_mutex_unlock(&lock);
	return filled;
}

void
handover_take(void)
{
	struct half *half;

	if (!self.takes || self.is_taking)
		return;
	self.is_taking = true;
	while ((half = take_half()) != NULL) {
		for (size_t at = 0; at < half->used;) {
			const struct piece *piece = piece_at(half, at);

			piece->print(piece->bytes, piece->len);
			at += size_of(piece->len);
		}
		half->used = 0;
	}
	self.is_taking = false;
}

void
handover(void (*print)(const char *bytes, size_t len), const char *bytes, size_t len)
{
	if (self.gives) {
		put(print, bytes, len);
		return;
	}
	handover_take();
	print(bytes, len);
}

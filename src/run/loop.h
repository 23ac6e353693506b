/* loop.h - one event loop: descriptors and timers.  pool.h has threads that work for it.
 *
 * Sources are embedded in what owns them (LOOP_OWNER finds the owner), so that watching costs no
 * memory and no look-up.  All callbacks run in the thread that called loop_run(). */
#ifndef RUN_LOOP_H
#define RUN_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

#define LOOP_OWNER(source, type, member) ((type *)(void *)((char *)(source)-offsetof(type, member)))

/* A descriptor.  Set ready and fd, the rest to 0. */
struct loop_io {
	/* events: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP. */
	void (*ready)(struct loop *loop, struct loop_io *io, uint32_t events);
	int fd;
	uint32_t watched; /* the loop's: what it looks for, and whether it looks */
};

/* An instant.  Set due, the rest to 0. */
struct loop_timer {
	void (*due)(struct loop *loop, struct loop_timer *timer);
	int64_t at_ns; /* on the clock of sku_now() */
	size_t slot;   /* the loop's: 1 + its place in the heap; 0: not set */
};

#define LOOP_BATCH 64

struct loop {
	int64_t now; /* sku_now() when the present batch of events came */
	/* A signal came, or --max-time is over (run_check() says which), each time; NULL: the loop
	 * just stops. */
	void (*canceled)(struct loop *loop);
	/* After each batch of events and timers, before the loop waits; may be NULL. */
	void (*turn)(struct loop *loop);

	int epoll_fd;
	struct loop_io cancel_io, signal_io;
	bool over; /* --max-time was told */
	struct loop_timer **heap;
	size_t timers, heap_room;
	struct epoll_event batch[LOOP_BATCH]; /* being dealt with */
	int batch_at, batch_count;
	struct loop_extra *extras; /* what epoll does not take as it is */
	size_t extra_count;
	bool stopped, running;
	int status;
};

/* canceled and turn are set by the caller, before or after.  0, or -1 with errno.  Close in both
 * cases. */
int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

/* Look for these events (0: errors and hang-ups alone), from now on.  A regular file, which epoll
 * refuses, is always ready; two sources may watch the same descriptor.  0, or -1 with errno, and
 * nothing has changed. */
static inline int loop_watch(struct loop *loop, struct loop_io *io, uint32_t events);
/* Look no more: it is not called again, not even for this batch.  Harmless if it is not watched. */
void loop_unwatch(struct loop *loop, struct loop_io *io);
/* The same where the caller closes the descriptor next, and nobody else has it open. */
void loop_forget(struct loop *loop, struct loop_io *io);

/* Set or move a timer; INT64_MAX clears it.  0, or -1 without memory: a timer that is set can
 * always be moved, so one that must not fail later is parked (LOOP_PARKED) until it is wanted. */
#define LOOP_PARKED (INT64_MAX - 1)
int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t at_ns);
void loop_clear_timer(struct loop *loop, struct loop_timer *timer);

/* loop_watch() where something changes. */
#define LOOP_WATCHED (UINT32_C(1) << 26) /* no bit of epoll's */
int loop_change(struct loop *loop, struct loop_io *io, uint32_t events);

/* Nearly always nothing does, and it is asked after each event. */
static inline int
loop_watch(struct loop *loop, struct loop_io *io, uint32_t events)
{
	return io->watched == (events | LOOP_WATCHED) ? 0 : loop_change(loop, io, events);
}

/* loop_run() returns this status once the present callback has returned; the first call counts. */
void loop_stop(struct loop *loop, int status);
/* Until loop_stop(). */
int loop_run(struct loop *loop);

#endif

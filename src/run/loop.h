/* loop.h - one event loop: descriptors and timers.  pool.h has threads that work for it.
 *
 * Sources are embedded in the structs that own them (LOOP_OWNER finds the owner), so that watching
 * costs no memory and no look-up.  All callbacks run in the thread that called loop_run(). */
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
	uint32_t watched; /* the loop's: the watched events, and whether it is watched */
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
	/* Called for each signal, and when --max-time is over (run_check() says which).  NULL: the
	 * loop stops. */
	void (*canceled)(struct loop *loop);
	/* Called after each batch of events and timers, before the loop waits; may be NULL. */
	void (*turn)(struct loop *loop);

	int epoll_fd;
	struct loop_io cancel_io, signal_io;
	bool over; /* canceled() was called for --max-time */
	struct loop_timer **heap;
	size_t timers, heap_room;
	struct epoll_event batch[LOOP_BATCH]; /* the present batch of events */
	int batch_at, batch_count;
	struct loop_extra *extras; /* sources that epoll does not take as they are */
	size_t extra_count;
	bool stopped;
	int status;
};

/* The caller sets canceled and turn, before or after.  Returns 0, or -1 with errno.  Call
 * loop_close() in both cases. */
int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

/* Watch for these events from now on (0: only errors and hang-ups).  A regular file, which epoll
 * refuses, is always ready.  Two sources may watch the same descriptor.  Returns 0, or -1 with
 * errno, and nothing has changed. */
static inline int loop_watch(struct loop *loop, struct loop_io *io, uint32_t events);
/* Stop watching: ready() is not called any more, not even for the present batch.  Harmless if io is
 * not watched. */
void loop_unwatch(struct loop *loop, struct loop_io *io);
/* The same, without a system call.  The caller closes the descriptor next, and it has no
 * duplicate. */
void loop_forget(struct loop *loop, struct loop_io *io);

/* Set or move a timer; INT64_MAX clears it.  Returns 0, or -1 if out of memory.  Moving a timer
 * that is set never fails, so park one that must not fail later (LOOP_PARKED). */
#define LOOP_PARKED (INT64_MAX - 1)
int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t at_ns);
void loop_clear_timer(struct loop *loop, struct loop_timer *timer);

/* loop_watch(), if something changes. */
#define LOOP_WATCHED (UINT32_C(1) << 26) /* no bit of epoll's */
int loop_change(struct loop *loop, struct loop_io *io, uint32_t events);

/* Inline, because it is called after each event and nearly always nothing changes. */
static inline int
loop_watch(struct loop *loop, struct loop_io *io, uint32_t events)
{
	return io->watched == (events | LOOP_WATCHED) ? 0 : loop_change(loop, io, events);
}

/* loop_run() returns this status once the present callback has returned; the first call counts. */
void loop_stop(struct loop *loop, int status);
/* Run until loop_stop().  Returns its status. */
int loop_run(struct loop *loop);

#endif

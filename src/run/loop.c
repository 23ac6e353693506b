/* loop.c - one event loop: descriptors and timers.
 * Row run. */
#include "run/loop.h"

#include "run/run.h"
#include "run/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A source that epoll does not take as it is. */
struct loop_extra {
	struct loop_io *io;
	int fd; /* a duplicate that is watched instead; -1: always ready */
};

/* ---- timers: a binary heap ----------------------------------------------------------------- */

static void
put(struct loop *loop, size_t i, struct loop_timer *timer)
{
	loop->heap[i] = timer;
	timer->slot = i + 1;
}

static void
move_up(struct loop *loop, size_t i)
{
	struct loop_timer *timer = loop->heap[i];

	while (i > 0 && loop->heap[(i - 1) / 2]->at_ns > timer->at_ns) {
		put(loop, i, loop->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(loop, i, timer);
}

static void
move_down(struct loop *loop, size_t i)
{
	struct loop_timer *timer = loop->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= loop->timers)
			break;
		if (child + 1 < loop->timers &&
		    loop->heap[child + 1]->at_ns < loop->heap[child]->at_ns)
			child++;
		if (loop->heap[child]->at_ns >= timer->at_ns)
			break;
		put(loop, i, loop->heap[child]);
		i = child;
	}
	put(loop, i, timer);
}

void
loop_clear_timer(struct loop *loop, struct loop_timer *timer)
{
	size_t i = timer->slot - 1;
	struct loop_timer *last;

	if (timer->slot == 0)
		return;
	timer->slot = 0;
	last = loop->heap[--loop->timers];
	if (last == timer)
		return;
	put(loop, i, last);
	move_up(loop, i);
	move_down(loop, last->slot - 1);
}

int
loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t at_ns)
{
	if (at_ns == INT64_MAX) {
		loop_clear_timer(loop, timer);
		return 0;
	}
	if (timer->slot == 0) {
		if (loop->timers == loop->heap_room) {
			size_t room = loop->heap_room == 0 ? 16 : loop->heap_room * 2;
			struct loop_timer **grown =
			    reallocarray(loop->heap, room, sizeof(struct loop_timer *));

			if (grown == NULL)
				return -1;
			loop->heap = grown;
			loop->heap_room = room;
		}
		put(loop, loop->timers++, timer);
	}
	timer->at_ns = at_ns;
	move_up(loop, timer->slot - 1);
	move_down(loop, timer->slot - 1);
	return 0;
}

/* Run the timers that are due by loop->now.  One that a callback sets waits for the next batch,
 * unless it is due by then, too. */
static void
run_timers(struct loop *loop)
{
	while (loop->timers > 0 && loop->heap[0]->at_ns <= loop->now && !loop->stopped) {
		struct loop_timer *timer = loop->heap[0];

		loop_clear_timer(loop, timer);
		timer->due(loop, timer);
	}
}

/* ---- descriptors --------------------------------------------------------------------------- */

static struct loop_extra *
find_extra(struct loop *loop, const struct loop_io *io)
{
	for (size_t i = 0; i < loop->extra_count; i++) {
		if (loop->extras[i].io == io)
			return &loop->extras[i];
	}
	return NULL;
}

static int
add_extra(struct loop *loop, struct loop_io *io, int fd)
{
	struct loop_extra *grown =
	    reallocarray(loop->extras, loop->extra_count + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	loop->extras = grown;
	grown[loop->extra_count++] = (struct loop_extra){ io, fd };
	return 0;
}

static void
remove_extra(struct loop *loop, struct loop_extra *extra)
{
	if (extra->fd != -1) {
		/* io->fd keeps the open file description open, so closing the duplicate would not
		 * end the watch. */
		(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, extra->fd, NULL);
		(void)close(extra->fd);
	}
	*extra = loop->extras[--loop->extra_count];
}

/* Another source watches that descriptor already: watch a duplicate of it. */
static int
add_duplicate(struct loop *loop, struct loop_io *io, struct epoll_event *event)
{
	int fd = fcntl(io->fd, F_DUPFD_CLOEXEC, 0), error;

	if (fd == -1 || add_extra(loop, io, fd) == -1) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, event) == 0)
		return 0;
	error = errno;
	remove_extra(loop, find_extra(loop, io));
	errno = error;
	return -1;
}

static int
add(struct loop *loop, struct loop_io *io, struct epoll_event *event)
{
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, io->fd, event) == 0)
		return 0;
	if (errno == EPERM) /* a file or a directory: always ready */
		return add_extra(loop, io, -1);
	if (errno == EEXIST)
		return add_duplicate(loop, io, event);
	return -1;
}

static int
change(struct loop *loop, struct loop_io *io, struct epoll_event *event)
{
	const struct loop_extra *extra = loop->extra_count > 0 ? find_extra(loop, io) : NULL;

	if (extra == NULL)
		return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, io->fd, event);
	return extra->fd == -1 ? 0 : epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, extra->fd, event);
}

static bool
is_watched(const struct loop_io *io)
{
	return (io->watched & LOOP_WATCHED) != 0;
}

int
loop_change(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = io };

	if ((is_watched(io) ? change : add)(loop, io, &event) == -1)
		return -1;
	io->watched = events | LOOP_WATCHED;
	return 0;
}

/* Drop the events for io that are still to come in this batch. */
static void
drop_events(struct loop *loop, const struct loop_io *io)
{
	for (int i = loop->batch_at; i < loop->batch_count; i++) {
		if (loop->batch[i].data.ptr == io)
			loop->batch[i].data.ptr = NULL;
	}
}

void
loop_forget(struct loop *loop, struct loop_io *io)
{
	struct loop_extra *extra;

	if (!is_watched(io))
		return;
	io->watched = 0;
	drop_events(loop, io);
	if (loop->extra_count > 0 && (extra = find_extra(loop, io)) != NULL)
		remove_extra(loop, extra);
}

void
loop_unwatch(struct loop *loop, struct loop_io *io)
{
	if (!is_watched(io))
		return;
	if (loop->extra_count == 0 || find_extra(loop, io) == NULL)
		(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
	loop_forget(loop, io);
}

/* Call ready() for regular files and the like, which epoll does not take. */
static void
run_always_ready(struct loop *loop)
{
	for (size_t i = loop->extra_count; i-- > 0 && !loop->stopped;) {
		struct loop_extra extra;
		uint32_t events;

		if (i >= loop->extra_count)
			continue; /* the callback before removed others */
		extra = loop->extras[i];
		events = extra.io->watched & (EPOLLIN | EPOLLOUT);
		if (extra.fd == -1 && events != 0)
			extra.io->ready(loop, extra.io, events);
	}
}

static bool
has_always_ready(const struct loop *loop)
{
	for (size_t i = 0; i < loop->extra_count; i++) {
		if (loop->extras[i].fd == -1 &&
		    (loop->extras[i].io->watched & (EPOLLIN | EPOLLOUT)) != 0)
			return true;
	}
	return false;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void
tell_canceled(struct loop *loop)
{
	if (loop->canceled != NULL)
		loop->canceled(loop);
	else
		loop_stop(loop, STATUS_FAILED);
}

/* Nobody reads it: each signal is an edge. */
static void
cancel_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	(void)io;
	(void)events;
	if (run_signals() > 0)
		tell_canceled(loop);
}

/* The first signal starts the thread, and the other descriptor tells of it. */
static void
signal_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	(void)loop;
	(void)io;
	(void)events;
	run_take_signals();
}

/* Who reads the signals is not told of them. */
static int
watch_cancel(struct loop *loop)
{
	if (loop->cancel_io.fd == -1 || is_watched(&loop->cancel_io) || run_reads_signals())
		return 0;
	return loop_watch(loop, &loop->cancel_io, EPOLLIN | EPOLLET);
}

int
loop_open(struct loop *loop)
{
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->now = sku_now();
	if (loop->epoll_fd == -1)
		return -1;
	loop->cancel_io = (struct loop_io){ .ready = cancel_ready, .fd = run.cancel_fd };
	loop->signal_io = (struct loop_io){ .ready = signal_ready, .fd = run.signal_fd };
	if (run_reads_signals())
		return loop_watch(loop, &loop->signal_io, EPOLLIN | EPOLLET);
	return watch_cancel(loop);
}

void
loop_close(struct loop *loop)
{
	while (loop->extra_count > 0)
		remove_extra(loop, &loop->extras[0]);
	if (loop->epoll_fd != -1)
		(void)close(loop->epoll_fd);
	loop->epoll_fd = -1;
	free(loop->extras);
	free(loop->heap);
	loop->extras = NULL;
	loop->heap = NULL;
	loop->timers = loop->heap_room = 0;
}

/* Wait with a precision of nanoseconds if the kernel can: a millisecond is most of a round trip. */
static int
wait_for_events(struct loop *loop)
{
	/* The kernel (or valgrind) has no epoll_pwait2(2), or a sandbox does not know it. */
	static bool cannot;
	struct sku_deadline at = loop->over ? sku_deadline_never() : run.timeouts.run;

	if (has_always_ready(loop))
		return epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, 0);
	if (loop->timers > 0)
		at = sku_deadline_earlier(at, (struct sku_deadline){ loop->heap[0]->at_ns });
	if (at.at_ns >= LOOP_PARKED)
		return epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, -1);
#ifdef HAVE_EPOLL_PWAIT2
	if (!cannot) {
		int64_t left = sku_deadline_left(at);
		const struct timespec ts = { (time_t)(left / SKU_SECOND),
			(long)(left % SKU_SECOND) };
		int n = epoll_pwait2(loop->epoll_fd, loop->batch, LOOP_BATCH, &ts, NULL);

		if (n >= 0 || (errno != ENOSYS && errno != EPERM))
			return n;
		cannot = true;
	}
#endif
	(void)cannot;
	return epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, sku_deadline_poll_ms(at));
}

static void
run_events(struct loop *loop)
{
	while (loop->batch_at < loop->batch_count && !loop->stopped) {
		struct epoll_event *event = &loop->batch[loop->batch_at++];
		struct loop_io *io = event->data.ptr;

		if (io != NULL)
			io->ready(loop, io, event->events);
	}
	loop->batch_at = loop->batch_count = 0;
}

void
loop_stop(struct loop *loop, int status)
{
	if (!loop->stopped)
		loop->status = status;
	loop->stopped = true;
}

int
loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		int n;

		/* If it fails (no memory), the new thread ends the program by force. */
		(void)watch_cancel(loop);
		n = wait_for_events(loop);
		loop->now = sku_now();
		loop->batch_count = n > 0 ? n : 0;
		run_events(loop);
		run_always_ready(loop);
		run_timers(loop);
		if (!loop->stopped && !loop->over && loop->now >= run.timeouts.run.at_ns) {
			loop->over = true;
			(void)run_start_thread(); /* which sees to the end of it all */
			tell_canceled(loop);
		}
		if (!loop->stopped && loop->turn != NULL)
			loop->turn(loop);
	}
	return loop->status;
}

/* workers.h - a thread for each connection, and the main thread that waits for them. */
#ifndef RUN_WORKERS_H
#define RUN_WORKERS_H

#include <pthread.h>
#include <stddef.h>

struct workers {
	pthread_mutex_t lock; /* the caller's, too, for what its threads share */
	pthread_cond_t changed;
	int wake_fd; /* an eventfd(2): readable when a thread has ended */
	size_t count;
};

/* 0, or -1 with errno.  Close with workers_close(), which waits for every thread. */
int workers_open(struct workers *workers);
void workers_close(struct workers *workers);
/* Run work(arg) in a thread; 0, or -1 with errno, and nothing was started. */
int workers_start(struct workers *workers, void (*work)(void *), void *arg);
/* Make wake_fd silent again. */
void workers_drain_event(struct workers *workers);

#endif

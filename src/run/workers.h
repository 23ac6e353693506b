/* workers.h - a thread for each connection, and the main thread that waits for them. */
#ifndef RUN_WORKERS_H
#define RUN_WORKERS_H

#include <pthread.h>
#include <stddef.h>

struct crew {
	pthread_mutex_t lock; /* the caller's, too, for what its threads share */
	pthread_cond_t changed;
	int wake_fd; /* an eventfd(2): readable when a thread has ended */
	size_t count;
};

/* 0, or -1 with errno.  Close with crew_close(), which waits for every thread. */
int crew_open(struct crew *crew);
void crew_close(struct crew *crew);
/* Run work(arg) in a thread; 0, or -1 with errno, and nothing was started. */
int crew_start(struct crew *crew, void (*work)(void *), void *arg);
/* Make wake_fd silent again. */
void crew_heard(struct crew *crew);

#endif

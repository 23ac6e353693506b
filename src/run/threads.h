/* threads.h - threads that do a program's work, as all of them want them. */
#ifndef RUN_THREADS_H
#define RUN_THREADS_H

#include <pthread.h>
#include <stddef.h>

/* Start one with that much stack; signals are for the main thread.  thread NULL: detached.  0, or
 * an errno value. */
int thread_start(pthread_t *thread, size_t stack, void *(*function)(void *), void *arg);

#endif

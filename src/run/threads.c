/* threads.c - threads that do a program's work, as all of them want them.
 * Row run. */
#include "run/threads.h"

#include <signal.h>

int
thread_start(pthread_t *thread, size_t stack, void *(*function)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t detached;
	sigset_t all, before;
	int error;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, stack);
	if (thread == NULL)
		(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread != NULL ? thread : &detached, &attr, function, arg);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return error;
}

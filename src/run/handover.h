/* handover.h - what the threads of a pool have to print, and the loop prints for them.
 *
 * Only one thread prints, so that nobody waits for a lock while a writer that has it waits for a
 * reader.  A thread of a pool leaves its text here and goes on.  It waits only if so much is here
 * that there is no room for more.  That needs no limit of its own: the loop waits for a reader no
 * longer than run_wait() does, and a little once the run is to end. */
#ifndef RUN_HANDOVER_H
#define RUN_HANDOVER_H

#include <stddef.h>

/* Print bytes by print(bytes, len).  In a thread of a pool: have the loop do that, with a copy of
 * the bytes, after all that was handed over before.  In the loop: do it now, after that, too.
 * Needs no memory.  No more than HANDOVER_MAX bytes are taken, and no line is longer. */
#define HANDOVER_MAX ((size_t)127 * 1024)
void handover(void (*print)(const char *bytes, size_t len), const char *bytes, size_t len);
/* In the loop: print what was handed over.  Elsewhere, and in a print() that is called here: do
 * nothing. */
void handover_take(void);

/* For pool.c.  This thread prints what is handed over: wake(arg), called in any thread, makes it
 * call handover_take().  There is one such thread at a time: a second is a mistake in the program,
 * and aborts it. */
void handover_to_here(void (*wake)(void *arg), void *arg);
/* In that thread: wake() is not called any more. */
void handover_to_nobody(void);
/* What this thread prints is handed over. */
void handover_from_here(void);

#endif

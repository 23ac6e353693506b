/* background.h - work that cannot be canceled, in a thread that may outlive its starter. */
#ifndef SKU_BACKGROUND_H
#define SKU_BACKGROUND_H

#include "libsockutil/sockutil.h"

/* Start a detached thread with stack bytes of stack and all signals blocked: they are for the
 * program's own threads.  Returns 0, or an errno value. */
int sku_thread_start(void *(*run)(void *), void *arg, size_t stack);

struct sku_background;

/* A function to run, and how to free its argument and what the work stored in it. */
struct sku_work {
	void (*run)(void *arg);
	void (*free_arg)(void *arg);
	void *arg;
};

/* Start work in a detached thread.  When the work is done, 1 is added to notify_fd, an eventfd(2);
 * -1: none.  The caller keeps notify_fd open until it has taken or abandoned the job.
 * Returns a job that the caller must take or abandon, or NULL with errno when no thread could be
 * started.  After NULL the work's argument is still the caller's. */
struct sku_background *sku_background_start(const struct sku_work *work, int notify_fd);
bool sku_background_done(struct sku_background *job);
/* Wait until the job is done.  Returns 0, or -1 with ETIMEDOUT at the deadline. */
int sku_background_wait(struct sku_background *job, struct sku_deadline deadline);
/* Free a job that is done.  Its argument is the caller's again. */
void sku_background_take(struct sku_background *job);
/* Give up a job, done or not.  Its argument and the job are freed, by its thread if that still
 * runs. */
void sku_background_abandon(struct sku_background *job);

/* Run work and wait until it is done, the deadline passes, or the hook ends the call.  Without a
 * deadline and a hook no thread is used.  Returns 0, and the argument is the caller's.  Or returns
 * -1 with ETIMEDOUT, ECANCELED or an error of eventfd(2) or pthread_create(3), and the argument is
 * freed, perhaps by the thread. */
int sku_background_run(const struct sku_work *work, struct sku_deadline deadline);

#endif

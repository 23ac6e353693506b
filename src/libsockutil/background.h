/* background.h - work that cannot be stopped, done in a thread that can be left behind. */
#ifndef SKU_BACKGROUND_H
#define SKU_BACKGROUND_H

#include "libsockutil/sockutil.h"

struct sku_background;

/* What to do, and how to free the argument (with whatever work put in it) afterwards. */
struct sku_work {
	void (*run)(void *arg);
	void (*free_arg)(void *arg);
	void *arg;
};

/* Start work in a detached thread.  When it is done, 1 is added to notify_fd, an eventfd that the
 * caller keeps open until it has abandoned or taken the job (-1: none).  On success the job is
 * the caller's until abandoned or taken; NULL with errno when no thread could be started: the
 * work's argument is then still the caller's. */
struct sku_background *sku_background_start(const struct sku_work *work, int notify_fd);
/* Is it done? */
bool sku_background_done(struct sku_background *job);
/* Wait until it is done (0) or the deadline (-1, ETIMEDOUT). */
int sku_background_wait(struct sku_background *job, struct sku_deadline deadline);
/* A job that is done: its argument is the caller's again, the job is freed. */
void sku_background_take(struct sku_background *job);
/* Done or not: argument and job are freed, by the thread if it still runs. */
void sku_background_abandon(struct sku_background *job);

/* All of it at once: run work until it is done or the deadline.  0: done, the argument is the
 * caller's.  -1: ETIMEDOUT or no thread (the argument has been, or will be, dropped).  Without a
 * deadline no thread is used. */
int sku_background_run(const struct sku_work *work, struct sku_deadline deadline);

#endif

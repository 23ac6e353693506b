/* schedule.h - when to try which TARGET, until all are there. */
#ifndef SOCKWAIT_SCHEDULE_H
#define SOCKWAIT_SCHEDULE_H

#include "run/loop.h"
#include "sockwait/config.h"
#include "sockwait/targets.h"

#include <sys/queue.h>

/* Targets whose try is due, and that wait for their turn. */
STAILQ_HEAD(target_queue, target);

/* TARGETs of the same place count once here, by the first of them. */
struct schedule {
	struct loop loop;
	const struct wait_config *config;
	int64_t begun_ns;
	size_t places, done;
	size_t open;	     /* places that are neither done nor given up */
	size_t tries;	     /* those under way now */
	size_t max_fds, fds; /* descriptors that they may hold, and may need now */
	bool lacks_fds;	     /* the last try got none: wait until one ends, or a while */
	struct target_queue due_addresses, due_names;
	uint64_t turns;		 /* given to targets so far, in both queues */
	struct loop_timer note;	 /* says what is waited for */
	struct loop_timer again; /* tries that wait for descriptors or threads may start */
	bool is_over;		 /* the time, or each try, is over: report what is missing */
	struct failure *failure; /* why the loop stopped with -1 */
	int status;		 /* if the run ends without what was asked for */
};

/* From now on SIGUSR1 prints how many places there are, how many are done, and how many tries there
 * were. */
void schedule_count_on_sigusr1(void);
/* Try the targets until they are there or gone, as the options ask, and report those that are not.
 * Returns the status, or -1 and the failure. */
int schedule_run(const struct wait_config *config, struct failure *failure);

#endif

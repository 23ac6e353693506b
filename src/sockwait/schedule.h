/* schedule.h - when which TARGET is tried, until all are there. */
#ifndef SOCKWAIT_SCHEDULE_H
#define SOCKWAIT_SCHEDULE_H

#include "run/loop.h"
#include "sockwait/config.h"
#include "sockwait/targets.h"

/* Targets whose try is due, and waits for its turn. */
struct target_queue {
	struct target *first, **last;
};

/* Those of one place are one here, the first. */
struct schedule {
	struct loop loop;
	const struct wait_config *config;
	int64_t begun_ns;
	size_t places, done;
	size_t open;	     /* places that may still become what they are waited for */
	size_t tries;	     /* at once */
	size_t max_fds, fds; /* that they may hold, and hold at most */
	bool lacks_fds;	     /* the last one had none: until one ends, or for a while */
	struct target_queue due_addresses, due_names;
	uint64_t turns;		 /* that targets had, in one of the two */
	struct loop_timer note;	 /* says what is waited for */
	struct loop_timer again; /* tries that wait for descriptors or threads may start */
	bool is_over;		 /* the time, or each try: what is missing is told */
	struct failure *failure; /* why the loop is stopped with -1 */
	int status;		 /* at the end, if the places are not what was asked for */
};

/* From now on SIGUSR1 prints how many there are, are done, and were tried. */
void schedule_count_on_sigusr1(void);
/* Try the targets until they are what the options ask for, and tell of those that are not: the
 * status, or -1 and the failure. */
int schedule_run(const struct wait_config *config, struct failure *failure);

#endif

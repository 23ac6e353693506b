/* stats.h - what the server has done so far. */
#ifndef SERVER_STATS_H
#define SERVER_STATS_H

#include "run/state.h"

struct server_stats {
	state_counter accepted, active, refused, timed_out, bytes_in, bytes_out, datagrams, dropped;
};

extern struct server_stats server_stats;

/* From now on SIGUSR1 prints the counters. */
void stats_on_sigusr1(void);
/* At the end: the event `stats` with --json, a note with --verbose. */
void stats_report(void);

#endif

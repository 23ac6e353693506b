/* ping_stats.h - the statistics of round trips, in a fixed amount of memory. */
#ifndef CLIENT_PING_STATS_H
#define CLIENT_PING_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* The histogram has 128 buckets for each power of two nanoseconds, so a percentile is correct to
 * 0.8 %. */
#define PING_PARTS_BITS 7
#define PING_BUCKETS ((64 - PING_PARTS_BITS) << PING_PARTS_BITS)

struct ping_stats {
	uint64_t transmitted, received, late, duplicates;
	uint64_t pending; /* neither received nor lost yet, at the time of the summary */
	int64_t min_ns, max_ns;
	double sum, sum_of_squares; /* in seconds */
	uint64_t buckets[PING_BUCKETS];
};

void ping_stats_add(struct ping_stats *stats, int64_t rtt_ns);
uint64_t ping_stats_lost(const struct ping_stats *stats);

/* Print the summary, as text in ping(8)'s words or as the event `summary`.  is_final: the run is
 * over. */
void ping_stats_print(
    const struct ping_stats *stats, int64_t elapsed_ns, bool histogram, bool is_final);

#endif

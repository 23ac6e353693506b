/* ping_stats.h - round trips, counted and distributed, in bounded memory. */
#ifndef CLIENT_PING_STATS_H
#define CLIENT_PING_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* Buckets: each power of two of nanoseconds in 128 parts, so a percentile is right to 0.8 %. */
#define PING_PARTS_BITS 7
#define PING_BUCKETS ((64 - PING_PARTS_BITS) << PING_PARTS_BITS)

struct ping_stats {
	uint64_t transmitted, received, late, duplicates;
	int64_t min_ns, max_ns;
	double sum, sum_of_squares; /* of seconds */
	uint64_t buckets[PING_BUCKETS];
};

void ping_stats_add(struct ping_stats *stats, int64_t rtt_ns);
double ping_stats_average(const struct ping_stats *stats);
/* ping(8)'s mdev: the standard deviation. */
double ping_stats_deviation(const struct ping_stats *stats);
/* Does the sample support this percentile (1 to 99)?  It needs at least one value beyond it, and 2
 * in all. */
bool ping_stats_supports(const struct ping_stats *stats, int percent);
double ping_stats_percentile(const struct ping_stats *stats, int percent);

/* The summary, as text in ping's words or as the event `summary`; times in seconds inside. */
void ping_stats_print(const struct ping_stats *stats, int64_t elapsed_ns, bool histogram);

#endif

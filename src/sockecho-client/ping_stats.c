/* ping_stats.c - the statistics of round trips, in a fixed amount of memory.
 * Row tool. */
#include "sockecho-client/ping_stats.h"

#include "run/event.h"
#include "run/output.h"
#include "run/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const int percents[] = { 50, 90, 99 };

#define PERCENTS (sizeof(percents) / sizeof(percents[0]))

/* ---- the histogram ------------------------------------------------------------------------- */

static unsigned
bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < (1u << PING_PARTS_BITS))
		return (unsigned)ns;
	shift = 63 - (unsigned)__builtin_clzll(ns) - PING_PARTS_BITS;
	return ((shift + 1) << PING_PARTS_BITS) |
	       (unsigned)(ns >> shift & ((1u << PING_PARTS_BITS) - 1));
}

/* The middle of a bucket, in nanoseconds. */
static double
bucket_value(unsigned bucket)
{
	unsigned shift = bucket >> PING_PARTS_BITS;
	uint64_t part = bucket & ((1u << PING_PARTS_BITS) - 1);

	if (shift == 0)
		return (double)part;
	part |= 1u << PING_PARTS_BITS;
	return (double)(part << (shift - 1)) + (double)(UINT64_C(1) << (shift - 1)) / 2;
}

void
ping_stats_add(struct ping_stats *stats, int64_t rtt_ns)
{
	double seconds = (double)rtt_ns / 1e9;

	if (stats->received == 0 || rtt_ns < stats->min_ns)
		stats->min_ns = rtt_ns;
	if (stats->received == 0 || rtt_ns > stats->max_ns)
		stats->max_ns = rtt_ns;
	stats->received++;
	stats->sum += seconds;
	stats->sum_of_squares += seconds * seconds;
	stats->buckets[bucket_of((uint64_t)rtt_ns)]++;
}

uint64_t
ping_stats_lost(const struct ping_stats *stats)
{
	return stats->transmitted - stats->received - stats->pending;
}

static double
average_of(const struct ping_stats *stats)
{
	return stats->received > 0 ? stats->sum / (double)stats->received : 0;
}

/* The standard deviation in seconds: ping(8)'s mdev. */
static double
deviation_of(const struct ping_stats *stats)
{
	double average = average_of(stats);
	double variance = stats->received > 0 ?
			      stats->sum_of_squares / (double)stats->received - average * average :
			      0;

	return variance > 0 ? sqrt(variance) : 0;
}

/* Are there enough values for this percentile (1 to 99)?  It takes 2 values, and one above the
 * percentile. */
static bool
supports(const struct ping_stats *stats, int percent)
{
	return stats->received >= 2 && stats->received * (uint64_t)(100 - percent) >= 100;
}

static double
percentile_of(const struct ping_stats *stats, int percent)
{
	uint64_t rank = (stats->received * (uint64_t)percent + 99) / 100, seen = 0;
	double value = 0;

	for (unsigned i = 0; i < PING_BUCKETS && seen < rank; i++) {
		seen += stats->buckets[i];
		value = bucket_value(i);
	}
	/* The middle of the first or last bucket may lie outside the values that were seen. */
	if (value > (double)stats->max_ns)
		value = (double)stats->max_ns;
	if (value < (double)stats->min_ns)
		value = (double)stats->min_ns;
	return value / 1e9;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void
print_percentiles(const struct ping_stats *stats)
{
	const char *separator = "";

	if (!supports(stats, percents[0]))
		return;
	for (size_t i = 0; i < PERCENTS && supports(stats, percents[i]); i++) {
		output_print("%sp%d", separator, percents[i]);
		separator = "/";
	}
	separator = " = ";
	for (size_t i = 0; i < PERCENTS && supports(stats, percents[i]); i++) {
		output_print("%s%.3f", separator, percentile_of(stats, percents[i]) * 1e3);
		separator = "/";
	}
	output_print(" ms\n");
}

/* The histogram is printed in rows of half a power of two, from the row of the smallest value to
 * the row of the largest. */
#define ROW_PARTS (1u << (PING_PARTS_BITS - 1))
#define BAR_WIDTH 40

static uint64_t
row_count(const struct ping_stats *stats, unsigned row)
{
	uint64_t n = 0;

	for (unsigned i = row * ROW_PARTS; i < (row + 1) * ROW_PARTS; i++)
		n += stats->buckets[i];
	return n;
}

/* The smallest value of a row, in nanoseconds. */
static double
row_start(unsigned row)
{
	unsigned bucket = row * ROW_PARTS, shift = bucket >> PING_PARTS_BITS;
	uint64_t part = bucket & ((1u << PING_PARTS_BITS) - 1);

	return shift == 0 ? (double)part : (double)((part | 1u << PING_PARTS_BITS) << (shift - 1));
}

static void
find_rows(const struct ping_stats *stats, unsigned *first, unsigned *last, uint64_t *max)
{
	*first = bucket_of((uint64_t)stats->min_ns) / ROW_PARTS;
	*last = bucket_of((uint64_t)stats->max_ns) / ROW_PARTS;
	*max = 1;
	for (unsigned row = *first; row <= *last; row++) {
		if (row_count(stats, row) > *max)
			*max = row_count(stats, row);
	}
}

static void
print_histogram(const struct ping_stats *stats)
{
	static const char bar[] = "########################################";
	unsigned first, last;
	uint64_t max;

	find_rows(stats, &first, &last, &max);
	for (unsigned row = first; row <= last; row++) {
		uint64_t n = row_count(stats, row);
		int width = (int)((n * BAR_WIDTH + max - 1) / max);

		output_print("%10.3f - %10.3f ms %10" PRIu64 "%s%.*s\n", row_start(row) / 1e6,
		    row_start(row + 1) / 1e6, n, n > 0 ? " " : "", width, bar);
	}
}

static void
print_text(const struct ping_stats *stats, int64_t elapsed_ns, bool histogram)
{
	uint64_t lost = ping_stats_lost(stats), decided = stats->received + lost;
	double loss = decided > 0 ? 100.0 * (double)lost / (double)decided : 0;

	output_print("%" PRIu64 " packets transmitted, %" PRIu64 " received", stats->transmitted,
	    stats->received);
	if (stats->pending > 0)
		output_print(", %" PRIu64 " under way", stats->pending);
	if (stats->duplicates > 0)
		output_print(", +%" PRIu64 " duplicates", stats->duplicates);
	if (stats->late > 0)
		output_print(", +%" PRIu64 " late", stats->late);
	output_print(", %.6g%% packet loss, time %" PRId64 "ms\n", loss, elapsed_ns / SKU_MS);
	if (stats->received == 0)
		return;
	output_print("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", (double)stats->min_ns / 1e6,
	    average_of(stats) * 1e3, (double)stats->max_ns / 1e6, deviation_of(stats) * 1e3);
	print_percentiles(stats);
	if (histogram)
		print_histogram(stats);
}

/* ---- a record ------------------------------------------------------------------------------ */

/* Null if there is no value. */
static json_t *
number(bool is_there, double value)
{
	return is_there ? json_real(value) : json_null();
}

static json_t *
percentile(const struct ping_stats *stats, int percent)
{
	return number(supports(stats, percent), percentile_of(stats, percent));
}

static json_t *
histogram_rows(const struct ping_stats *stats)
{
	json_t *rows = json_array();
	unsigned first, last;
	uint64_t max;

	find_rows(stats, &first, &last, &max);
	for (unsigned row = first; stats->received > 0 && row <= last; row++)
		event_append(rows,
		    json_pack("{s:f,s:f,s:I}", "from", row_start(row) / 1e9, "to",
			row_start(row + 1) / 1e9, "count", (json_int_t)row_count(stats, row)));
	return rows;
}

static void
emit_summary(const struct ping_stats *stats, int64_t elapsed_ns, bool histogram, bool is_final)
{
	bool any = stats->received > 0;

	EVENT_RECORD("summary", EVENT_NUMBER("transmitted", stats->transmitted),
	    EVENT_NUMBER("received", stats->received), EVENT_NUMBER("pending", stats->pending),
	    EVENT_NUMBER("lost", ping_stats_lost(stats)), EVENT_NUMBER("late", stats->late),
	    EVENT_NUMBER("duplicates", stats->duplicates), EVENT_SECONDS("seconds", elapsed_ns),
	    EVENT_FLAG("final", is_final),
	    EVENT_VALUE("min", number(any, (double)stats->min_ns / 1e9)),
	    EVENT_VALUE("avg", number(any, average_of(stats))),
	    EVENT_VALUE("max", number(any, (double)stats->max_ns / 1e9)),
	    EVENT_VALUE("mdev", number(any, deviation_of(stats))),
	    EVENT_VALUE("p50", percentile(stats, 50)), EVENT_VALUE("p90", percentile(stats, 90)),
	    EVENT_VALUE("p99", percentile(stats, 99)),
	    EVENT_VALUE(histogram ? "histogram" : NULL, histogram ? histogram_rows(stats) : NULL));
}

void
ping_stats_print(const struct ping_stats *stats, int64_t elapsed_ns, bool histogram, bool is_final)
{
	if (run.json)
		emit_summary(stats, elapsed_ns, histogram, is_final);
	else
		print_text(stats, elapsed_ns, histogram);
}

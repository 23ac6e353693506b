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

double
ping_stats_average(const struct ping_stats *stats)
{
	return stats->received > 0 ? stats->sum / (double)stats->received : 0;
}

double
ping_stats_deviation(const struct ping_stats *stats)
{
	double average = ping_stats_average(stats);
	double variance = stats->received > 0 ?
			      stats->sum_of_squares / (double)stats->received - average * average :
			      0;

	return variance > 0 ? sqrt(variance) : 0;
}

bool
ping_stats_supports(const struct ping_stats *stats, int percent)
{
	return stats->received >= 2 && stats->received * (uint64_t)(100 - percent) >= 100;
}

double
ping_stats_percentile(const struct ping_stats *stats, int percent)
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

	if (!ping_stats_supports(stats, percents[0]))
		return;
	for (size_t i = 0; i < PERCENTS && ping_stats_supports(stats, percents[i]); i++) {
		output_print("%sp%d", separator, percents[i]);
		separator = "/";
	}
	separator = " = ";
	for (size_t i = 0; i < PERCENTS && ping_stats_supports(stats, percents[i]); i++) {
		output_print("%s%.3f", separator, ping_stats_percentile(stats, percents[i]) * 1e3);
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
	    ping_stats_average(stats) * 1e3, (double)stats->max_ns / 1e6,
	    ping_stats_deviation(stats) * 1e3);
	print_percentiles(stats);
	if (histogram)
		print_histogram(stats);
}

/* ---- a record ------------------------------------------------------------------------------ */

static void
add_times(json_t *record, const struct ping_stats *stats)
{
	bool any = stats->received > 0;
	char key[8];

	event_add(record, "min", any ? json_real((double)stats->min_ns / 1e9) : json_null());
	event_add(record, "avg", any ? json_real(ping_stats_average(stats)) : json_null());
	event_add(record, "max", any ? json_real((double)stats->max_ns / 1e9) : json_null());
	event_add(record, "mdev", any ? json_real(ping_stats_deviation(stats)) : json_null());
	for (size_t i = 0; i < PERCENTS; i++) {
		(void)snprintf(key, sizeof(key), "p%d", percents[i]);
		event_add(record, key,
		    ping_stats_supports(stats, percents[i]) ?
			json_real(ping_stats_percentile(stats, percents[i])) :
			json_null());
	}
}

static void
add_histogram(json_t *record, const struct ping_stats *stats)
{
	json_t *rows = json_array();
	unsigned first, last;
	uint64_t max;

	find_rows(stats, &first, &last, &max);
	for (unsigned row = first; stats->received > 0 && row <= last; row++) {
		json_t *entry = json_object();

		event_add(entry, "from", json_real(row_start(row) / 1e9));
		event_add(entry, "to", json_real(row_start(row + 1) / 1e9));
		event_number(entry, "count", row_count(stats, row));
		event_append(rows, entry);
	}
	event_add(record, "histogram", rows);
}

static void
emit_summary(const struct ping_stats *stats, int64_t elapsed_ns, bool histogram, bool is_final)
{
	json_t *record = event_new("summary");

	event_number(record, "transmitted", stats->transmitted);
	event_number(record, "received", stats->received);
	event_number(record, "pending", stats->pending);
	event_number(record, "lost", ping_stats_lost(stats));
	event_number(record, "late", stats->late);
	event_number(record, "duplicates", stats->duplicates);
	event_seconds(record, "seconds", elapsed_ns);
	event_add(record, "final", json_boolean(is_final));
	add_times(record, stats);
	if (histogram)
		add_histogram(record, stats);
	event_emit(record);
}

void
ping_stats_print(const struct ping_stats *stats, int64_t elapsed_ns, bool histogram, bool is_final)
{
	if (run.json)
		emit_summary(stats, elapsed_ns, histogram, is_final);
	else
		print_text(stats, elapsed_ns, histogram);
}

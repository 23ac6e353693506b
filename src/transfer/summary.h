/* summary.h - what transfers have done so far, and the summary of one that is done. */
#ifndef TRANSFER_SUMMARY_H
#define TRANSFER_SUMMARY_H

#include "libsockutil/sockutil.h"
#include "run/state.h"

#include <stdbool.h>

/* The counters that SIGUSR1 prints.  Several threads may change them. */
struct transfer_stats {
	state_counter bytes;	   /* of all transfers, including bytes that were there before */
	state_counter size;	   /* of the transfer in progress, or of all; STATE_UNKNOWN */
	state_counter connections; /* open now */
	state_counter transfers;   /* complete */
};
extern struct transfer_stats transfer_stats;
void transfer_stats_on_sigusr1(void);
/* Add a file to transfer_stats.size, or take it away.  The sizes of all transfers under way add up.
 * If one is STATE_UNKNOWN, so is the sum. */
void transfer_stats_add_file(uint64_t size);
void transfer_stats_remove_file(uint64_t size);

/* A complete transfer. */
struct transfer_result {
	bool sent;	   /* else received */
	const char *name;  /* the file's; NULL: none */
	const char *shown; /* what messages call it, if it is one of several; NULL: the only one */
	const struct sku_address *peer;
	int64_t bytes;	 /* the file's size */
	int64_t resumed; /* of these, bytes that were there before */
	int64_t ns;
	const char *remark; /* "", or as " (not verified)" */
	bool verified;
};

/* Print the summary, `sent N bytes to ADDR port PORT in S s (R/s)`, and with --json the event.  If
 * the file is one of several, the line begins with `FILE: `. */
void transfer_summary(const struct transfer_result *result);

#endif

/* summary.h - what transfers have done so far, and the summary of one that is done. */
#ifndef TRANSFER_SUMMARY_H
#define TRANSFER_SUMMARY_H

#include "libsockutil/sockutil.h"
#include "run/state.h"

#include <stdbool.h>

/* The counters that SIGUSR1 prints.  Several threads may change them. */
struct transfer_stats {
	state_counter bytes;	   /* of all files, including bytes that were there before */
	state_counter size;	   /* of the same files; STATE_UNKNOWN: of one, or there is none */
	state_counter connections; /* open now */
	state_counter transfers;   /* complete */
};
extern struct transfer_stats transfer_stats;
void transfer_stats_on_sigusr1(void);
/* Add a file that is begun to transfer_stats.size, or take away one that failed.  Its size may be
 * STATE_UNKNOWN. */
void transfer_stats_add_file(uint64_t size);
void transfer_stats_remove_file(uint64_t size);
/* A file that was added is complete: it has so many bytes. */
void transfer_stats_complete_file(uint64_t size, uint64_t bytes);

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

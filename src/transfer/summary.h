/* summary.h - what a transfer has done so far, and the words for how it ended. */
#ifndef TRANSFER_SUMMARY_H
#define TRANSFER_SUMMARY_H

#include "libsockutil/sockutil.h"
#include "run/state.h"

/* What SIGUSR1 prints; several threads may count. */
struct transfer_stats {
	state_counter bytes;	   /* of all transfers, those that were there before included */
	state_counter size;	   /* of the one under way; STATE_UNKNOWN */
	state_counter connections; /* open now */
	state_counter transfers;   /* done */
};
extern struct transfer_stats transfer_stats;
void transfer_stats_on_sigusr1(void);

/* One transfer that is done. */
struct transfer_result {
	const char *event; /* "sent", "received" */
	const char *name;  /* of the file; NULL: none */
	const struct sku_address *peer;
	int64_t bytes;	 /* of the file */
	int64_t resumed; /* of these were there before */
	int64_t ns;
	const char *remark; /* "", " (not verified)" */
	bool verified;
};

/* The summary: `sent N bytes to ADDR port PORT in S s (R/s)`, and with --json the event. */
void transfer_summary(const struct transfer_result *result);

#endif

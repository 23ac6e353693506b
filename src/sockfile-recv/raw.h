/* raw.h - a raw stream: whatever comes, to its end. */
#ifndef RECV_RAW_H
#define RECV_RAW_H

#include "run/failure.h"
#include "run/pool.h"
#include "sockfile-recv/config.h"
#include "sockfile-recv/incoming.h"

struct raw_transfer {
	struct loop_worker worker;
	const struct recv_config *config;
	struct incoming *incoming;
	struct target *target;
	struct failure *failure; /* why it is not complete */
	bool is_complete;
	int64_t ns; /* how long it took */
	/* raw.c's. */
	struct sku_deadline idle;
	struct sha256 *sha256; /* NULL: not asked for */
	int pipe[2];
	char *buf; /* NULL: through the pipe */
	size_t buf_size;
	bool hinted;
};

/* Receive the stream into the target and give the target its name; then close the connection in
 * order.  On a failure, set failure and reset the connection.  May run in a thread. */
void raw_receive(struct raw_transfer *transfer);
/* Print the summary of a transfer that did not fail. */
void raw_report(const struct raw_transfer *transfer);

#endif

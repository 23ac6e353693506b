/* rate.h - a limit of bytes a second: --limit-rate. */
#ifndef RUN_RATE_H
#define RUN_RATE_H

#include <stddef.h>
#include <stdint.h>

#define UNLIMITED INT64_C(-1)

struct rate {
	int64_t bytes_per_second; /* or UNLIMITED */
	int64_t next_at_ns;	  /* when the next bytes may be sent, on the clock of sku_now() */
};

/* How many of wanted bytes may be sent now: none before rate->next_at_ns, else at most a 50th of a
 * second's bytes, so that they are sent evenly.  now is sku_now(). */
size_t rate_allowance(const struct rate *rate, size_t wanted, int64_t now);
/* Account for n bytes that were sent now: moves rate->next_at_ns. */
void rate_account(struct rate *rate, size_t n, int64_t now);

#endif

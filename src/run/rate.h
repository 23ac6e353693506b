/* rate.h - at most so many bytes a second. */
#ifndef RUN_RATE_H
#define RUN_RATE_H

#include <stddef.h>
#include <stdint.h>

#define UNLIMITED INT64_C(-1)

struct rate {
	int64_t bytes_per_second; /* or UNLIMITED */
	int64_t next_at_ns;	  /* on the clock of sku_now(): when the next bytes may go */
};

/* How many of wanted bytes may go now: 0 before rate->next_at_ns, else at most a slice, so that
 * a second's worth does not go at once. */
size_t rate_allowance(const struct rate *rate, size_t wanted, int64_t now);
/* Bytes that went are paid for with time. */
void rate_account(struct rate *rate, size_t n, int64_t now);

#endif

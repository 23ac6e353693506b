/* rate.h - at most so many bytes a second. */
#ifndef RUN_RATE_H
#define RUN_RATE_H

#include <stddef.h>
#include <stdint.h>

#define CLI_NO_RATE INT64_C(-1)

struct cli_pace {
	int64_t rate;	       /* bytes a second; CLI_NO_RATE */
	int64_t paid_until_ns; /* on the clock of sku_now(): when the next bytes may go */
};

/* How many of wanted bytes may go now: 0 before pace->paid_until_ns, else at most a slice, so that
 * a second's worth does not go at once. */
size_t cli_pace_room(const struct cli_pace *pace, size_t wanted, int64_t now);
/* Bytes that went are paid for with time. */
void cli_pace_pay(struct cli_pace *pace, size_t n, int64_t now);

#endif

/* rate.c - a limit of bytes a second: --limit-rate.
 * Row run. */
#include "run/rate.h"

#include "libsockutil/sockutil.h"

#define SLICES 50 /* in a second */
/* After a late wake-up, at most this much time may be made up for. */
#define CATCH_UP (100 * SKU_MS)

size_t
rate_allowance(const struct rate *rate, size_t wanted, int64_t now)
{
	int64_t slice = rate->bytes_per_second / SLICES > 0 ? rate->bytes_per_second / SLICES : 1;

	if (rate->bytes_per_second == UNLIMITED)
		return wanted;
	if (rate->next_at_ns > now)
		return 0;
	return wanted < (size_t)slice ? wanted : (size_t)slice;
}

void
rate_account(struct rate *rate, size_t n, int64_t now)
{
	if (rate->bytes_per_second == UNLIMITED)
		return;
	if (rate->next_at_ns == 0)
		rate->next_at_ns = now;
	if (rate->next_at_ns < now - CATCH_UP)
		rate->next_at_ns = now - CATCH_UP;
	rate->next_at_ns += (int64_t)((double)n * 1e9 / (double)rate->bytes_per_second);
}

/* rate.c - at most so many bytes a second.
 * Row run. */
#include "run/rate.h"

#include "libsockutil/sockutil.h"

#define SLICES 50 /* of a second */
/* Who wakes late may catch up on so much: else each late wake would cost its time for good. */
#define CATCH_UP (100 * SKU_MS)

size_t
cli_pace_room(const struct cli_pace *pace, size_t wanted, int64_t now)
{
	int64_t slice = pace->rate / SLICES > 0 ? pace->rate / SLICES : 1;

	if (pace->rate == CLI_NO_RATE)
		return wanted;
	if (pace->paid_until_ns > now)
		return 0;
	return wanted < (size_t)slice ? wanted : (size_t)slice;
}

void
cli_pace_pay(struct cli_pace *pace, size_t n, int64_t now)
{
	if (pace->rate == CLI_NO_RATE)
		return;
	if (pace->paid_until_ns == 0)
		pace->paid_until_ns = now;
	if (pace->paid_until_ns < now - CATCH_UP)
		pace->paid_until_ns = now - CATCH_UP;
	pace->paid_until_ns += (int64_t)((double)n * 1e9 / (double)pace->rate);
}

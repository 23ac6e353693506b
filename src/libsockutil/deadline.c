/* deadline.c - instants on the monotonic clock.
 * Row 0: nothing of ours below it. */
#include "libsockutil/sockutil.h"

#include <limits.h>
#include <time.h>

int64_t
sku_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* this clock cannot fail */
	return (int64_t)ts.tv_sec * SKU_SECOND + ts.tv_nsec;
}

struct sku_deadline
sku_deadline_never(void)
{
	return (struct sku_deadline){ INT64_MAX };
}

struct sku_deadline
sku_deadline_in(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns < 0)
		return sku_deadline_never();
	now = sku_now();
	if (timeout_ns > INT64_MAX - now)
		return sku_deadline_never();
	return (struct sku_deadline){ now + timeout_ns };
}

struct sku_deadline
sku_deadline_earlier(struct sku_deadline a, struct sku_deadline b)
{
	return a.at_ns < b.at_ns ? a : b;
}

int64_t
sku_deadline_left(struct sku_deadline deadline)
{
	int64_t now;

	if (deadline.at_ns == INT64_MAX)
		return SKU_NO_TIMEOUT;
	if (deadline.at_ns <= 0)
		return 0;
	now = sku_now();
	return deadline.at_ns > now ? deadline.at_ns - now : 0;
}

bool
sku_deadline_passed(struct sku_deadline deadline)
{
	return sku_deadline_left(deadline) == 0;
}

int
sku_deadline_poll_ms(struct sku_deadline deadline)
{
	int64_t left = sku_deadline_left(deadline);

	if (left == SKU_NO_TIMEOUT)
		return -1;
	if (left > (int64_t)INT_MAX * SKU_MS - SKU_MS)
		return INT_MAX; /* the caller asks again after the wait */
	return (int)((left + SKU_MS - 1) / SKU_MS);
}

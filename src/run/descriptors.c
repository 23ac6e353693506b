/* descriptors.c - how many descriptors a program may have.
 * Row run. */
#include "run/descriptors.h"

#include <sys/resource.h>

void
run_raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* resolve.c - look a name up, and let a signal end it.
 * Row net. */
#include "net/resolve.h"

#include "run/wait.h"

#include <errno.h>
#include <poll.h>

int
resolve_now(const char *host, const struct addrinfo *hints, struct sku_deadline deadline,
    struct addrinfo **list, struct failure *failure)
{
	struct sku_error err;
	struct sku_resolving *resolving = sku_resolving_start(host, NULL, hints, deadline, &err);
	int result;

	if (resolving == NULL)
		return failure_library(failure, &err);
	while ((result = sku_resolving_step(resolving, list, &err)) == 1) {
		if (run_wait_fd(sku_resolving_fd(resolving), POLLIN,
			sku_resolving_wakes(resolving)) == -1 &&
		    run_check() == -1) {
			(void)run_wait_failed(failure, errno, LIMIT_OTHER, "look up %s", host);
			sku_resolving_cancel(resolving);
			return -1;
		}
	}
	sku_resolving_cancel(resolving);
	return result == -1 ? failure_library(failure, &err) : 0;
}

/* resolve.c - look a name up, and let a signal end it.
 * Row net. */
#include "net/resolve.h"

#include "run/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

int
resolve_now(const char *host, const struct addrinfo *hints, struct sku_deadline deadline,
    struct retry *retry, const struct failure *last, struct addrinfo **list,
    struct failure *failure)
{
	struct sku_error err;
	struct sku_resolving *resolving = sku_resolving_start(host, NULL, hints, deadline, &err);
	char action[SKU_ERROR_CONTEXT_MAX];
	int result;

	if (resolving == NULL)
		return failure_library(failure, &err);
	(void)snprintf(action, sizeof(action), "look up %s", host);
	while ((result = sku_resolving_step(resolving, list, &err)) == 1) {
		struct sku_deadline at = sku_resolving_wakes(resolving);

		if (retry != NULL)
			at = sku_deadline_earlier(at, retry_says_at(retry));
		if (run_wait_fd(sku_resolving_fd(resolving), POLLIN, at) == -1 &&
		    run_check() == -1) {
			(void)run_wait_failed(failure, errno, LIMIT_OTHER, "%s", action);
			sku_resolving_cancel(resolving);
			return -1;
		}
		if (retry != NULL)
			retry_say(retry, last, action);
	}
	sku_resolving_cancel(resolving);
	return result == -1 ? failure_library(failure, &err) : 0;
}

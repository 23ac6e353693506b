/* sweep.c - the look-ups of a network's addresses, and whether any of them is reported.
 * Row tool. */
#include "hostlookup/sweep.h"

#include "hostlookup/print.h"
#include "run/status.h"

#include <stdlib.h>
#include <string.h>

struct sweep *
sweep_new(const char *query)
{
	size_t len = strlen(query) + 1;
	struct sweep *sweep = calloc(1, sizeof(*sweep) + len);

	if (sweep == NULL)
		return NULL;
	memcpy(sweep->query, query, len);
	(void)network_parse(&sweep->network, query);
	sweep->left = sweep->network.count;
	return sweep;
}

bool
sweep_next(struct sweep *sweep, char address[SKU_ADDRESS_TEXT_MAX])
{
	network_address(&sweep->network, sweep->next++, address);
	return sweep->next < sweep->network.count;
}

static int
print_end(const struct host_config *config, const struct sweep *sweep)
{
	struct lookup_answer none = { .status = STATUS_OK };

	if (sweep->told)
		return STATUS_OK;
	answer_fail(&none, STATUS_NOT_FOUND, 0, "no address of it has a name");
	return answer_print(config, sweep->query, &none);
}

int
sweep_print(const struct host_config *config, struct sweep *sweep, const char *address,
    const struct lookup_answer *answer)
{
	int status = STATUS_OK;

	if (answer->status != STATUS_NOT_FOUND) {
		sweep->told = true;
		status = answer_print(config, address, answer);
	}
	if (--sweep->left == 0) {
		int end = print_end(config, sweep);

		status = end > status ? end : status;
		free(sweep);
	}
	return status;
}

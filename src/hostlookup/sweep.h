/* sweep.h - the look-ups of a network's addresses, and whether any of them is told of. */
#ifndef HOSTLOOKUP_SWEEP_H
#define HOSTLOOKUP_SWEEP_H

#include "hostlookup/answer.h"
#include "hostlookup/config.h"
#include "hostlookup/network.h"

struct sweep {
	struct network network;
	uint32_t next; /* the index of the address that is asked next */
	uint32_t left; /* of those that are not printed yet */
	bool told;     /* there is a line or a message for one of them */
	char query[];
};

/* query is a network; NULL: there is no memory. */
struct sweep *sweep_new(const char *query);
/* The address that is asked next.  False: it is the last one. */
bool sweep_next(struct sweep *sweep, char address[SKU_ADDRESS_TEXT_MAX]);
/* Print the answer to one of them.  Addresses without a name are left out; after the last answer,
 * if all were, that is said.  Returns the status, and frees the sweep after the last answer. */
int sweep_print(const struct host_config *config, struct sweep *sweep, const char *address,
    const struct lookup_answer *answer);

#endif

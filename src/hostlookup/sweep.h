/* sweep.h - the look-ups of a network's addresses, and whether any of them is reported. */
#ifndef HOSTLOOKUP_SWEEP_H
#define HOSTLOOKUP_SWEEP_H

#include "hostlookup/answer.h"
#include "hostlookup/config.h"
#include "hostlookup/network.h"

struct sweep {
	struct network network;
	uint32_t next; /* the index of the next address to ask for */
	uint32_t left; /* how many are not printed yet */
	bool told;     /* a line or a message was printed for one of them */
	char query[];
};

/* Begin a sweep; query is a network.  NULL: out of memory. */
struct sweep *sweep_new(const char *query);
/* Store the next address to ask for.  False: it is the last one. */
bool sweep_next(struct sweep *sweep, char address[SKU_ADDRESS_TEXT_MAX]);
/* Print the answer for one address.  Addresses without a name are left out; if all were, that is
 * reported after the last answer.  Returns the status.  Frees the sweep after the last answer. */
int sweep_print(const struct host_config *config, struct sweep *sweep, const char *address,
    const struct lookup_answer *answer);

#endif

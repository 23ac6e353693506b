/* network.h - the addresses of a network, ADDR/BITS, one after the other. */
#ifndef HOSTLOOKUP_NETWORK_H
#define HOSTLOOKUP_NETWORK_H

#include "libsockutil/sockutil.h"

#include <stdbool.h>
#include <stdint.h>

struct network {
	struct sku_address first;
	uint32_t count;
	char fault[100]; /* why it is not a network */
};

/* Is the query a network, not one address? */
bool network_is_meant(const char *query);
/* Parse ADDR/BITS: 0, or -1 and the fault. */
int network_parse(struct network *network, const char *query);
/* The address with that index, below count, as text. */
void network_address(
    const struct network *network, uint32_t index, char text[SKU_ADDRESS_TEXT_MAX]);

#endif

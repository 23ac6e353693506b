/* query.c - what may be asked: the names of hosts, and addresses.
 * Row tool. */
#include "hostlookup/query.h"

#include "hostlookup/network.h"
#include "hostlookup/reverse.h"
#include "net/host_name.h"

#include <stdio.h>
#include <string.h>

static const char *
fault_of_network(const char *query, char buf[QUERY_FAULT_MAX])
{
	struct network network;

	if (network_parse(&network, query) == 0)
		return NULL;
	(void)snprintf(buf, QUERY_FAULT_MAX, "%s", network.fault);
	return buf;
}

const char *
query_fault(const struct host_config *config, const char *query, char buf[QUERY_FAULT_MAX])
{
	char address[SKU_ADDRESS_TEXT_MAX];

	if (config->lookup_kind != LOOKUP_REVERSE)
		return host_name_fault(query);
	if (network_is_meant(query))
		return fault_of_network(query, buf);
	return reverse_address(query, address) != NULL ? NULL : reverse_fault(query);
}

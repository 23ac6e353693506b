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

/* HOST:PORT */
static bool
has_port(const char *query)
{
	const char *colon = strchr(query, ':');

	return colon != NULL && colon > query && colon[1] != '\0' &&
	       colon[1 + strspn(colon + 1, "0123456789")] == '\0';
}

static const char *
fault_of_name(const char *query)
{
	const char *fault = host_name_fault(query);
	struct network network;

	if (fault == NULL)
		return NULL;
	if (has_port(query))
		return "it is no name of a host (leave the port out)";
	if (strchr(query, '@') != NULL)
		return "it is no name of a host (leave the user out)";
	if (network_parse(&network, query) == 0)
		return "it is a network (-r prints the names of its addresses)";
	return fault;
}

const char *
query_fault(const struct host_config *config, const char *query, char buf[QUERY_FAULT_MAX])
{
	char address[SKU_ADDRESS_TEXT_MAX];

	if (strstr(query, "://") != NULL)
		return "it is a URL (give its host alone)";
	if (config->lookup_kind != LOOKUP_REVERSE)
		return fault_of_name(query);
	if (network_is_meant(query))
		return fault_of_network(query, buf);
	return reverse_address(query, address) != NULL ? NULL : reverse_fault(query);
}

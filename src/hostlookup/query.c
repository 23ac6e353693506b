/* query.c - what may be asked: the names of hosts, and addresses.
 * Row tool. */
#include "hostlookup/query.h"

#include "hostlookup/network.h"
#include "hostlookup/reverse.h"
#include "net/host_name.h"
#include "options/values.h"
#include "run/escape.h"

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

bool
query_has_port(const char *query)
{
	const char *colon = strrchr(query, ':');
	char host[SKU_ADDRESS_TEXT_MAX], buf[SKU_ADDRESS_TEXT_MAX];
	size_t len = colon != NULL ? (size_t)(colon - query) : 0;

	if (len == 0)
		return false;
	if (value_is_digits(colon + 1) && strchr(query, ':') == colon)
		return true;
	if (len >= sizeof(host))
		return false;
	memcpy(host, query, len);
	host[len] = '\0';
	/* An IPv6 address without brackets has no port. */
	return (host[0] == '[' || strchr(host, ':') == NULL) && reverse_address(host, buf) != NULL;
}

/* Why this can be neither a name nor an address. */
static const char *
fault_of_text(const char *query)
{
	if (!escape_is_utf8(query, strlen(query)))
		return "it is no UTF-8";
	return strstr(query, "://") != NULL ? "it is a URL (give its host alone)" : NULL;
}

const char *
query_name_fault(const char *name)
{
	const char *fault = fault_of_text(name);
	char address[SKU_ADDRESS_TEXT_MAX];
	struct network network;

	if (fault != NULL)
		return fault;
	fault = host_name_fault(name);
	if (fault == NULL)
		return NULL;
	if (query_has_port(name))
		return "it is no name of a host (leave the port out)";
	if (strchr(name, '@') != NULL)
		return "it is no name of a host (leave the user out)";
	if (name[0] == '[' && reverse_address(name, address) != NULL)
		return "it is no name of a host (leave the brackets out)";
	if (network_parse(&network, name) == 0)
		return "it is a network (-r prints the names of its addresses)";
	return fault;
}

const char *
query_fault(const struct host_config *config, const char *query, char buf[QUERY_FAULT_MAX])
{
	char address[SKU_ADDRESS_TEXT_MAX];
	const char *fault;

	if (config->lookup_kind != LOOKUP_REVERSE)
		return query_name_fault(query);
	fault = fault_of_text(query);
	if (fault != NULL)
		return fault;
	if (network_is_meant(query))
		return fault_of_network(query, buf);
	return reverse_address(query, address) != NULL ? NULL : reverse_fault(query);
}

/* query.c - what may be asked: the names of hosts, and addresses.
 * Row tool. */
#include "hostlookup/query.h"

#include "hostlookup/network.h"
#include "hostlookup/reverse.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 253 /* RFC 1035, section 2.3.4, less the length bytes at both ends */
#define LABEL_MAX_BYTES 63
#define NEITHER "it is neither an address nor the name of a host"

bool
query_is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text >= 0x80)
			return false;
	}
	return true;
}

const char *
query_fault_of_name(const char *name)
{
	struct sku_address address;
	size_t len = strlen(name);
	bool ascii = query_is_ascii(name);

	if (len == 0)
		return "the name is empty";
	if (strchr(name, '%') != NULL || strchr(name, ':') != NULL)
		return sku_address_from_numeric(&address, AF_UNSPEC, name, 0) == 0 ? NULL : NEITHER;
	if (strspn(name, "0123456789.") == len)
		return sku_address_from_numeric(&address, AF_INET, name, 0) == 0 ? NULL : NEITHER;
	if (strpbrk(name, "/ \t\\\"'") != NULL)
		return NEITHER;
	/* The limits are those of the encoded name. */
	if (ascii && len > NAME_MAX_BYTES + (name[len - 1] == '.'))
		return "a name has at most 253 bytes";
	for (const char *label = name; *label != '\0';) {
		size_t n = strcspn(label, ".");

		if (n == 0)
			return "a label of the name is empty";
		if (ascii && n > LABEL_MAX_BYTES)
			return "a label of a name has at most 63 bytes";
		label += n + (label[n] == '.');
	}
	return NULL;
}

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
		return query_fault_of_name(query);
	if (network_is_meant(query))
		return fault_of_network(query, buf);
	return reverse_address(query, address) != NULL ? NULL : reverse_fault(query);
}

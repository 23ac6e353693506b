/* config.h - the command line of hostlookup. */
#ifndef HOSTLOOKUP_CONFIG_H
#define HOSTLOOKUP_CONFIG_H

#include "libsockutil/sockutil.h"
#include "options/inputs.h"

#include <stdbool.h>

enum lookup_kind {
	LOOKUP_ADDRESS,
	LOOKUP_ALL,
	LOOKUP_REVERSE,
	LOOKUP_HOSTNAME,
	LOOKUP_FQDN,
	LOOKUP_SET_HOSTNAME,
	LOOKUP_HAS_IPV6
};

struct host_config {
	enum lookup_kind lookup_kind;
	bool ex; /* print name, aliases and addresses */
	bool confirm;
	int family; /* AF_UNSPEC: neither -4 nor -6 */
	const char *set_hostname;
	char **names; /* the operands */
	size_t name_count;
	struct input_files files;
	int64_t jobs;
	bool unordered;
	bool no_cache;	 /* ask again for every line */
	int64_t wait_ns; /* --wait: how long to ask again; 0: ask once */
};

/* Is each result printed on a line of its own, because there may be several names? */
bool config_is_bulk(const struct host_config *config);
/* Parse the command line.  names points into argv.  Misuse ends the program with status 2. */
void config_parse(struct host_config *config, int argc, char **argv);

#endif

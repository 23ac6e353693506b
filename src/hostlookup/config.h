/* config.h - what the command line of hostlookup says. */
#ifndef HOSTLOOKUP_CONFIG_H
#define HOSTLOOKUP_CONFIG_H

#include "libsockutil/sockutil.h"

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
	bool ex; /* name, aliases and addresses */
	bool confirm;
	int family; /* AF_UNSPEC: not said */
	const char *set_hostname;
	char **names; /* operands */
	size_t name_count;
	const char *file;
	int64_t jobs;
	bool unordered;
	int64_t wait_ns; /* 0: ask once */
};

/* Several answers, a line each? */
bool config_is_bulk(const struct host_config *config);
/* Misuse ends the program with status 2. */
void config_parse(struct host_config *config, int argc, char **argv);

#endif

/* config.h - what the command line of servlookup says. */
#ifndef SERVLOOKUP_CONFIG_H
#define SERVLOOKUP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct serv_config {
	const char *proto; /* NULL: any */
	bool ex;
	bool all;
	const char *file;
	const char *services; /* another file of services; NULL: the system's */
	char **queries;
	size_t query_count;
};

/* Several answers, a line each? */
bool config_is_bulk(const struct serv_config *config);
/* Misuse ends the program with status 2. */
void config_parse(struct serv_config *config, int argc, char **argv);

#endif

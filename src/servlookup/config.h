/* config.h - the command line of servlookup. */
#ifndef SERVLOOKUP_CONFIG_H
#define SERVLOOKUP_CONFIG_H

#include "options/inputs.h"

#include <stdbool.h>
#include <stddef.h>

struct serv_config {
	const char *proto; /* NULL: any */
	bool ex;
	bool all;
	struct input_files files;
	const char *services; /* a file to read instead of the system's services; NULL: none */
	char **queries;
	size_t query_count;
};

/* Is each result printed on a line of its own, because there may be several queries? */
bool config_is_bulk(const struct serv_config *config);
/* Parse the command line.  queries points into argv.  Misuse ends the program with status 2. */
void config_parse(struct serv_config *config, int argc, char **argv);

#endif

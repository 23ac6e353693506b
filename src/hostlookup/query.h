/* query.h - what may be asked: the names of hosts, and addresses. */
#ifndef HOSTLOOKUP_QUERY_H
#define HOSTLOOKUP_QUERY_H

#include "hostlookup/config.h"

bool query_is_ascii(const char *text);
/* Why this cannot be a name or an address to ask for; NULL: it can. */
const char *query_fault_of_name(const char *name);
#define QUERY_FAULT_MAX 100
/* The same for a query of this kind: a name, or with --reverse an address or a network.  buf is for
 * the text. */
const char *query_fault(
    const struct host_config *config, const char *query, char buf[QUERY_FAULT_MAX]);

#endif

/* query.h - what may be asked: the names of hosts, and addresses. */
#ifndef HOSTLOOKUP_QUERY_H
#define HOSTLOOKUP_QUERY_H

#include "hostlookup/config.h"

#define QUERY_FAULT_MAX 100
/* Why this cannot be a query of the configured kind: a name, or with --reverse an address or a
 * network.  NULL: it can.  The text may be in buf. */
const char *query_fault(
    const struct host_config *config, const char *query, char buf[QUERY_FAULT_MAX]);
/* The same for a name alone. */
const char *query_name_fault(const char *name);
/* Is it HOST:PORT, ADDR:PORT or [V6]:PORT? */
bool query_has_port(const char *query);

#endif

/* query.h - what may be asked: the names of hosts, and addresses. */
#ifndef HOSTLOOKUP_QUERY_H
#define HOSTLOOKUP_QUERY_H

#include "hostlookup/config.h"

#define QUERY_FAULT_MAX 100
/* Why this can be no query of this kind: a name, or with --reverse an address or a network; NULL:
 * it can.  buf is for the text. */
const char *query_fault(
    const struct host_config *config, const char *query, char buf[QUERY_FAULT_MAX]);

#endif

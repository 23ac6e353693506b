/* reverse.h - addresses to look names up for, in the forms that lists have. */
#ifndef HOSTLOOKUP_REVERSE_H
#define HOSTLOOKUP_REVERSE_H

#include "libsockutil/sockutil.h"

/* The address of a query as the library takes it: ADDR itself, or in buf that of [V6],
 * N.N.N.N.in-addr.arpa or N...N.ip6.arpa.  NULL: the query has none of these forms. */
const char *reverse_address(const char *query, char buf[SKU_ADDRESS_TEXT_MAX]);
/* Why reverse_address() returned NULL for this query. */
const char *reverse_fault(const char *query);

#endif

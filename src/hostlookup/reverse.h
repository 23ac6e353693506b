/* reverse.h - addresses whose names are asked for, as they stand in lists. */
#ifndef HOSTLOOKUP_REVERSE_H
#define HOSTLOOKUP_REVERSE_H

#include "libsockutil/sockutil.h"

/* The address of a query as the library takes it: ADDR itself, or in buf that of [V6],
 * N.N.N.N.in-addr.arpa or N...N.ip6.arpa.  NULL: it is none of these. */
const char *reverse_address(const char *query, char buf[SKU_ADDRESS_TEXT_MAX]);
/* Why a query for which that is NULL is none. */
const char *reverse_fault(const char *query);

#endif

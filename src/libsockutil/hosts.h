/* hosts.h - what an answer has, for the library and the programs. */
#ifndef SKU_HOSTS_H
#define SKU_HOSTS_H

#include "libsockutil/sockutil.h"

/* As sku_address_host(), but in the family that was asked for: a v4-mapped address stays IPv6. */
const char *sku_answer_text(const struct addrinfo *answer, char buf[SKU_ADDRESS_TEXT_MAX]);
/* How many pointers a list has before the NULL at its end.  NULL has none. */
size_t sku_list_length(char *const *list);

#endif

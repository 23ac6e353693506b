/* hosts.h - the address of an answer, as text. */
#ifndef SKU_HOSTS_H
#define SKU_HOSTS_H

#include "libsockutil/sockutil.h"

/* As sku_address_host(), but in the family that was asked for: a v4-mapped address stays IPv6. */
const char *sku_answer_text(const struct addrinfo *answer, char buf[SKU_ADDRESS_TEXT_MAX]);

#endif

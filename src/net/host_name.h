/* host_name.h - what can be the name of a host. */
#ifndef NET_HOST_NAME_H
#define NET_HOST_NAME_H

#include <stdbool.h>

#define HOST_NAME_NO_ZONE "its zone is no interface of this machine"

bool host_name_is_ascii(const char *name);
/* Why name can be neither the name of a host nor an address; NULL: it can. */
const char *host_name_fault(const char *name);

#endif

/* services.h - the built-in table of well-known services. */
#ifndef SKU_SERVICES_H
#define SKU_SERVICES_H

#include <netdb.h>
#include <stddef.h>

#ifndef _PATH_SERVICES /* musl has no name for it */
#define _PATH_SERVICES "/etc/services"
#endif

/* The strings are in it: pointers would be relocated at each start of each program. */
struct sku_service {
	unsigned short port;
	char protocols[8]; /* "tcp", "udp" or "tcp udp" */
	char name[16];
	char aliases[30]; /* separated by spaces; "" for none */
};

extern const struct sku_service sku_builtin_services[];
extern const size_t sku_builtin_services_count;

#endif

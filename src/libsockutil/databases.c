/* databases.c - from where names of hosts, services and users come, in a static program.
 * Row 0: nothing of ours below it. */
#include "libsockutil/databases.h"

#include <stddef.h>

#ifdef STATIC_BINARIES

#include <pthread.h>
#ifdef __GLIBC__
#include <nss.h>
#endif

static void
configure(void)
{
#ifdef __GLIBC__
	static const char *const databases[] = { "services", "passwd", "group", "initgroups" };

	(void)__nss_configure_lookup("hosts", "files dns");
	for (size_t i = 0; i < sizeof(databases) / sizeof(*databases); i++)
		(void)__nss_configure_lookup(databases[i], "files");
#endif
}

void
sku_leave_out_modules(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, configure);
}

#endif

/* interfaces.c - if_nameindex().
 * Row 0: nothing of ours below it. */
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

struct sku_interface *
sku_if_nameindex(void)
{
	struct if_nameindex *found = if_nameindex();
	struct sku_interface *list;
	size_t n = 0;
	int saved;

	if (found == NULL)
		return NULL;
	while (found[n].if_index != 0)
		n++;
	list = calloc(n + 1, sizeof(*list)); /* the last is all zero */
	for (size_t i = 0; list != NULL && i < n; i++) {
		list[i].index = found[i].if_index;
		(void)snprintf(list[i].name, sizeof(list[i].name), "%s", found[i].if_name);
	}
	saved = errno;
	if_freenameindex(found);
	errno = saved;
	return list;
}

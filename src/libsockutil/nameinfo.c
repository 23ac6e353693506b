/* nameinfo.c - getnameinfo(3) under a deadline.
 * Row 2: above background, resolve and error. */
#include "libsockutil/background.h"
#include "libsockutil/databases.h"
#include "libsockutil/resolve.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct name_query {
	struct sku_address address;
	int flags;
	bool wants_host, wants_service;
	char host[SKU_HOST_MAX], service[SKU_SERVICE_MAX];
	int code;
	int system_errno;
};

static void
ask(void *arg)
{
	struct name_query *q = arg;

	sku_leave_out_modules();
	errno = 0;
	q->code = getnameinfo(&q->address.sa, q->address.len, q->wants_host ? q->host : NULL,
	    q->wants_host ? sizeof(q->host) : 0, q->wants_service ? q->service : NULL,
	    q->wants_service ? sizeof(q->service) : 0, q->flags);
	q->system_errno = errno;
	q->code = sku_resolver_code(q->code, &q->system_errno);
}

/* Copy the answer, if it fits.  buf is NULL if the caller does not want it. */
static int
copy_answer(const char *answer, char *buf, size_t size)
{
	size_t len = strlen(answer);

	if (buf == NULL)
		return 0;
	if (len >= size)
		return EAI_OVERFLOW;
	memcpy(buf, answer, len + 1);
	return 0;
}

int
sku_getnameinfo(const struct sku_address *address, char *host, size_t host_size, char *service,
    size_t service_size, int flags, struct sku_deadline deadline, struct sku_error *err)
{
	struct name_query *q = malloc(sizeof(*q));
	const struct sku_work work = { ask, free, q };
	char shown[SKU_ADDRESS_TEXT_MAX];
	int code;

	(void)sku_address_host(address, shown);
	if (q != NULL)
		*q = (struct name_query){ .address = *address,
			.flags = flags,
			.wants_host = host != NULL,
			.wants_service = service != NULL };
	if (sku_lookup_run(&work, shown, deadline, err) == -1)
		return -1;
	code = q->code;
	if (code == 0)
		code = copy_answer(q->host, host, host_size);
	if (code == 0)
		code = copy_answer(q->service, service, service_size);
	if (code != 0)
		sku_resolve_error(err, code, q->system_errno, shown);
	free(q);
	return code == 0 ? 0 : -1;
}

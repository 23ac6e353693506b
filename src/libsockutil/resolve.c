/* resolve.c - getaddrinfo(3) in the background and under a deadline.
 * Row 2: above background and error. */
#include "libsockutil/resolve.h"

#include "libsockutil/background.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The argument of the work.  It belongs to the job until the job is taken. */
struct lookup {
	char *host;
	struct addrinfo hints;
	struct addrinfo *result;
	int code;
	int system_errno;
	char *service;
};

struct sku_query {
	struct sku_background *job;
	struct lookup *lookup;
};

int
sku_check_family(int family, const char *host, struct sku_error *err)
{
	if (family == AF_UNSPEC || family == AF_INET || family == AF_INET6)
		return 0;
	sku_error_set(err, SKU_ERR_RESOLVE, EAI_FAMILY, "look up %s", host);
	return -1;
}

static void
lookup_run(void *arg)
{
	struct lookup *f = arg;

	f->code = getaddrinfo(f->host, f->service, &f->hints, &f->result);
	f->system_errno = errno;
}

static void
lookup_free(void *arg)
{
	struct lookup *f = arg;

	if (f->result != NULL)
		freeaddrinfo(f->result);
	free(f->host);
	free(f->service);
	free(f);
}

static struct lookup *
lookup_new(const char *host, const char *service, const struct addrinfo *hints)
{
	struct lookup *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->host = host != NULL ? strdup(host) : NULL;
	f->service = service != NULL ? strdup(service) : NULL;
	if (hints != NULL)
		f->hints = *hints;
	return f;
}

/* Take the answer of a look-up that is done, and free the look-up. */
static int
lookup_result(struct lookup *f, const char *shown, struct addrinfo **result, struct sku_error *err)
{
	int code = f->code;

	*result = NULL;
	if (code == 0) {
		*result = f->result;
		f->result = NULL;
	} else {
		sku_resolve_error(err, code, f->system_errno, shown);
	}
	lookup_free(f);
	return code == 0 ? 0 : -1;
}

void
sku_resolve_error(struct sku_error *err, int code, int system_errno, const char *name)
{
	if (code == EAI_SYSTEM)
		sku_error_set(err, SKU_ERR_SYSTEM, system_errno, "look up %s", name);
	else
		sku_error_set(err, SKU_ERR_RESOLVE, code, "look up %s", name);
}

struct sku_query *
sku_query_start(const char *host, const struct addrinfo *hints, int notify_fd)
{
	struct sku_query *query = calloc(1, sizeof(*query));
	struct sku_work work = { lookup_run, lookup_free, NULL };

	if (query == NULL)
		return NULL;
	query->lookup = lookup_new(host, NULL, hints);
	if (query->lookup == NULL) {
		free(query);
		return NULL;
	}
	work.arg = query->lookup;
	query->job = sku_background_start(&work, notify_fd);
	if (query->job == NULL) {
		int saved = errno;

		lookup_free(query->lookup);
		free(query);
		errno = saved;
		return NULL;
	}
	return query;
}

bool
sku_query_done(struct sku_query *query)
{
	return sku_background_done(query->job);
}

int
sku_query_take(struct sku_query *query, struct addrinfo **result, struct sku_error *err)
{
	struct lookup *f = query->lookup;
	char shown[SKU_HOST_MAX];

	sku_background_take(query->job);
	free(query);
	(void)strncpy(shown, f->host, sizeof(shown) - 1);
	shown[sizeof(shown) - 1] = '\0';
	return lookup_result(f, shown, result, err);
}

void
sku_query_abandon(struct sku_query *query)
{
	if (query == NULL)
		return;
	sku_background_abandon(query->job);
	free(query);
}

int
sku_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **result, struct sku_deadline deadline, struct sku_error *err)
{
	const char *shown = host != NULL ? host : service != NULL ? service : "";
	struct lookup *f = lookup_new(host, service, hints);
	const struct sku_work work = { lookup_run, lookup_free, f };

	*result = NULL;
	if (f == NULL) {
		sku_error_set(err, SKU_ERR_SYSTEM, ENOMEM, "look up %s", shown);
		return -1;
	}
	if (sku_background_run(&work, deadline) == -1) {
		sku_error_set(err, SKU_ERR_SYSTEM, errno, "look up %s", shown);
		return -1;
	}
	return lookup_result(f, shown, result, err);
}

/* resolve.c - getaddrinfo(3) in the background and under a deadline.
 * Row 2: above background, services and error. */
#include "libsockutil/resolve.h"

#include "libsockutil/background.h"
#include "libsockutil/databases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The argument of the work.  It belongs to the job until the job is taken. */
struct lookup {
	char *host;
	struct addrinfo hints;
	struct addrinfo *result;
	int code;
	int system_errno;
	char *service;
	int service_errno; /* why the service could not be looked up; 0: it could */
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

/* Does the service have this port with proto?  1 or 0; or -1, out of memory. */
static int
has_port(const char *service, const char *proto, int port)
{
	int found = sku_getservbyname(service, proto);

	return found == -1 && errno == ENOMEM ? -1 : found == port;
}

/* Find the number of the service for the C library, which takes "65536" for port 0 and knows no
 * names without a services database.  Returns 0, or EAI_SERVICE, or EAI_SYSTEM and f's
 * service_errno. */
static int
find_port(struct lookup *f, struct addrinfo *hints, char port[8])
{
	const char *proto =
	    hints->ai_socktype == SOCK_STREAM || hints->ai_protocol == IPPROTO_TCP ? "tcp" :
	    hints->ai_socktype == SOCK_DGRAM || hints->ai_protocol == IPPROTO_UDP  ? "udp" :
										     NULL;
	bool numeric = (hints->ai_flags & AI_NUMERICSERV) != 0;
	struct sku_error why;
	int number = sku_port_from_text(f->service, proto, numeric, &why);

	if (number == -1 && (why.kind == SKU_ERR_RESOLVE || why.code == EINVAL))
		return EAI_SERVICE;
	if (number == -1) {
		f->service_errno = why.code;
		return EAI_SYSTEM;
	}
	(void)snprintf(port, 8, "%d", number);
	/* A protocol that does not have the name gets no answer. */
	if (proto == NULL && hints->ai_socktype == 0 && hints->ai_protocol == 0 &&
	    f->service[strspn(f->service, "0123456789")] != '\0') {
		int udp = has_port(f->service, "udp", number);
		int tcp = udp == 1 ? has_port(f->service, "tcp", number) : 1;

		if (udp == -1 || tcp == -1) {
			f->service_errno = ENOMEM;
			return EAI_SYSTEM;
		}
		if (udp == 0)
			hints->ai_socktype = SOCK_STREAM;
		else if (tcp == 0)
			hints->ai_socktype = SOCK_DGRAM;
	}
	return 0;
}

static void
lookup_run(void *arg)
{
	struct lookup *f = arg;
	struct addrinfo hints = f->hints;
	char port[8];

	sku_leave_out_modules();
	f->code = f->service != NULL ? find_port(f, &hints, port) : 0;
	errno = 0;
	if (f->code == 0)
		f->code =
		    getaddrinfo(f->host, f->service != NULL ? port : NULL, &hints, &f->result);
	f->system_errno = errno;
	f->code = sku_resolver_code(f->code, &f->system_errno);
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
	/* Without the name it would be another question: fail instead. */
	if ((host != NULL && f->host == NULL) || (service != NULL && f->service == NULL)) {
		lookup_free(f);
		errno = ENOMEM;
		return NULL;
	}
	return f;
}

/* What is looked up, for messages. */
static const char *
lookup_name(const char *host, const char *service)
{
	return host != NULL ? host : service != NULL ? service : "";
}

/* Take the answer of a look-up that is done, and free the look-up. */
static int
lookup_result(struct lookup *f, const char *shown, struct addrinfo **result, struct sku_error *err)
{
	int code = f->code;

	*result = NULL;
	if (f->service_errno != 0) {
		sku_error_set(
		    err, SKU_ERR_SYSTEM, f->service_errno, "look up service %s", f->service);
	} else if (code == EAI_SERVICE && f->service != NULL) {
		sku_error_set(err, SKU_ERR_RESOLVE, code, "look up service %s", f->service);
	} else if (code == 0) {
		*result = f->result;
		f->result = NULL;
	} else {
		sku_resolve_error(err, code, f->system_errno, shown);
	}
	lookup_free(f);
	return code == 0 ? 0 : -1;
}

/* Is there no descriptor left?  Then *error says so. */
static bool
lacks_descriptors(int *error)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd != -1) {
		(void)close(fd);
		return false;
	}
	if (errno != EMFILE && errno != ENFILE)
		return false;
	*error = errno;
	return true;
}

int
sku_resolver_code(int code, int *error)
{
	if ((code == 0 || code == EAI_NONAME) && *error == ENOMEM)
		return EAI_MEMORY;
	return code != 0 && code != EAI_MEMORY && lacks_descriptors(error) ? EAI_SYSTEM : code;
}

void
sku_resolve_error(struct sku_error *err, int code, int system_errno, const char *name)
{
	struct sku_address address;

	/* The resolver reports an address whose interface is gone as an unknown name. */
	if (code == EAI_NONAME && sku_address_from_numeric(&address, AF_UNSPEC, name, 0) == -1 &&
	    errno == ENODEV) {
		code = EAI_SYSTEM;
		system_errno = ENODEV;
	}
	if (code == EAI_SYSTEM)
		sku_error_set(err, SKU_ERR_SYSTEM, system_errno, "look up %s", name);
	else
		sku_error_set(err, SKU_ERR_RESOLVE, code, "look up %s", name);
}

struct sku_query *
sku_query_start(const char *host, const char *service, const struct addrinfo *hints, int notify_fd)
{
	struct sku_query *query = calloc(1, sizeof(*query));
	struct sku_work work = { lookup_run, lookup_free, NULL };

	if (query == NULL)
		return NULL;
	query->lookup = lookup_new(host, service, hints);
	if (query->lookup == NULL) {
		free(query);
		errno = ENOMEM;
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

/* What the query looks up, for a message; valid as long as the query. */
static const char *
query_name(const struct sku_query *query)
{
	return lookup_name(query->lookup->host, query->lookup->service);
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

	(void)snprintf(shown, sizeof(shown), "%s", query_name(query));
	sku_background_take(query->job);
	free(query);
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

/* ---- at once ------------------------------------------------------------------------------- */

int
sku_lookup_run(const struct sku_work *work, const char *name, struct sku_deadline deadline,
    struct sku_error *err)
{
	if (work->arg != NULL && sku_background_run(work, deadline) == 0)
		return 0;
	sku_error_set(err, SKU_ERR_SYSTEM, work->arg != NULL ? errno : ENOMEM, "look up %s", name);
	return -1;
}

int
sku_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **result, struct sku_deadline deadline, struct sku_error *err)
{
	const char *shown = lookup_name(host, service);
	struct lookup *f = lookup_new(host, service, hints);
	const struct sku_work work = { lookup_run, lookup_free, f };

	*result = NULL;
	if (sku_lookup_run(&work, shown, deadline, err) == -1)
		return -1;
	return lookup_result(f, shown, result, err);
}

/* ---- in steps ------------------------------------------------------------------------------ */

struct sku_resolving {
	struct sku_query *query;
	struct sku_deadline deadline;
	int notify_fd;
};

struct sku_resolving *
sku_resolving_start(const char *host, const char *service, const struct addrinfo *hints,
    struct sku_deadline deadline, struct sku_error *err)
{
	struct sku_resolving *r = calloc(1, sizeof(*r));

	if (r != NULL) {
		r->deadline = deadline;
		r->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (r->notify_fd != -1)
			r->query = sku_query_start(host, service, hints, r->notify_fd);
		if (r->query != NULL)
			return r;
	}
	sku_error_set(err, SKU_ERR_SYSTEM, errno, "look up %s", lookup_name(host, service));
	sku_resolving_cancel(r);
	return NULL;
}

int
sku_resolving_fd(const struct sku_resolving *r)
{
	return r->notify_fd;
}

struct sku_deadline
sku_resolving_wakes(const struct sku_resolving *r)
{
	return r->deadline;
}

int
sku_resolving_step(struct sku_resolving *r, struct addrinfo **result, struct sku_error *err)
{
	struct sku_query *query = r->query;

	*result = NULL;
	if (sku_query_done(query)) {
		r->query = NULL;
		return sku_query_take(query, result, err);
	}
	if (!sku_deadline_passed(r->deadline))
		return 1;
	sku_error_set(err, SKU_ERR_SYSTEM, ETIMEDOUT, "look up %s", query_name(query));
	return -1;
}

void
sku_resolving_cancel(struct sku_resolving *r)
{
	int saved = errno;

	if (r == NULL)
		return;
	sku_query_abandon(r->query);
	if (r->notify_fd != -1)
		(void)close(r->notify_fd);
	free(r);
	errno = saved;
}

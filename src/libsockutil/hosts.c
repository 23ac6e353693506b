/* hosts.c - names to addresses and back, through the system's resolver and under a deadline.
 * Row 2: above background, resolve, address and error. */
#include "libsockutil/hosts.h"

#include "libsockutil/background.h"
#include "libsockutil/databases.h"
#include "libsockutil/resolve.h"
#include "libsockutil/sockutil.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESOLVER_BUFFER_MAX ((size_t)1 << 20)

/* ---- gethostbyname, gethostbyname_ex, gethostbyaddr ---------------------------------------- */

struct host_lookup {
	char *name;		    /* for gethostbyname2_r; NULL: look up the address */
	struct sku_address address; /* for gethostbyaddr_r */
	int family;
	struct sku_host *host;
	int code; /* 0 or an EAI_ value */
	int system_errno;
};

size_t
sku_list_length(char *const *list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

/* Copy a hostent into one allocation: the struct, two lists, then the text. */
static struct sku_host *
copy_hostent(const struct hostent *ent)
{
	size_t aliases = sku_list_length(ent->h_aliases);
	size_t addresses = sku_list_length(ent->h_addr_list);
	size_t size = sizeof(struct sku_host) + (aliases + addresses + 2) * sizeof(char *) +
		      strlen(ent->h_name) + 1 + addresses * INET6_ADDRSTRLEN;
	struct sku_host *host;
	char *text;

	for (size_t i = 0; i < aliases; i++)
		size += strlen(ent->h_aliases[i]) + 1;
	host = calloc(1, size);
	if (host == NULL)
		return NULL;
	host->family = ent->h_addrtype;
	host->aliases = (char **)(void *)(host + 1);
	host->addresses = host->aliases + aliases + 1;
	text = (char *)(host->addresses + addresses + 1);
	host->name = text;
	text = stpcpy(text, ent->h_name) + 1;
	for (size_t i = 0; i < aliases; i++) {
		host->aliases[i] = text;
		text = stpcpy(text, ent->h_aliases[i]) + 1;
	}
	for (size_t i = 0; i < addresses; i++) {
		host->addresses[i] = text;
		(void)inet_ntop(ent->h_addrtype, ent->h_addr_list[i], text, INET6_ADDRSTRLEN);
		text += strlen(text) + 1;
	}
	return host;
}

void
sku_host_free(struct sku_host *host)
{
	free(host);
}

static const char *
address_text(const struct sku_address *address, char buf[SKU_ADDRESS_TEXT_MAX])
{
	if (address->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
		return inet_ntop(AF_INET6, &address->in6.sin6_addr, buf, SKU_ADDRESS_TEXT_MAX);
	return sku_address_host(address, buf);
}

/* An address needs no look-up: it is its own name.  NULL: out of memory. */
static struct sku_host *
host_of_address(const char *name, const struct sku_address *address)
{
	size_t len = strlen(name) + 1;
	struct sku_host *host =
	    calloc(1, sizeof(*host) + 3 * sizeof(char *) + SKU_ADDRESS_TEXT_MAX + len);

	if (host == NULL)
		return NULL;
	host->family = address->sa.sa_family;
	host->aliases = (char **)(void *)(host + 1);
	host->addresses = host->aliases + 1;
	host->addresses[0] = (char *)(host->addresses + 2);
	(void)address_text(address, host->addresses[0]);
	host->name = memcpy(host->addresses[0] + SKU_ADDRESS_TEXT_MAX, name, len);
	return host;
}

#ifndef NETDB_INTERNAL
#define NETDB_INTERNAL (-1) /* musl has no name for it, and never returns it */
#endif

/* The EAI_ value for an h_errno. */
static int
code_of_h_errno(int h_error)
{
	switch (h_error) {
	case HOST_NOT_FOUND:
		return EAI_NONAME;
	case NO_DATA:
		return EAI_NODATA;
	case TRY_AGAIN:
		return EAI_AGAIN;
	case NETDB_INTERNAL:
		return EAI_SYSTEM;
	default:
		return EAI_FAIL;
	}
}

static int
call_resolver(const struct host_lookup *q, struct hostent *ent, char *buf, size_t size,
    struct hostent **found, int *h_error)
{
	if (q->name != NULL)
		return gethostbyname2_r(q->name, q->family, ent, buf, size, found, h_error);
	if (q->address.sa.sa_family == AF_INET6)
		return gethostbyaddr_r(&q->address.in6.sin6_addr, sizeof(struct in6_addr), AF_INET6,
		    ent, buf, size, found, h_error);
	return gethostbyaddr_r(&q->address.in.sin_addr, sizeof(struct in_addr), AF_INET, ent, buf,
	    size, found, h_error);
}

/* musl answers with the text of the address where the address has no name. */
static bool
is_no_name(const struct host_lookup *q, const struct hostent *ent)
{
#ifdef __GLIBC__
	(void)q;
	(void)ent;
	return false;
#else
	struct sku_address same;

	return q->name == NULL &&
	       sku_address_from_numeric(&same, q->address.sa.sa_family, ent->h_name, 0) == 0 &&
	       sku_address_equal(&same, &q->address);
#endif
}

/* The resolver also fails like this if a CNAME leads to a host of the other family, or nowhere.
 * The code of getaddrinfo(3) is more exact, and is what Python reports. */
static void
explain_failure(struct host_lookup *q)
{
	const struct addrinfo hints = { .ai_family = q->family, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int code, error;

	errno = 0;
	code = getaddrinfo(q->name, NULL, &hints, &found);
	error = errno;
	code = sku_resolver_code(code, &error);
	if (code != 0) {
		q->code = code;
		q->system_errno = error;
	}
	if (found != NULL)
		freeaddrinfo(found);
}

static void
host_lookup_run(void *arg)
{
	struct host_lookup *q = arg;
	struct hostent ent, *found = NULL;
	size_t size = 2048;
	char *buf = NULL;
	int error = ERANGE, h_error = NETDB_INTERNAL;

	sku_leave_out_modules();
	while (error == ERANGE && size <= RESOLVER_BUFFER_MAX) {
		free(buf);
		buf = malloc(size);
		errno = 0;
		if (buf == NULL) {
			error = ENOMEM;
			break;
		}
		error = call_resolver(q, &ent, buf, size, &found, &h_error);
		size *= 4;
	}
	if (error != 0 || found == NULL) {
		/* EBUSY: none of the sources of nsswitch.conf(5) could be used.  That is how
		 * getaddrinfo(3) says it. */
		q->system_errno = errno == ENOMEM ? ENOMEM : error != 0 ? error : EBUSY;
		q->code = buf == NULL ?
			      EAI_MEMORY :
			      sku_resolver_code(code_of_h_errno(h_error), &q->system_errno);
	} else {
		q->system_errno = errno;
		q->code =
		    is_no_name(q, found) ? EAI_NONAME : sku_resolver_code(0, &q->system_errno);
	}
	if (q->code == 0) {
		q->host = copy_hostent(found);
		q->code = q->host != NULL ? 0 : EAI_MEMORY;
	}
	free(buf);
	if (q->code == EAI_FAIL && q->name != NULL)
		explain_failure(q);
}

static void
host_lookup_free(void *arg)
{
	struct host_lookup *q = arg;

	sku_host_free(q->host);
	free(q->name);
	free(q);
}

/* Copy the query for a thread.  NULL: out of memory. */
static struct host_lookup *
copy_query(const struct host_lookup *query)
{
	struct host_lookup *q = malloc(sizeof(*q));

	if (q == NULL)
		return NULL;
	*q = *query;
	q->name = query->name != NULL ? strdup(query->name) : NULL;
	if (query->name == NULL || q->name != NULL)
		return q;
	free(q); /* without its name it would ask for another host */
	return NULL;
}

static int
look_up_host(const struct host_lookup *query, const char *shown, struct sku_host **host,
    struct sku_deadline deadline, struct sku_error *err)
{
	struct host_lookup *q = copy_query(query);
	const struct sku_work work = { host_lookup_run, host_lookup_free, q };
	int code;

	*host = NULL;
	if (sku_lookup_run(&work, shown, deadline, err) == -1)
		return -1;
	code = q->code;
	if (code == 0) {
		*host = q->host;
		q->host = NULL;
	} else {
		sku_resolve_error(err, code, q->system_errno, shown);
	}
	host_lookup_free(q);
	return code == 0 ? 0 : -1;
}

/* The family to look up.  0 means IPv4, as in Python.  Returns -1 and *err for another family. */
static int
lookup_family(int family, const char *name, struct sku_error *err)
{
	if (sku_check_family(family, name, err) == -1)
		return -1;
	return family == AF_UNSPEC ? AF_INET : family;
}

int
sku_gethostbyname_ex(const char *name, int family, struct sku_host **host,
    struct sku_deadline deadline, struct sku_error *err)
{
	/* name is copied before a thread may use it. */
	const struct host_lookup query = { .name = (char *)(uintptr_t)name,
		.family = lookup_family(family, name, err) };

	struct sku_address numeric;

	*host = NULL;
	if (query.family == -1)
		return -1;
	if (sku_address_from_numeric(&numeric, AF_UNSPEC, name, 0) == -1)
		return look_up_host(&query, name, host, deadline, err);
	/* The resolver would not know all forms of an address, and would ask a name server. */
	if (query.family == AF_INET)
		sku_address_unmap(&numeric);
	if (numeric.sa.sa_family != query.family) {
		sku_error_set(err, SKU_ERR_RESOLVE, EAI_ADDRFAMILY, "look up %s", name);
		return -1;
	}
	*host = host_of_address(name, &numeric);
	if (*host != NULL)
		return 0;
	sku_error_set(err, SKU_ERR_SYSTEM, ENOMEM, "look up %s", name);
	return -1;
}

const char *
sku_answer_text(const struct addrinfo *answer, char buf[SKU_ADDRESS_TEXT_MAX])
{
	struct sku_address address;

	buf[0] = '\0';
	if (sku_address_from_addrinfo(&address, answer, 0) == -1)
		return buf;
	return address_text(&address, buf);
}

int
sku_gethostbyname(const char *name, int family, char address[SKU_ADDRESS_TEXT_MAX],
    struct sku_deadline deadline, struct sku_error *err)
{
	const struct addrinfo hints = { .ai_family = lookup_family(family, name, err),
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	struct in_addr quad;

	if (hints.ai_family == -1)
		return -1;
	/* An IPv4 address needs no look-up. */
	if (hints.ai_family == AF_INET && inet_pton(AF_INET, name, &quad) == 1) {
		(void)inet_ntop(AF_INET, &quad, address, SKU_ADDRESS_TEXT_MAX);
		return 0;
	}
	if (sku_getaddrinfo(name, NULL, &hints, &found, deadline, err) == -1)
		return -1;
	(void)sku_answer_text(found, address);
	freeaddrinfo(found);
	return 0;
}

int
sku_gethostbyaddr(const char *address, struct sku_host **host, struct sku_deadline deadline,
    struct sku_error *err)
{
	struct host_lookup query = { .family = AF_UNSPEC };
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	*host = NULL;
	if (sku_address_from_numeric(&query.address, AF_UNSPEC, address, 0) == -1) {
		if (sku_getaddrinfo(address, NULL, &hints, &found, deadline, err) == -1)
			return -1;
		/* cannot fail: IPv4 or IPv6 */
		(void)sku_address_from_addrinfo(&query.address, found, 0);
		freeaddrinfo(found);
	}
	return look_up_host(&query, address, host, deadline, err);
}

/* ---- this machine -------------------------------------------------------------------------- */

int
sku_gethostname(char *buf, size_t len)
{
	if (gethostname(buf, len) == -1)
		return -1;
	if (memchr(buf, '\0', len) == NULL) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

int
sku_sethostname(const char *name)
{
	if (*name == '\0') {
		errno = EINVAL;
		return -1;
	}
	return sethostname(name, strlen(name));
}

static const char *
first_with_dot(const struct sku_host *host)
{
	if (strchr(host->name, '.') != NULL)
		return host->name;
	for (size_t i = 0; host->aliases[i] != NULL; i++) {
		if (strchr(host->aliases[i], '.') != NULL)
			return host->aliases[i];
	}
	return host->name;
}

/* Did the look-up end without asking all that it could?  It ran out of time, or the program ended
 * it, or there was no memory, no descriptor or no thread for it. */
static bool
is_cut_short(const struct sku_error *why)
{
	if (why->kind == SKU_ERR_RESOLVE)
		return why->code == EAI_MEMORY;
	return why->code == ETIMEDOUT || why->code == ECANCELED || why->code == ENOMEM ||
	       why->code == EMFILE || why->code == ENFILE || why->code == EAGAIN;
}

int
sku_getfqdn(
    const char *name, char buf[SKU_HOST_MAX], struct sku_deadline deadline, struct sku_error *err)
{
	static const char blanks[] = " \t\n\v\f\r";
	const char *start = name != NULL ? name + strspn(name, blanks) : "";
	size_t len = strlen(start);
	struct sku_host *host;
	struct sku_error why;
	const char *found;

	while (len > 0 && strchr(blanks, start[len - 1]) != NULL)
		len--;
	if (len >= SKU_HOST_MAX) {
		sku_error_set(err, SKU_ERR_SYSTEM, ENAMETOOLONG, "look up a name");
		return -1;
	}
	memmove(buf, start, len); /* name may be buf */
	buf[len] = '\0';
	if ((len == 0 || strcmp(buf, "0.0.0.0") == 0 || strcmp(buf, "::") == 0) &&
	    sku_gethostname(buf, SKU_HOST_MAX) == -1) {
		sku_error_set(err, SKU_ERR_SYSTEM, errno, "get the host name");
		return -1;
	}
	if (sku_gethostbyaddr(buf, &host, deadline, &why) == -1) {
		/* No answer counts as an answer, as in Python. */
		if (!is_cut_short(&why))
			return 0;
		if (err != NULL)
			*err = why;
		return -1;
	}
	found = first_with_dot(host);
	/* A line of the hosts file may be an address alone: that is no answer, either. */
	if (*found != '\0' && strlen(found) < SKU_HOST_MAX)
		memcpy(buf, found, strlen(found) + 1);
	sku_host_free(host);
	return 0;
}

/* address.c - socket addresses from text and to text, without look-ups.
 * Row 1: above deadline and error. */
#include "libsockutil/sockutil.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
from_ipv4(struct sku_address *address, const char *host, unsigned port)
{
	/* inet_aton(3) stops at white space and would accept anything after it. */
	if (strpbrk(host, " \t\n\v\f\r") != NULL || inet_aton(host, &address->in.sin_addr) == 0)
		return -1;
	address->in.sin_family = AF_INET;
	address->in.sin_port = htons((in_port_t)port);
	address->len = sizeof(address->in);
	return 0;
}

/* Asking takes a descriptor, which there may not be. */
static bool
is_no_interface(int error)
{
	return error == ENODEV || error == ENXIO;
}

/* Is it an IPv6 address with a zone that is no interface? */
static bool
has_unknown_zone(const char *host)
{
	size_t len = strcspn(host, "%");
	const char *zone = host + len + 1;
	char plain[INET6_ADDRSTRLEN], name[IF_NAMESIZE];
	struct in6_addr in6;

	if (host[len] == '\0' || len >= sizeof(plain))
		return false;
	memcpy(plain, host, len);
	plain[len] = '\0';
	if (inet_pton(AF_INET6, plain, &in6) != 1)
		return false;
	if (*zone != '\0' && zone[strspn(zone, "0123456789")] == '\0')
		return if_indextoname((unsigned)strtoul(zone, NULL, 10), name) == NULL &&
		       is_no_interface(errno);
	return if_nametoindex(zone) == 0 && is_no_interface(errno);
}

static int
from_ipv6(struct sku_address *address, const char *host, unsigned port)
{
	struct addrinfo hints = {
		.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST
	};
	struct addrinfo *found;

	/* inet_pton(3) costs less, but does not know zones. */
	if (inet_pton(AF_INET6, host, &address->in6.sin6_addr) == 1) {
		address->in6.sin6_family = AF_INET6;
		address->len = sizeof(address->in6);
	} else {
		if (strchr(host, '%') == NULL)
			return -1;
		if (has_unknown_zone(host)) {
			errno = ENODEV;
			return -1;
		}
		if (getaddrinfo(host, NULL, &hints, &found) != 0) {
			errno = EINVAL;
			return -1;
		}
		memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
		address->len = found->ai_addrlen;
		freeaddrinfo(found);
	}
	address->in6.sin6_port = htons((in_port_t)port);
	return 0;
}

int
sku_address_from_numeric(struct sku_address *address, int family, const char *host, unsigned port)
{
	memset(address, 0, sizeof(*address));
	errno = EINVAL;
	if (port <= 65535 && *host != '\0') {
		if ((family == AF_UNSPEC || family == AF_INET) && strchr(host, ':') == NULL &&
		    from_ipv4(address, host, port) == 0)
			return 0;
		if ((family == AF_UNSPEC || family == AF_INET6) && strchr(host, ':') != NULL &&
		    from_ipv6(address, host, port) == 0)
			return 0;
	}
	memset(address, 0, sizeof(*address));
	return -1;
}

int
sku_address_from_bytes(struct sku_address *address, const void *bytes, size_t len)
{
	const char *path = bytes;

	memset(address, 0, sizeof(*address));
	if (len > sizeof(address->un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* An abstract name may have any bytes, a path no NUL. */
	if (len > 0 && path[0] != '\0' && memchr(path, '\0', len) != NULL) {
		errno = EINVAL;
		return -1;
	}
	address->un.sun_family = AF_UNIX;
	if (len > 0)
		memcpy(address->un.sun_path, path, len);
	if (len > 0 && path[0] != '\0' && len < sizeof(address->un.sun_path))
		len++; /* unix(7): a path that fills sun_path has no NUL */
	address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

int
sku_address_from_path(struct sku_address *address, const char *path)
{
	size_t len = strlen(path);
	char name[SKU_PATH_MAX];

	if (len == 0 || strcmp(path, "@") == 0) {
		memset(address, 0, sizeof(*address));
		errno = EINVAL;
		return -1;
	}
	if (path[0] != '@' || len > sizeof(name))
		return sku_address_from_bytes(address, path, len);
	memcpy(name, path, len);
	name[0] = '\0';
	return sku_address_from_bytes(address, name, len);
}

int
sku_address_from_addrinfo(struct sku_address *address, const struct addrinfo *entry, unsigned port)
{
	memset(address, 0, sizeof(*address));
	if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	memcpy(&address->storage, entry->ai_addr, entry->ai_addrlen);
	address->len = entry->ai_addrlen;
	if (entry->ai_family == AF_INET)
		address->in.sin_port = htons((in_port_t)port);
	else
		address->in6.sin6_port = htons((in_port_t)port);
	return 0;
}

/* The bytes of the path.  getsockname(2) counts a NUL behind a path that fills sun_path. */
static size_t
path_length(const struct sku_address *address)
{
	size_t len = address->len > offsetof(struct sockaddr_un, sun_path) ?
			 address->len - offsetof(struct sockaddr_un, sun_path) :
			 0;

	return len > sizeof(address->un.sun_path) ? sizeof(address->un.sun_path) : len;
}

static void
format_path(const struct sku_address *address, char buf[SKU_ADDRESS_TEXT_MAX])
{
	size_t len = path_length(address);

	memcpy(buf, address->un.sun_path, len);
	buf[len] = '\0';
	if (len > 0 && buf[0] == '\0')
		buf[0] = '@';
}

static void
format_ipv6(const struct sockaddr_in6 *in6, char buf[SKU_ADDRESS_TEXT_MAX])
{
	char zone[IF_NAMESIZE];
	size_t used;

	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		(void)inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], buf, SKU_ADDRESS_TEXT_MAX);
		return;
	}
	(void)inet_ntop(AF_INET6, &in6->sin6_addr, buf, SKU_ADDRESS_TEXT_MAX);
	if (in6->sin6_scope_id == 0)
		return;
	used = strlen(buf);
	/* getaddrinfo(3) accepts an interface's name only for these addresses. */
	if ((IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&in6->sin6_addr)) &&
	    if_indextoname(in6->sin6_scope_id, zone) != NULL)
		(void)snprintf(buf + used, SKU_ADDRESS_TEXT_MAX - used, "%%%s", zone);
	else
		(void)snprintf(
		    buf + used, SKU_ADDRESS_TEXT_MAX - used, "%%%u", (unsigned)in6->sin6_scope_id);
}

const char *
sku_address_host(const struct sku_address *address, char buf[SKU_ADDRESS_TEXT_MAX])
{
	buf[0] = '\0';
	if (address->len < sizeof(sa_family_t))
		return buf;
	if (address->sa.sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &address->in.sin_addr, buf, SKU_ADDRESS_TEXT_MAX);
	else if (address->sa.sa_family == AF_INET6)
		format_ipv6(&address->in6, buf);
	else if (address->sa.sa_family == AF_UNIX)
		format_path(address, buf);
	return buf;
}

unsigned
sku_address_port(const struct sku_address *address)
{
	if (address->len >= sizeof(address->in) && address->sa.sa_family == AF_INET)
		return ntohs(address->in.sin_port);
	if (address->len >= sizeof(address->in6) && address->sa.sa_family == AF_INET6)
		return ntohs(address->in6.sin6_port);
	return 0;
}

bool
sku_address_equal(const struct sku_address *a, const struct sku_address *b)
{
	if (a->len < sizeof(sa_family_t) || b->len < sizeof(sa_family_t) ||
	    a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_UNIX)
		return path_length(a) == path_length(b) &&
		       memcmp(a->un.sun_path, b->un.sun_path, path_length(a)) == 0;
	if (a->len != b->len)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	if (a->sa.sa_family == AF_INET6)
		return a->in6.sin6_port == b->in6.sin6_port &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
		       memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
	return memcmp(&a->storage, &b->storage, a->len) == 0;
}

void
sku_address_unmap(struct sku_address *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (address->len < sizeof(address->in6) || address->sa.sa_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
		return;
	in.sin_port = address->in6.sin6_port;
	memcpy(&in.sin_addr, &address->in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
	address->in = in;
	address->len = sizeof(in);
}

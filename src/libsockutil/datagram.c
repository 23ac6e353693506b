/* datagram.c - create_connection()'s twin for datagrams.
 * Row 2: above connecting, resolve, socket, address, services and error. */
#include "libsockutil/connecting.h"
#include "libsockutil/resolve.h"
#include "libsockutil/sockutil.h"

#include <errno.h>

/* What was tried, for a message. */
struct target {
	const char *host;
	unsigned port;
	const struct sku_connect_opts *opts;
};

/* Open a socket and connect it to the address.  Returns 0, or -1 and *err. */
static int
connect_address(struct sku_sock *s, const struct target *target, const struct sku_address *address,
    struct sku_error *err)
{
	const struct sku_connect_opts *opts = target->opts;
	int family = address->sa.sa_family, failed = 0;
	struct sku_sock made = SKU_SOCK_INIT;
	char text[SKU_ADDRESS_TEXT_MAX];
	struct sku_address source;
	bool has_source = opts->source_host != NULL || opts->source_port != 0;
	const char *any = family == AF_INET ? "0.0.0.0" : "::";

	if (sku_socket(&made, family, SOCK_DGRAM, 0) == -1) {
		failed = errno;
		has_source = false;
	} else if (has_source && (sku_address_from_numeric(&source, family,
				      opts->source_host != NULL ? opts->source_host : any,
				      opts->source_port) == -1 ||
				     sku_bind(&made, &source) == -1)) {
		failed = errno;
	} else if (sku_connect(&made, address) == -1) {
		failed = errno;
		has_source = false;
	}
	if (opts->attempt != NULL)
		opts->attempt(opts->arg, address, failed);
	if (failed == 0) {
		*s = made;
		return 0;
	}
	sku_autoclose(&made);
	sku_error_set(err, SKU_ERR_SYSTEM, failed, "connect to %s (%s) port %u%s%s", target->host,
	    sku_address_host(address, text), target->port, has_source ? " from " : "",
	    !has_source		      ? "" :
	    opts->source_host != NULL ? opts->source_host :
					"the port given");
	if (err != NULL)
		err->source = has_source;
	return -1;
}

/* Connect to the first address to which that is possible.  If there is none, *err is about the
 * first of all. */
static int
connect_first(struct sku_sock *s, const struct target *target, const struct addrinfo *list,
    struct sku_error *err)
{
	struct sku_error first = { .kind = SKU_ERR_RESOLVE, .code = EAI_NODATA };
	struct sku_address address;
	unsigned tried = 0;

	for (; list != NULL; list = list->ai_next) {
		if (sku_address_from_addrinfo(&address, list, target->port) == 0 &&
		    connect_address(s, target, &address, tried++ == 0 ? &first : NULL) == 0)
			return 0;
	}
	first.addresses = tried;
	errno = first.kind == SKU_ERR_SYSTEM ? first.code : EHOSTUNREACH;
	if (err != NULL)
		*err = first;
	return -1;
}

/* The family that the options allow.  Returns it, or -1 and *err. */
static int
find_family(const char *host, const struct sku_connect_opts *opts, struct sku_error *err)
{
	struct sku_address source;

	if (sku_check_family(opts->family, host, err) == -1)
		return -1;
	if (opts->source_host == NULL)
		return opts->family;
	if (sku_address_from_numeric(&source, AF_UNSPEC, opts->source_host, 0) == -1) {
		sku_error_set(err, SKU_ERR_SYSTEM, errno, "connect from %s", opts->source_host);
		return -1;
	}
	if (opts->family == AF_UNSPEC || opts->family == source.sa.sa_family)
		return source.sa.sa_family;
	sku_error_set(
	    err, SKU_ERR_RESOLVE, EAI_ADDRFAMILY, "connect to %s from %s", host, opts->source_host);
	return -1;
}

int
sku_create_datagram(struct sku_sock *s, const char *host, const char *port, int64_t timeout_ns,
    const struct sku_connect_opts *opts, struct sku_error *err)
{
	static const struct sku_connect_opts no_opts = { 0 };
	struct target target = { host, 0, opts != NULL ? opts : &no_opts };
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct sku_deadline deadline;
	struct sku_address numeric;
	struct addrinfo *list;
	int number, result;

	if (sku_connection_timeout(&timeout_ns) == -1) {
		sku_error_set(err, SKU_ERR_SYSTEM, EINVAL, "connect to %s port %s", host, port);
		return -1;
	}
	number = sku_port_from_text(port, "udp", target.opts->numeric, err);
	hints.ai_family = number == -1 ? -1 : find_family(host, target.opts, err);
	if (hints.ai_family == -1)
		return -1;
	if (target.opts->numeric)
		hints.ai_flags = AI_NUMERICHOST;
	target.port = (unsigned)number;
	/* A numeric address takes no time, so a timeout of 0 is enough. */
	deadline = sku_address_from_numeric(&numeric, AF_UNSPEC, host, 0) == 0 ?
		       sku_deadline_never() :
		       sku_deadline_in(timeout_ns);
	if (sku_getaddrinfo(host, NULL, &hints, &list, deadline, err) == -1)
		return -1;
	result = connect_first(s, &target, list, err);
	freeaddrinfo(list);
	if (result == 0 && sku_settimeout(s, timeout_ns) == -1) {
		sku_error_set(err, SKU_ERR_SYSTEM, errno, "connect to %s port %d", host, number);
		sku_autoclose(s);
		return -1;
	}
	return result;
}

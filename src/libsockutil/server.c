/* server.c - create_server(): bind, and listen if it is a stream socket.
 * Row 2: above resolve, socket, address, services and error. */
#include "libsockutil/resolve.h"
#include "libsockutil/socket.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <string.h>

bool
sku_has_ipv6(void)
{
	SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;
	struct sku_address loopback;

	return sku_address_from_numeric(&loopback, AF_INET6, "::1", 0) == 0 &&
	       sku_socket(&s, AF_INET6, SOCK_STREAM, 0) == 0 && sku_bind(&s, &loopback) == 0;
}

bool
sku_has_dualstack_ipv6(void)
{
	SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;

	return sku_socket(&s, AF_INET6, SOCK_STREAM, 0) == 0 &&
	       sku_setsockopt_int(&s, IPPROTO_IPV6, IPV6_V6ONLY, 0) == 0;
}

static int
open_socket(struct sku_sock *s, int family, int type, int protocol)
{
	if (sku_socket(s, family, type, protocol) == 0)
		return 0;
	return protocol == IPPROTO_MPTCP ? sku_socket(s, family, type, 0) : -1;
}

/* Set SO_REUSEADDR and SO_REUSEPORT as asked for. */
static int
set_reuse(struct sku_sock *s, const struct sku_server_opts *opts)
{
	bool reuse = opts->reuseaddr == SKU_REUSEADDR_DEFAULT ? s->type == SOCK_STREAM :
								opts->reuseaddr == SKU_REUSEADDR_ON;

	if (reuse && sku_setsockopt_int(s, SOL_SOCKET, SO_REUSEADDR, 1) == -1)
		return -1;
	return opts->reuseport ? sku_setsockopt_int(s, SOL_SOCKET, SO_REUSEPORT, 1) : 0;
}

/* Bind, and allow others to share the port.  If the kernel is to choose a datagram port, the
 * options are set afterwards: before, it could choose one that others share. */
static int
bind_shared(
    struct sku_sock *s, const struct sku_address *address, const struct sku_server_opts *opts)
{
	bool chooses = s->type == SOCK_DGRAM && sku_address_port(address) == 0;

	if (!chooses && set_reuse(s, opts) == -1)
		return -1;
	if (sku_bind(s, address) == -1)
		return -1;
	return chooses ? set_reuse(s, opts) : 0;
}

/* Bind one address.  Returns 0 and a socket, or -1 and *err. */
static int
serve_address(struct sku_sock *s, const struct sku_address *address,
    const struct sku_server_opts *opts, bool dual, struct sku_error *err)
{
	char host[SKU_ADDRESS_TEXT_MAX];
	const char *what = "open a socket for";
	int type = sku_type_kind(opts->type) != 0 ? opts->type : opts->type | SOCK_STREAM;

	if (open_socket(s, address->sa.sa_family, type, opts->protocol) == -1)
		goto fail;
	what = "bind to";
	if (s->family == AF_INET6 && sku_setsockopt_int(s, IPPROTO_IPV6, IPV6_V6ONLY, !dual) == -1)
		goto fail;
	if (bind_shared(s, address, opts) == -1)
		goto fail;
	what = "listen on";
	if (s->type == SOCK_STREAM && sku_listen(s, sku_backlog(opts->backlog)) == -1)
		goto fail;
	return 0;
fail:
	sku_error_set(err, SKU_ERR_SYSTEM, errno, "%s %s port %u", what,
	    dual ? "*" : sku_address_host(address, host), sku_address_port(address));
	sku_autoclose(s);
	return -1;
}

/* Bind every address: IPv6 and IPv4 on one socket, or only IPv4 if the system has no IPv6. */
static int
serve_any(
    struct sku_sock *s, unsigned port, const struct sku_server_opts *opts, struct sku_error *err)
{
	struct sku_error why;
	struct sku_address any;

	if (opts->family != AF_INET && sku_address_from_numeric(&any, AF_INET6, "::", port) == 0) {
		if (serve_address(s, &any, opts, opts->family == AF_UNSPEC, &why) == 0)
			return 0;
		if (opts->family == AF_INET6 ||
		    (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL && errno != ENOPROTOOPT)) {
			if (err != NULL)
				*err = why;
			return -1;
		}
	}
	(void)sku_address_from_numeric(&any, AF_INET, "0.0.0.0", port);
	return serve_address(s, &any, opts, false, err);
}

static int
serve_name(struct sku_sock *s, const char *host, unsigned port, const struct sku_server_opts *opts,
    struct sku_error *err)
{
	/* Python's create_server() uses IPv4 by default. */
	const struct addrinfo hints = { .ai_family =
					    opts->family == AF_UNSPEC ? AF_INET : opts->family,
		.ai_socktype = SOCK_STREAM };
	struct sku_deadline deadline =
	    opts->deadline.at_ns == 0 ? sku_deadline_never() : opts->deadline;
	struct addrinfo *list, *ai;
	struct sku_error first = { .kind = SKU_ERR_SYSTEM, .code = EAFNOSUPPORT };
	int result = -1;

	if (sku_getaddrinfo(host, NULL, &hints, &list, deadline, err) == -1)
		return -1;
	for (ai = list; ai != NULL && result == -1; ai = ai->ai_next) {
		struct sku_address address;

		if (sku_address_from_addrinfo(&address, ai, port) == -1)
			continue; /* neither IPv4 nor IPv6 */
		result = serve_address(s, &address, opts, false, ai == list ? &first : NULL);
	}
	freeaddrinfo(list);
	if (result == -1) {
		errno = first.code;
		if (err != NULL)
			*err = first;
	}
	return result;
}

int
sku_create_server(struct sku_sock *s, const char *host, const char *port,
    const struct sku_server_opts *opts, struct sku_error *err)
{
	static const struct sku_server_opts defaults = { 0 };
	struct sku_address numeric;
	int number;

	if (opts == NULL)
		opts = &defaults;
	if (sku_check_family(opts->family, host != NULL ? host : "every address", err) == -1)
		return -1;
	number = sku_port_from_text(
	    port, sku_type_kind(opts->type) == SOCK_DGRAM ? "udp" : "tcp", opts->numeric, err);
	if (number == -1)
		return -1;
	if (host == NULL || *host == '\0')
		return serve_any(s, (unsigned)number, opts, err);
	if (sku_address_from_numeric(&numeric, opts->family, host, (unsigned)number) == 0)
		return serve_address(s, &numeric, opts, false, err);
	if (opts->numeric || errno == ENODEV) { /* no address, or its zone is no interface */
		sku_error_set(err, SKU_ERR_SYSTEM, errno, "bind to %s port %d", host, number);
		return -1;
	}
	return serve_name(s, host, (unsigned)number, opts, err);
}

/* datagram_peers.c - the addresses of a datagram peer, and a socket for each.
 * Row net. */
#include "net/datagram_peers.h"

#include "net/resolve.h"
#include "run/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

static int
add_peer(struct datagram_peers *peers, const struct sku_address *address)
{
	struct sku_address *grown =
	    reallocarray(peers->addresses, peers->count + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	peers->addresses = grown;
	grown[peers->count++] = *address;
	return 0;
}

static int
add_list(struct datagram_peers *peers, const struct addrinfo *list, unsigned port)
{
	struct sku_address address;

	for (; list != NULL; list = list->ai_next) {
		if (sku_address_from_addrinfo(&address, list, port) == 0 &&
		    add_peer(peers, &address) == -1)
			return -1;
	}
	return 0;
}

/* With --source, only addresses of its family are candidates. */
static int
family_of(const struct connect_options *options)
{
	struct sku_address source;

	if (options->source_host[0] == '\0')
		return options->address.family;
	(void)sku_address_from_numeric(&source, AF_UNSPEC, options->source_host, 0);
	return source.sa.sa_family;
}

static int
add_name(struct datagram_peers *peers, const struct connect_options *options, const char *host,
    unsigned port, struct retry *retry, const struct failure *last, struct failure *failure)
{
	const struct addrinfo hints = { .ai_family = family_of(options),
		.ai_socktype = SOCK_DGRAM };
	struct sku_deadline deadline =
	    sku_deadline_earlier(retry->until, sku_deadline_in(connect_timeout(options)));
	struct addrinfo *list;
	int result;

	if (resolve_now(host, &hints, deadline, retry, last, &list, failure) == -1)
		return -1;
	result = add_list(peers, list, port);
	freeaddrinfo(list);
	return result == -1 ? failure_errno(failure, errno, "look up %s", host) : 0;
}

static int
resolve_once(struct datagram_peers *peers, const struct connect_options *options,
    const struct endpoint *endpoint, struct retry *retry, const struct failure *last,
    struct failure *failure)
{
	struct sku_address address;
	unsigned port;

	if (endpoint->path != NULL) {
		/* cannot fail: parsed before */
		(void)sku_address_from_path(&address, endpoint->path);
		return add_peer(peers, &address) == -1 ?
			   failure_errno(failure, errno, "connect to %s", endpoint->path) :
			   0;
	}
	if (endpoint_find_port(endpoint, "udp", options->address.numeric, &port, failure) == -1) {
		if (failure->status == STATUS_NOT_FOUND)
			retry->wanted = false;
		return -1;
	}
	if (sku_address_from_numeric(&address, options->address.family, endpoint->host, port) == -1)
		return add_name(peers, options, endpoint->host, port, retry, last, failure);
	return add_peer(peers, &address) == -1 ?
		   failure_errno(failure, errno, "connect to %s", endpoint->host) :
		   0;
}

int
datagram_peers_resolve(struct datagram_peers *peers, const struct connect_options *options,
    const struct endpoint *endpoint, struct retry *retry, struct failure *failure)
{
	for (;;) {
		struct failure now;

		failure_clear(&now);
		datagram_peers_free(peers);
		retry_try(retry);
		if (resolve_once(peers, options, endpoint, retry, failure, &now) == 0)
			return 0;
		if (retry_pause(retry, failure, &now) == -1)
			return -1;
	}
}

void
datagram_peers_update_port(struct datagram_peers *peers, const struct endpoint *endpoint)
{
	struct failure failure;
	unsigned port;

	failure_clear(&failure);
	if (endpoint->port_file == NULL ||
	    endpoint_find_port(endpoint, "udp", true, &port, &failure) == -1)
		return;
	for (size_t i = 0; i < peers->count; i++) {
		struct sku_address *address = &peers->addresses[i];

		if (address->sa.sa_family == AF_INET)
			address->in.sin_port = htons((in_port_t)port);
		else
			address->in6.sin6_port = htons((in_port_t)port);
	}
}

void
datagram_peers_free(struct datagram_peers *peers)
{
	free(peers->addresses);
	*peers = (struct datagram_peers){ 0 };
}

static int
bind_source(struct sku_sock *s, const struct connect_options *options)
{
	const struct sku_address unnamed = { .un.sun_family = AF_UNIX, .len = sizeof(sa_family_t) };
	struct sku_address source;

	/* A peer cannot answer an unnamed UNIX datagram socket.  Linux binds it to an abstract name
	 * that is unique and leaves no file behind: unix(7), autobind. */
	if (s->family == AF_UNIX)
		return sku_bind(s, &unnamed);
	if (options->source_host[0] == '\0')
		return 0;
	if (sku_address_from_numeric(
		&source, s->family, options->source_host, options->source_port) == 0)
		return sku_bind(s, &source);
	errno = EAFNOSUPPORT;
	return -1;
}

static int
source_failure(
    const struct connect_options *options, const char *peer, int errnum, struct failure *failure)
{
	bool is_elsewhere = errnum == EADDRNOTAVAIL || errnum == EAFNOSUPPORT;
	char port[sizeof(" port 65535")] = "";

	if (options->source_port != 0)
		(void)snprintf(
		    port, sizeof(port), " port %hu", (unsigned short)options->source_port);
	return failure_set(failure, is_elsewhere ? STATUS_FAILED : status_of_errno(errnum), errnum,
	    NULL, "send to %s from %s%s", peer, options->source_host, port);
}

int
datagram_peers_open(struct sku_sock *s, const struct connect_options *options,
    const struct sku_address *peer, struct failure *failure)
{
	char text[PEER_TEXT_MAX];

	(void)peer_text(peer, text);
	if (sku_socket(s, peer->sa.sa_family, SOCK_DGRAM, 0) == -1)
		return failure_peer(failure, errno, "send to %s", text);
	if (bind_source(s, options) == -1) {
		if (options->source_host[0] != '\0')
			(void)source_failure(options, text, errno, failure);
		else
			(void)failure_peer(failure, errno, "send to %s", text);
	} else if (sku_connect(s, peer) == -1 || sku_settimeout(s, 0) == -1) {
		(void)failure_peer(failure, errno, "send to %s", text);
	} else {
		return 0;
	}
	sku_autoclose(s);
	return -1;
}

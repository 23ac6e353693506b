/* connect.c - what every connecting program does: resolve, connect, try again.
 * Row net. */
#include "net/connect.h"

#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"
#include "run/wait.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define DEFAULT_CONNECT_TIMEOUT (60 * SKU_SECOND)
#define RETRY_PAUSE (50 * SKU_MS)

static const char *
set_source(void *member, const char *value)
{
	struct connect_options *options = member;

	if (!endpoint_parse_source(value, options->source_host, &options->source_port))
		return "an address of this machine, ADDR[:PORT]";
	return NULL;
}

const struct option_row connect_options[] = {
	SECONDS(0, "connect-timeout", struct connect_options, connect_timeout_ns, 0,
	    "limit of name resolution and connecting together", .none = 1,
	    .preset_text = "default: --timeout, else 60", .needs = MODE_CONNECTS | MODE_OPENS),
	SECONDS(0, "wait", struct connect_options, wait_ns, 0,
	    "keep trying to connect for that long", .none = 1, .preset_text = "default: try once",
	    .needs = MODE_CONNECTS | MODE_OPENS),
	/* It sets two members. */
	{ .kind = OPTION_ADDRESS,
	    .name = "source",
	    .arg = "ADDR[:PORT]",
	    .set = set_source,
	    .help = "connect from this address of this machine",
	    .needs = MODE_CONNECTS | MODE_OPENS | MODE_INET },
	OPTION_END_ROW,
};

void
connect_check_options(struct connect_options *options, const struct options *parsed)
{
	struct sku_address source;

	options->wait = opt_given(parsed, "wait");
	options->connect_timeout_given = opt_given(parsed, "connect-timeout");
	if (options->source_host[0] != '\0' && options->address.family != AF_UNSPEC &&
	    sku_address_from_numeric(&source, options->address.family, options->source_host, 0) ==
		-1)
		opt_usage_error("--source %s is of the other family than -%d", options->source_host,
		    options->address.family == AF_INET ? 4 : 6);
}

/* ---- --fd ---------------------------------------------------------------------------------- */

static int
use_open_socket(int fd, struct sku_sock *s)
{
	struct sku_address peer;

	if (sku_socket_from_fd(s, fd) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "use descriptor %d as a socket", fd);
	if (sku_getpeername(s, &peer) == -1)
		return msg_error_errno(
		    STATUS_FAILED, errno, "use descriptor %d as a connection", fd);
	if (sku_settimeout(s, run.timeouts.operation_ns) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "use descriptor %d", fd);
	return STATUS_OK;
}

/* ---- a stream ------------------------------------------------------------------------------ */

static void
report_attempt(void *arg, const struct sku_address *address, int error)
{
	char text[PEER_TEXT_MAX];

	(void)arg;
	msg_verbose(1, "connect to %s: %s", peer_text(address, text),
	    error == 0 ? "connected" : strerror(error));
}

static int
connect_unix(const char *path, int64_t timeout_ns, struct sku_sock *s, struct sku_error *err)
{
	struct sku_address address;

	if (sku_address_from_path(&address, path) == 0 &&
	    sku_socket(s, AF_UNIX, SOCK_STREAM, 0) == 0 && sku_settimeout(s, timeout_ns) == 0 &&
	    sku_connect(s, &address) == 0)
		return 0;
	sku_error_set(err, SKU_ERR_SYSTEM, errno, "connect to %s", path);
	sku_autoclose(s);
	return -1;
}

/* A limit of 0 means that no time is left.  sku_settimeout() takes 0 for non-blocking mode, so the
 * smallest limit replaces it. */
static int64_t
at_least_1ns(int64_t timeout_ns)
{
	return timeout_ns == 0 ? 1 : timeout_ns;
}

static int
connect_once(const struct connect_options *options, const struct endpoint *endpoint,
    struct sku_deadline deadline, struct sku_sock *s, struct sku_error *err)
{
	const struct sku_connect_opts opts = {
		.family = options->address.family,
		.protocol = options->address.mptcp ? IPPROTO_MPTCP : 0,
		.numeric = options->address.numeric,
		.source_host = options->source_host[0] != '\0' ? options->source_host : NULL,
		.source_port = options->source_port,
		.attempt = report_attempt,
	};
	int64_t left = at_least_1ns(sku_deadline_left(deadline));

	if (endpoint->path != NULL)
		return connect_unix(endpoint->path, left, s, err);
	return sku_create_connection(s, endpoint->host, endpoint->port, left, &opts, err);
}

bool
failure_is_temporary(const struct sku_error *err)
{
	enum status status = status_of(err);

	return status == STATUS_NO_PEER || status == STATUS_TIMED_OUT ||
	       status == STATUS_TRY_AGAIN ||
	       (status == STATUS_NOT_FOUND && err->code != EAI_SERVICE) ||
	       (err->kind == SKU_ERR_SYSTEM && err->code == EAGAIN);
}

static int
report_wait_timeout(const struct sku_error *err)
{
	char message[256];

	(void)snprintf(
	    message, sizeof(message), "timed out; the last failure: %s", sku_error_reason(err));
	return msg_error(STATUS_TIMED_OUT, ETIMEDOUT, message, "%s", err->context);
}

static int64_t
connect_timeout(const struct connect_options *options)
{
	if (options->connect_timeout_given)
		return options->connect_timeout_ns;
	return run.timeouts.operation_ns > 0 ? run.timeouts.operation_ns : DEFAULT_CONNECT_TIMEOUT;
}

/* The deadline of --wait and of the whole run. */
static struct sku_deadline
wait_deadline(const struct connect_options *options)
{
	return sku_deadline_earlier(run.timeouts.run,
	    options->wait ? sku_deadline_in(options->wait_ns) : sku_deadline_never());
}

/* Wait until the next try is due.  Returns 0, or -1 when the deadline passes first. */
static int
pause_until(struct sku_deadline next, struct sku_deadline end)
{
	(void)run_wait(NULL, 0, sku_deadline_earlier(next, end));
	return sku_deadline_passed(end) ? -1 : 0;
}

static int
connect_stream(
    const struct connect_options *options, const struct endpoint *endpoint, struct sku_sock *s)
{
	int64_t timeout_ns = connect_timeout(options);
	struct sku_deadline end = wait_deadline(options);
	struct sku_error err;

	for (;;) {
		struct sku_deadline next = sku_deadline_in(RETRY_PAUSE);

		if (connect_once(options, endpoint,
			sku_deadline_earlier(end, sku_deadline_in(timeout_ns)), s, &err) == 0)
			return STATUS_OK;
		if (!options->wait || !failure_is_temporary(&err))
			return msg_error_library(&err);
		msg_verbose(2, "%s: %s; trying again", err.context, sku_error_reason(&err));
		if (pause_until(next, end) == -1)
			return report_wait_timeout(&err);
	}
}

static void
note_mptcp(struct sku_sock *s)
{
	int on = 0;
	socklen_t len = sizeof(on);

#ifdef TCP_IS_MPTCP
	if (sku_getsockopt(s, IPPROTO_TCP, TCP_IS_MPTCP, &on, &len) == -1)
		on = s->protocol == IPPROTO_MPTCP;
#else
	(void)len;
	on = s->protocol == IPPROTO_MPTCP;
#endif
	if (!on)
		msg_verbose(1, "no Multipath TCP here or at the peer: plain TCP is used");
}

int
connect_try(const struct connect_options *options, const struct endpoint *endpoint,
    struct sku_sock *s, struct sku_error *err)
{
	struct sku_deadline deadline =
	    sku_deadline_earlier(run.timeouts.run, sku_deadline_in(connect_timeout(options)));

	if (connect_once(options, endpoint, deadline, s, err) == -1)
		return -1;
	if (sku_settimeout(s, run.timeouts.operation_ns) == 0)
		return 0;
	sku_error_set(err, SKU_ERR_SYSTEM, errno, "set the timeout");
	sku_autoclose(s);
	return -1;
}

int
connect_now(
    const struct connect_options *options, const struct endpoint *endpoint, struct sku_sock *s)
{
	int status;

	if (options->fd != -1)
		return use_open_socket(options->fd, s);
	status = connect_stream(options, endpoint, s);
	if (status != STATUS_OK)
		return status;
	if (options->address.mptcp)
		note_mptcp(s);
	if (sku_settimeout(s, run.timeouts.operation_ns) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "set the timeout");
	return STATUS_OK;
}

/* ---- datagrams ----------------------------------------------------------------------------- */

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
resolve_name(const struct connect_options *options, const char *host, unsigned port,
    struct sku_deadline deadline, struct datagram_peers *peers, struct sku_error *err)
{
	const struct addrinfo hints = { .ai_family = options->address.family,
		.ai_socktype = SOCK_DGRAM };
	struct addrinfo *list;
	int result = 0;

	if (sku_getaddrinfo(host, NULL, &hints, &list, deadline, err) == -1)
		return -1;
	for (struct addrinfo *ai = list; ai != NULL && result == 0; ai = ai->ai_next) {
		struct sku_address address;

		if (sku_address_from_addrinfo(&address, ai, port) == 0)
			result = add_peer(peers, &address);
	}
	freeaddrinfo(list);
	return result;
}

static int
resolve_once(const struct connect_options *options, const struct endpoint *endpoint,
    struct sku_deadline deadline, struct datagram_peers *peers, struct sku_error *err)
{
	struct sku_address address;
	int port;

	if (endpoint->path != NULL) {
		/* cannot fail: parsed before */
		(void)sku_address_from_path(&address, endpoint->path);
		return add_peer(peers, &address);
	}
	port = sku_port_from_text(endpoint->port, "udp", options->address.numeric, err);
	if (port == -1)
		return -1;
	if (sku_address_from_numeric(
		&address, options->address.family, endpoint->host, (unsigned)port) == 0)
		return add_peer(peers, &address);
	return resolve_name(options, endpoint->host, (unsigned)port, deadline, peers, err);
}

int
resolve_datagram_peers(const struct connect_options *options, const struct endpoint *endpoint,
    struct datagram_peers *peers)
{
	int64_t timeout_ns = connect_timeout(options);
	struct sku_deadline end = wait_deadline(options);
	struct sku_error err;

	for (;;) {
		struct sku_deadline next = sku_deadline_in(RETRY_PAUSE);

		*peers = (struct datagram_peers){ 0 };
		sku_error_set(&err, SKU_ERR_SYSTEM, ENOMEM, "look up %s", endpoint->host);
		if (resolve_once(options, endpoint,
			sku_deadline_earlier(end, sku_deadline_in(at_least_1ns(timeout_ns))), peers,
			&err) == 0)
			return STATUS_OK;
		datagram_peers_free(peers);
		if (!options->wait || !failure_is_temporary(&err))
			return msg_error_library(&err);
		if (pause_until(next, end) == -1)
			return report_wait_timeout(&err);
	}
}

void
datagram_peers_free(struct datagram_peers *peers)
{
	free(peers->addresses);
	*peers = (struct datagram_peers){ 0 };
}

int
open_datagram_socket(
    const struct connect_options *options, const struct sku_address *peer, struct sku_sock *s)
{
	const struct sku_address unnamed = { .un.sun_family = AF_UNIX, .len = sizeof(sa_family_t) };
	struct sku_address source;
	int family = peer->sa.sa_family;

	if (sku_socket(s, family, SOCK_DGRAM, 0) == -1)
		return -1;
	/* A peer cannot answer an unnamed UNIX datagram socket.  Linux binds it to an abstract name
	 * that is unique and leaves no file behind: unix(7), autobind. */
	if (family == AF_UNIX && sku_bind(s, &unnamed) == -1)
		return -1;
	if (options->source_host[0] != '\0') {
		if (sku_address_from_numeric(
			&source, family, options->source_host, options->source_port) == -1) {
			errno = EAFNOSUPPORT;
			return -1;
		}
		if (sku_bind(s, &source) == -1)
			return -1;
	}
	if (sku_connect(s, peer) == -1)
		return -1;
	return sku_settimeout(s, 0);
}

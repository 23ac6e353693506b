/* peer.c - a connection to the server, and messages about what happens to it.
 * Row tool. */
#include "sockecho-client/peer.h"

#include "run/escape.h"
#include "run/event.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "run/uninitialized.h"
#include "run/wait.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FEW_BYTES 512 /* of a reply for which malloc(3) would cost more than the stack does */

struct peer_counters peer_counters;

void
peer_count_on_sigusr1(void)
{
	static const struct state_row rows[] = {
		{ "bytes_out", &peer_counters.bytes_out },
		{ "bytes_in", &peer_counters.bytes_in },
		{ "messages", &peer_counters.messages },
		{ "replies", &peer_counters.replies },
		{ "lost", &peer_counters.lost },
		{ NULL, NULL },
	};

	state_on_sigusr1("state", rows);
}

/* ---- opening ------------------------------------------------------------------------------- */

static void
print_address(const char *which, const struct sku_address *address)
{
	char host[SKU_ADDRESS_TEXT_MAX];
	char *escaped;

	(void)sku_address_host(address, host);
	if (address->len > 0 && address->sa.sa_family != AF_UNIX) {
		msg_text("%s: %s - %u\n", which, host, sku_address_port(address));
		return;
	}
	escaped = escape_text(host, strlen(host), ESCAPE_LINE, NULL);
	msg_text("%s: %s\n", which, escaped != NULL && *escaped != '\0' ? escaped : "(unnamed)");
	free(escaped);
}

static void
emit_connected(const struct sku_address *local, const struct sku_address *peer)
{
	char host[SKU_ADDRESS_TEXT_MAX];

	if (peer->len > 0 && peer->sa.sa_family != AF_UNIX)
		EVENT_RECORD("connected", EVENT_PEER(peer),
		    EVENT_TEXT("local_address", sku_address_host(local, host)),
		    EVENT_NUMBER("local_port", sku_address_port(local)));
	else
		EVENT_RECORD("connected", EVENT_PEER(peer));
}

const char *
peer_name(struct peer_connection *connection)
{
	if (connection->name[0] == '\0')
		(void)peer_text(&connection->address, connection->name);
	return connection->name;
}

void
peer_introduce(const struct peer_connection *connection)
{
	/* -q leaves of --ping its summary alone. */
	bool wants_record = run.json && (run.quiet == 0 || connection->config->mode != PING);
	struct sku_address local;

	if (run.verbose == 0 && !wants_record)
		return;
	/* A socket without a name has an empty address. */
	(void)sku_getsockname(&connection->sock, &local);
	if (run.verbose > 0) {
		print_address("client", &local);
		print_address("server", &connection->address);
	}
	if (wants_record)
		emit_connected(&local, &connection->address);
}

int
peer_use_socket(struct peer_connection *connection, const struct client_config *config,
    struct sku_sock *sock, const struct sku_address *peer, struct failure *failure)
{
	connection->config = config;
	connection->sock = *sock;
	connection->name[0] = '\0';
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	if (peer != NULL)
		connection->address = *peer;
	else
		(void)peer_find(&connection->sock, &connection->address);
	tcp_apply_options(&config->stream, &connection->sock);
	if (sku_gettimeout(&connection->sock) == 0 || sku_settimeout(&connection->sock, 0) == 0)
		return 0;
	return failure_errno(failure, errno, "prepare the connection to %s", peer_name(connection));
}

int
peer_open(
    struct peer_connection *connection, const struct client_config *config, struct failure *failure)
{
	struct sku_sock sock = SKU_SOCK_INIT;
	struct sku_address peer;

	*connection = (struct peer_connection){ .config = config, .sock = SKU_SOCK_INIT };
	if (connect_now(&config->endpoint, &config->connect, &sock, &peer, failure) == -1 ||
	    peer_use_socket(connection, config, &sock, &peer, failure) == -1)
		return -1;
	peer_introduce(connection);
	return 0;
}

void
peer_close(struct peer_connection *connection)
{
	sku_autoclose(&connection->sock);
}

/* ---- waiting and failing ------------------------------------------------------------------- */

int
peer_wait_failed(
    struct peer_connection *connection, const char *action, int errnum, struct failure *failure)
{
	return run_wait_failed(
	    failure, errnum, LIMIT_OPERATION, "%s %s", action, peer_name(connection));
}

int64_t
peer_check_interval(const struct client_config *config)
{
	return config->stream.keepalive > 0 ? keepalive_interval(config->stream.keepalive) :
					      SKU_NO_TIMEOUT;
}

int
peer_check(
    struct peer_connection *connection, const char *action, int64_t now, struct failure *failure)
{
	if (!keepalive_is_gone(&connection->keepalive, &connection->sock,
		connection->config->stream.keepalive, now))
		return 0;
	return failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, "the peer is gone (--keepalive)",
	    "%s %s", action, peer_name(connection));
}

static int
wait_for(struct peer_connection *connection, short events, struct sku_deadline deadline,
    struct failure *failure)
{
	const char *action = (events & POLLIN) != 0 ? "receive from" : "send to";
	int64_t interval = peer_check_interval(connection->config);

	do {
		struct sku_deadline until =
		    sku_deadline_earlier(deadline, sku_deadline_in(interval));

		if (run_wait_fd(sku_fileno(&connection->sock), events, until) == 0)
			return 0;
		if (errno != ETIMEDOUT || sku_deadline_passed(deadline))
			return peer_wait_failed(connection, action, errno, failure);
	} while (peer_check(connection, action, sku_now(), failure) == 0);
	return -1;
}

int
peer_failed(
    struct peer_connection *connection, const char *action, int errnum, struct failure *failure)
{
	return failure_peer(failure, errnum, "%s %s", action, peer_name(connection));
}

bool
peer_is_refusal(int errnum)
{
	return errnum == ECONNREFUSED || errnum == ENOENT || errnum == ECONNRESET ||
	       errnum == EHOSTUNREACH || errnum == ENETUNREACH;
}

int
peer_closed_early(struct peer_connection *connection, const char *before, struct failure *failure)
{
	char message[120];

	(void)snprintf(message, sizeof(message), "the peer closed before %s", before);
	return failure_set(
	    failure, STATUS_MISMATCH, 0, message, "receive from %s", peer_name(connection));
}

int
peer_send_failed(
    struct peer_connection *connection, int errnum, const char *before, struct failure *failure)
{
	/* EPIPE: the peer had closed in order, and then reset what still came. */
	if (errnum == EPIPE)
		return peer_closed_early(connection, before, failure);
	return peer_failed(connection, "send to", errnum, failure);
}

int
peer_differs_at(struct peer_connection *connection, uint64_t offset, struct failure *failure)
{
	char message[80];

	(void)snprintf(message, sizeof(message), "the reply differs at byte %" PRIu64, offset);
	return failure_set(
	    failure, STATUS_MISMATCH, 0, message, "receive from %s", peer_name(connection));
}

/* ---- messages and replies ------------------------------------------------------------------ */

/* One recv into reply. */
static int
receive_some(struct peer_connection *connection, char *reply, size_t len, size_t *received,
    struct failure *failure)
{
	size_t max = len - *received < connection->config->stream.bufsize ?
			 len - *received :
			 connection->config->stream.bufsize;
	ssize_t n = sku_recv(&connection->sock, reply + *received, max, 0);

	if (n == 0)
		return peer_closed_early(connection, "the whole reply had come", failure);
	if (n == -1)
		return errno == EAGAIN ? 0 :
					 peer_failed(connection, "receive from", errno, failure);
	*received += (size_t)n;
	counter_add(&peer_counters.bytes_in, (uint64_t)n);
	return 0;
}

static int
send_some(struct peer_connection *connection, const char *message, size_t len, size_t *sent,
    struct failure *failure)
{
	ssize_t n = sku_send(&connection->sock, message + *sent, len - *sent, 0);

	if (n == -1)
		return errno == EAGAIN ? 0 :
					 peer_send_failed(connection, errno,
					     "the whole message was sent", failure);
	*sent += (size_t)n;
	counter_add(&peer_counters.bytes_out, (uint64_t)n);
	return 0;
}

static int
exchange(struct peer_connection *connection, const char *message, size_t len, char *reply,
    struct failure *failure)
{
	size_t sent = 0, received = 0;

	counter_add(&peer_counters.messages, 1);
	/* A peer may say so many bytes before it has got the whole message. */
	while (sent < len || received < len) {
		short events = received < len ? POLLIN : 0;

		if (sent < len && send_some(connection, message, len, &sent, failure) == -1)
			return -1;
		if (sent < len)
			events |= POLLOUT;
		if (events != 0 &&
		    wait_for(connection, events, run_operation_deadline(), failure) == -1)
			return -1;
		if (received < len &&
		    receive_some(connection, reply, len, &received, failure) == -1)
			return -1;
	}
	counter_add(&peer_counters.replies, 1);
	if (run.verbose > 0)
		msg_text("send %zu bytes\n", sent);
	return 0;
}

int
peer_print_reply(const char *reply, size_t len, struct failure *failure)
{
	size_t escaped_len = len;
	char *escaped = NULL;

	if (run.json) {
		EVENT_RECORD("reply", EVENT_BYTES(reply, len));
		return output_flush(failure);
	}
	if (isatty(STDOUT_FILENO)) {
		escaped = escape_text(reply, len, ESCAPE_TEXT, &escaped_len);
		if (escaped == NULL)
			return failure_errno(failure, ENOMEM, "show the reply");
	}
	output_add(escaped != NULL ? escaped : reply, escaped_len);
	output_add("\n", 1);
	free(escaped);
	return output_flush(failure);
}

int
peer_check_reply(struct peer_connection *connection, const char *message, size_t len,
    const char *reply, size_t reply_len, struct failure *failure)
{
	int64_t at = expect_difference(connection->config->expect, message, len, reply, reply_len);

	return at == -1 ? 0 : peer_differs_at(connection, (uint64_t)at, failure);
}

int
peer_exchange_message(
    struct peer_connection *connection, const char *message, size_t len, struct failure *failure)
{
	char few[FEW_BYTES] UNINITIALIZED, *reply = len <= sizeof(few) ? few : malloc(len);
	int result = -1;

	if (reply == NULL)
		return failure_errno(failure, ENOMEM, "get a buffer");
	if (exchange(connection, message, len, reply, failure) == 0 &&
	    peer_print_reply(reply, len, failure) == 0)
		result = peer_check_reply(connection, message, len, reply, len, failure);
	if (reply != few)
		free(reply);
	return result;
}

/* peer.c - a connection and the words for what happens to it.
 * Row tool. */
#include "sockecho-client/peer.h"

#include "run/escape.h"
#include "run/event.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "run/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	json_t *record = event_new("connected");
	char host[SKU_ADDRESS_TEXT_MAX];

	if (peer->len > 0 && peer->sa.sa_family != AF_UNIX) {
		event_text(record, "address", sku_address_host(peer, host));
		event_number(record, "port", sku_address_port(peer));
		event_text(record, "local_address", sku_address_host(local, host));
		event_number(record, "local_port", sku_address_port(local));
	} else {
		event_text(record, "path", sku_address_host(peer, host));
	}
	event_emit(record);
}

void
peer_introduce(const struct peer_connection *connection)
{
	struct sku_address local, peer;

	if (run.verbose == 0 && !run.json)
		return;
	/* A socket that has none has an empty address. */
	(void)sku_getsockname(&connection->sock, &local);
	(void)sku_getpeername(&connection->sock, &peer);
	if (run.verbose > 0) {
		print_address("client", &local);
		print_address("server", &peer);
	}
	if (run.json)
		emit_connected(&local, &peer);
}

int
peer_use_socket(struct peer_connection *connection, const struct client_config *config,
    struct sku_sock *sock, struct failure *failure)
{
	struct sku_address peer;

	connection->config = config;
	connection->sock = *sock;
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	(void)sku_getpeername(&connection->sock, &peer);
	(void)peer_text(&peer, connection->peer);
	tcp_apply_options(&config->stream, &connection->sock);
	if (sku_settimeout(&connection->sock, 0) == 0)
		return 0;
	return failure_errno(failure, errno, "prepare the connection to %s", connection->peer);
}

int
peer_open(struct peer_connection *connection, const struct client_config *config)
{
	struct failure failure = { .status = STATUS_OK };
	struct sku_sock sock = SKU_SOCK_INIT;

	*connection = (struct peer_connection){ .config = config, .sock = SKU_SOCK_INIT };
	if (connect_now(&config->endpoint, &config->connect, &sock, &failure) == -1 ||
	    peer_use_socket(connection, config, &sock, &failure) == -1)
		return failure_report(&failure);
	peer_introduce(connection);
	return STATUS_OK;
}

void
peer_close(struct peer_connection *connection)
{
	sku_autoclose(&connection->sock);
}

/* ---- waiting and failing ------------------------------------------------------------------- */

int
peer_wait_failed(const struct peer_connection *connection, const char *action, int errnum)
{
	struct failure failure = { .status = STATUS_OK };

	(void)run_wait_failed(&failure, errnum, LIMIT_OPERATION, "%s %s", action, connection->peer);
	return failure_report(&failure);
}

int64_t
peer_check_interval(const struct client_config *config)
{
	return config->stream.keepalive > 0 ? keepalive_interval(config->stream.keepalive) :
					      SKU_NO_TIMEOUT;
}

int
peer_check(struct peer_connection *connection, const char *action, int64_t now)
{
	if (!keepalive_is_gone(&connection->keepalive, &connection->sock,
		connection->config->stream.keepalive, now))
		return STATUS_OK;
	return msg_error(STATUS_TIMED_OUT, ETIMEDOUT, "the peer is gone (--keepalive)", "%s %s",
	    action, connection->peer);
}

int
peer_wait(struct peer_connection *connection, short events, struct sku_deadline deadline)
{
	const char *action = (events & POLLIN) != 0 ? "receive from" : "send to";
	int64_t interval = peer_check_interval(connection->config);
	int status = STATUS_OK;

	while (status == STATUS_OK) {
		struct sku_deadline until =
		    sku_deadline_earlier(deadline, sku_deadline_in(interval));

		if (run_wait_fd(sku_fileno(&connection->sock), events, until) == 0)
			return STATUS_OK;
		if (errno != ETIMEDOUT || sku_deadline_passed(deadline))
			return peer_wait_failed(connection, action, errno);
		status = peer_check(connection, action, sku_now());
	}
	return status;
}

int
peer_failed(const struct peer_connection *connection, const char *action, int errnum)
{
	return msg_error_peer(errnum, "%s %s", action, connection->peer);
}

bool
peer_is_refusal(int errnum)
{
	return errnum == ECONNREFUSED || errnum == ENOENT || errnum == ECONNRESET ||
	       errnum == EHOSTUNREACH || errnum == ENETUNREACH;
}

int
peer_closed_early(const struct peer_connection *connection, const char *before)
{
	char message[120];

	(void)snprintf(message, sizeof(message), "the peer closed before %s", before);
	return msg_error(STATUS_MISMATCH, 0, message, "receive from %s", connection->peer);
}

int
peer_send_failed(const struct peer_connection *connection, int errnum, const char *before)
{
	/* EPIPE: the peer had closed in order before it reset what still came. */
	if (errnum == EPIPE)
		return peer_closed_early(connection, before);
	return peer_failed(connection, "send to", errnum);
}

/* ---- messages and replies ------------------------------------------------------------------ */

/* One recv into reply: 0, or the error is reported. */
static int
receive_some(struct peer_connection *connection, char *reply, size_t len, size_t *received)
{
	size_t max = len - *received < connection->config->stream.bufsize ?
			 len - *received :
			 connection->config->stream.bufsize;
	ssize_t n = sku_recv(&connection->sock, reply + *received, max, 0);

	if (n == 0)
		return peer_closed_early(connection, "the whole reply had come");
	if (n == -1)
		return errno == EAGAIN ? STATUS_OK : peer_failed(connection, "receive from", errno);
	*received += (size_t)n;
	counter_add(&peer_counters.bytes_in, (uint64_t)n);
	return STATUS_OK;
}

static int
send_some(struct peer_connection *connection, const char *message, size_t len, size_t *sent)
{
	ssize_t n = sku_send(&connection->sock, message + *sent, len - *sent, 0);

	if (n == -1)
		return errno == EAGAIN ?
			   STATUS_OK :
			   peer_send_failed(connection, errno, "the whole message was sent");
	*sent += (size_t)n;
	counter_add(&peer_counters.bytes_out, (uint64_t)n);
	return STATUS_OK;
}

static int
exchange(struct peer_connection *connection, const char *message, size_t len, char *reply)
{
	size_t sent = 0, received = 0;
	int status = STATUS_OK;

	counter_add(&peer_counters.messages, 1);
	while (status == STATUS_OK && received < len) {
		if (sent < len)
			status = send_some(connection, message, len, &sent);
		if (status == STATUS_OK)
			status = peer_wait(connection, sent < len ? POLLIN | POLLOUT : POLLIN,
			    run_operation_deadline());
		if (status == STATUS_OK)
			status = receive_some(connection, reply, len, &received);
	}
	if (status == STATUS_OK) {
		counter_add(&peer_counters.replies, 1);
		if (run.verbose > 0)
			msg_text("send %zu bytes\n", sent);
	}
	return status;
}

int
peer_print_reply(const char *reply, size_t len)
{
	size_t escaped_len = len;
	char *escaped = NULL;

	if (run.json) {
		json_t *record = event_new("reply");

		event_bytes(record, reply, len);
		event_emit(record);
		return msg_flush();
	}
	if (isatty(STDOUT_FILENO)) {
		escaped = escape_text(reply, len, ESCAPE_TEXT, &escaped_len);
		if (escaped == NULL)
			return msg_error_errno(STATUS_FAILED, ENOMEM, "show the reply");
	}
	output_add(escaped != NULL ? escaped : reply, escaped_len);
	output_add("\n", 1);
	free(escaped);
	return msg_flush();
}

int
peer_check_reply(const struct peer_connection *connection, const char *message, size_t len,
    const char *reply, size_t reply_len)
{
	int64_t at = expect_difference(connection->config->expect, message, len, reply, reply_len);
	char text[80];

	if (at == -1)
		return STATUS_OK;
	(void)snprintf(text, sizeof(text), "the reply differs at byte %lld", (long long)at);
	return msg_error(STATUS_MISMATCH, 0, text, "receive from %s", connection->peer);
}

int
peer_exchange_message(struct peer_connection *connection, const char *message, size_t len)
{
	char *reply = malloc(len + 1);
	int status;

	if (reply == NULL)
		return msg_error_errno(STATUS_FAILED, ENOMEM, "get a buffer");
	status = exchange(connection, message, len, reply);
	if (status == STATUS_OK)
		status = peer_print_reply(reply, len);
	if (status == STATUS_OK)
		status = peer_check_reply(connection, message, len, reply, len);
	free(reply);
	return status;
}

/* session.c - a connection and the words for what happens to it.
 * Row tool. */
#include "sockecho-client/session.h"

#include "run/escape.h"
#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct session_counters session_counters;

void
session_count_on_sigusr1(void)
{
	static const struct cli_counter_row rows[] = {
		{ "bytes_out", &session_counters.bytes_out },
		{ "bytes_in", &session_counters.bytes_in },
		{ "messages", &session_counters.messages },
		{ "replies", &session_counters.replies },
		{ "lost", &session_counters.lost },
		{ NULL, NULL },
	};

	cli_counters_on_sigusr1("state", rows);
}

/* ---- opening ------------------------------------------------------------------------------- */

static void
print_end(const char *which, const struct sku_address *address)
{
	char host[SKU_ADDRESS_TEXT_MAX];
	char *escaped;

	(void)sku_address_host(address, host);
	if (address->len > 0 && address->sa.sa_family != AF_UNIX) {
		(void)fprintf(stderr, "%s: %s - %u\n", which, host, sku_address_port(address));
		return;
	}
	escaped = cli_escape(host, strlen(host), CLI_ESCAPE_LINE, NULL);
	(void)fprintf(
	    stderr, "%s: %s\n", which, escaped != NULL && *escaped != '\0' ? escaped : "(unnamed)");
	free(escaped);
}

static void
emit_connected(const struct sku_address *local, const struct sku_address *peer)
{
	json_t *record = cli_record("connected");
	char host[SKU_ADDRESS_TEXT_MAX];

	if (peer->len > 0 && peer->sa.sa_family != AF_UNIX) {
		cli_record_text(record, "address", sku_address_host(peer, host));
		cli_record_number(record, "port", sku_address_port(peer));
		cli_record_text(record, "local_address", sku_address_host(local, host));
		cli_record_number(record, "local_port", sku_address_port(local));
	} else {
		cli_record_text(record, "path", sku_address_host(peer, host));
	}
	cli_record_emit(record);
}

/* sku_getsockname(), sku_getpeername(): a socket that has none has an empty address. */
static void
introduce(const struct session *session)
{
	struct sku_address local, peer;

	if (sku_getsockname(&session->sock, &local) == -1)
		local.len = 0;
	if (sku_getpeername(&session->sock, &peer) == -1)
		peer.len = 0;
	if (cli_voice.verbose > 0) {
		print_end("client", &local);
		print_end("server", &peer);
	}
	if (cli_voice.json)
		emit_connected(&local, &peer);
}

int
session_adopt(struct session *session, const struct client_config *config, struct sku_sock *sock)
{
	struct sku_address peer;

	session->config = config;
	session->sock = *sock;
	*sock = (struct sku_sock)SKU_SOCK_INIT;
	if (sku_getpeername(&session->sock, &peer) == -1)
		peer.len = 0;
	(void)cli_peer_text(&peer, session->peer);
	cli_stream_apply(&config->stream, &session->sock);
	if (sku_settimeout(&session->sock, 0) == -1)
		return cli_error_errno(
		    CLI_FAILED, errno, "prepare the connection to %s", session->peer);
	introduce(session);
	return CLI_OK;
}

int
session_open(struct session *session, const struct client_config *config)
{
	struct sku_sock sock = SKU_SOCK_INIT;
	int status;

	*session = (struct session){ .config = config, .sock = SKU_SOCK_INIT };
	status = cli_dial(&config->dial, &config->endpoint, &config->limits, &sock);
	return status == CLI_OK ? session_adopt(session, config, &sock) : status;
}

void
session_close(struct session *session)
{
	sku_autoclose(&session->sock);
}

/* ---- waiting and failing ------------------------------------------------------------------- */

int
session_timed_out(const struct session *session, const char *doing)
{
	if (session->config->limits.timeout_ns == 0)
		return cli_error_errno(CLI_FAILED, EAGAIN, "%s %s", doing, session->peer);
	return cli_error(CLI_TIMED_OUT, ETIMEDOUT, cli_timeout_reason(&session->config->limits),
	    "%s %s", doing, session->peer);
}

int
session_wait(const struct session *session, short events)
{
	if (sku_wait_fd(sku_fileno(&session->sock), events,
		cli_operation_deadline(&session->config->limits)) == 0)
		return CLI_OK;
	if (errno != ETIMEDOUT)
		return cli_error_errno(CLI_FAILED, errno, "wait for %s", session->peer);
	return session_timed_out(session, (events & POLLIN) != 0 ? "receive from" : "send to");
}

int
session_failed(const struct session *session, const char *doing, int errnum)
{
	return cli_error_peer(errnum, "%s %s", doing, session->peer);
}

int
session_closed_early(const struct session *session, const char *before)
{
	char message[120];

	(void)snprintf(message, sizeof(message), "the peer closed before %s", before);
	return cli_error(CLI_MISMATCH, 0, message, "receive from %s", session->peer);
}

/* ---- messages and replies ------------------------------------------------------------------ */

/* One recv into reply: 0, or the error is reported. */
static int
receive_some(struct session *session, char *reply, size_t len, size_t *received)
{
	size_t most = len - *received < session->config->stream.bufsize ?
			  len - *received :
			  session->config->stream.bufsize;
	ssize_t n = sku_recv(&session->sock, reply + *received, most, 0);

	if (n == 0)
		return session_closed_early(session, "the whole reply had come");
	if (n == -1)
		return errno == EAGAIN ? CLI_OK : session_failed(session, "receive from", errno);
	*received += (size_t)n;
	cli_count_up(&session_counters.bytes_in, (uint64_t)n);
	return CLI_OK;
}

static int
send_some(struct session *session, const char *message, size_t len, size_t *sent)
{
	ssize_t n = sku_send(&session->sock, message + *sent, len - *sent, 0);

	if (n == -1)
		return errno == EAGAIN ? CLI_OK : session_failed(session, "send to", errno);
	*sent += (size_t)n;
	cli_count_up(&session_counters.bytes_out, (uint64_t)n);
	return CLI_OK;
}

static int
exchange(struct session *session, const char *message, size_t len, char *reply)
{
	size_t sent = 0, received = 0;
	int status = CLI_OK;

	cli_count_up(&session_counters.messages, 1);
	while (status == CLI_OK && received < len) {
		if (sent < len)
			status = send_some(session, message, len, &sent);
		if (status == CLI_OK)
			status = session_wait(session, sent < len ? POLLIN | POLLOUT : POLLIN);
		if (status == CLI_OK)
			status = receive_some(session, reply, len, &received);
	}
	if (status == CLI_OK) {
		cli_count_up(&session_counters.replies, 1);
		if (cli_voice.verbose > 0)
			(void)fprintf(stderr, "send %zu bytes\n", sent);
	}
	return status;
}

int
session_print_reply(const char *reply, size_t len)
{
	size_t shown_len = len;
	char *escaped = NULL;

	if (cli_voice.json) {
		json_t *record = cli_record("reply");

		cli_record_bytes(record, reply, len);
		cli_record_emit(record);
		return cli_flush();
	}
	if (isatty(STDOUT_FILENO)) {
		escaped = cli_escape(reply, len, CLI_ESCAPE_TEXT, &shown_len);
		if (escaped == NULL)
			return cli_error_errno(CLI_FAILED, ENOMEM, "show the reply");
	}
	(void)fwrite(escaped != NULL ? escaped : reply, 1, shown_len, stdout);
	(void)putchar('\n'); /* errors stay in stdout for cli_flush() */
	free(escaped);
	return cli_flush();
}

int
session_check_reply(const struct session *session, const char *message, size_t len,
    const char *reply, size_t reply_len)
{
	int64_t at = expect_difference(session->config->expect, message, len, reply, reply_len);
	char text[80];

	if (at == -1)
		return CLI_OK;
	(void)snprintf(text, sizeof(text), "the reply differs at byte %lld", (long long)at);
	return cli_error(CLI_MISMATCH, 0, text, "receive from %s", session->peer);
}

int
session_say(struct session *session, const char *message, size_t len)
{
	char *reply = malloc(len + 1);
	int status;

	if (reply == NULL)
		return cli_error_errno(CLI_FAILED, ENOMEM, "get a buffer");
	status = exchange(session, message, len, reply);
	if (status == CLI_OK)
		status = session_print_reply(reply, len);
	if (status == CLI_OK)
		status = session_check_reply(session, message, len, reply, len);
	free(reply);
	return status;
}

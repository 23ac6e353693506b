/* mode_datagrams.c - a MESSAGE or a line is one datagram, and each waits for its answer.
 * Row tool. */
#include "run/message.h"
#include "run/run.h"
#include "run/wait.h"
#include "sockecho-client/lines.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)256 * 1024) /* more than any datagram of UDP or a UNIX socket */
#define RETRY_PAUSE (50 * SKU_MS)

struct datagram_exchange {
	const struct client_config *config;
	struct peer_connection connection; /* with one of the peers */
	struct datagram_peers peers;
	size_t next_peer;
	bool answered;		  /* somebody is there: the others are not tried any more */
	struct sku_deadline wait; /* --wait */
	char *answer;
};

/* What an exchange came to, when it is no error yet. */
enum outcome { DONE, REFUSED, FAILED };

static void
discard_late_answers(struct peer_connection *connection, char *buf)
{
	while (sku_recv(&connection->sock, buf, ANSWER_MAX, 0) >= 0)
		msg_verbose(1, "an answer that nothing asked for is thrown away");
}

static enum outcome
classify_failure(struct datagram_exchange *t, const char *action, int errnum, int *status)
{
	if (peer_is_refusal(errnum)) {
		*status = errnum; /* who gives up reports it */
		return REFUSED;
	}
	*status = peer_failed(&t->connection, action, errnum);
	return FAILED;
}

static enum outcome
send_datagram(struct datagram_exchange *t, const char *message, size_t len,
    struct sku_deadline deadline, int *status)
{
	while (sku_send(&t->connection.sock, message, len, 0) == -1) {
		if (errno != EAGAIN)
			return classify_failure(t, "send to", errno, status);
		*status = peer_wait(&t->connection, POLLOUT, deadline);
		if (*status != STATUS_OK)
			return FAILED;
	}
	counter_add(&peer_counters.messages, 1);
	counter_add(&peer_counters.bytes_out, len);
	return DONE;
}

static enum outcome
receive_datagram(
    struct datagram_exchange *t, size_t *len, struct sku_deadline deadline, int *status)
{
	ssize_t n;

	while ((n = sku_recv(&t->connection.sock, t->answer, ANSWER_MAX, 0)) == -1) {
		if (errno != EAGAIN)
			return classify_failure(t, "receive from", errno, status);
		*status = peer_wait(&t->connection, POLLIN, deadline);
		if (*status != STATUS_OK) {
			counter_add(&peer_counters.lost, 1);
			return FAILED;
		}
	}
	*len = (size_t)n;
	counter_add(&peer_counters.replies, 1);
	counter_add(&peer_counters.bytes_in, *len);
	return DONE;
}

static enum outcome
exchange(struct datagram_exchange *t, const char *message, size_t len, int *status)
{
	struct sku_deadline deadline = run_operation_deadline();
	enum outcome outcome;
	size_t answer_len = 0;

	/* An answer that is quick is never waited for. */
	if (run_check() == -1) {
		*status = peer_wait_failed(&t->connection, "send to", errno);
		return FAILED;
	}
	discard_late_answers(&t->connection, t->answer);
	outcome = send_datagram(t, message, len, deadline, status);
	if (outcome == DONE)
		outcome = receive_datagram(t, &answer_len, deadline, status);
	if (outcome != DONE)
		return outcome;
	t->answered = true;
	if (run.verbose > 0)
		msg_text("send %zu bytes\n", len);
	*status = peer_print_reply(t->answer, answer_len);
	if (*status == STATUS_OK)
		*status = peer_check_reply(&t->connection, message, len, t->answer, answer_len);
	return *status == STATUS_OK ? DONE : FAILED;
}

/* A socket for the next of the peers: DONE when it is there. */
static enum outcome
try_next_address(struct datagram_exchange *t, int *status)
{
	struct sku_sock sock = SKU_SOCK_INIT;
	const struct sku_address *peer = &t->peers.addresses[t->next_peer++];
	int errnum;

	peer_close(&t->connection);
	if (open_datagram_socket(&t->config->connect, peer, &sock) == -1) {
		errnum = errno;
		sku_autoclose(&sock);
		(void)peer_text(peer, t->connection.peer);
		return classify_failure(t, "connect to", errnum, status);
	}
	*status = peer_use_socket(&t->connection, t->config, &sock);
	return *status == STATUS_OK ? DONE : FAILED;
}

/* Everybody refused: shall all be asked again (--wait)?  After a pause, then. */
static bool
should_retry(struct datagram_exchange *t)
{
	if (!t->config->connect.wait || t->answered || t->config->connect.fd != -1 ||
	    sku_deadline_passed(t->wait))
		return false;
	(void)run_wait(NULL, 0, sku_deadline_in(RETRY_PAUSE));
	return true;
}

/* One message, to the first peer that does not refuse it. */
static int
exchange_with_any(struct datagram_exchange *t, const char *message, size_t len)
{
	enum outcome outcome = REFUSED;
	int status = STATUS_OK, refusal;

	if (len > 65507 && !t->config->connect.address.is_unix)
		return msg_error_errno(
		    STATUS_FAILED, EMSGSIZE, "send a datagram of %zu bytes", len);
	for (;;) {
		if (sku_fileno(&t->connection.sock) != -1)
			outcome = exchange(t, message, len, &status);
		if (outcome != REFUSED)
			return status;
		refusal = status;
		if (t->answered || t->next_peer == t->peers.count) {
			if (!should_retry(t))
				break;
			t->next_peer = 0;
		}
		outcome = try_next_address(t, &status);
		if (outcome == FAILED)
			return status;
		if (outcome == REFUSED)
			refusal = status;
	}
	if (t->config->connect.wait && !t->answered && t->config->connect.fd == -1) {
		char text[120];

		(void)snprintf(
		    text, sizeof(text), "timed out; the last failure: %s", strerror(refusal));
		return msg_error(
		    STATUS_TIMED_OUT, ETIMEDOUT, text, "send to %s", t->connection.peer);
	}
	return peer_failed(&t->connection, "send to", refusal);
}

static int
exchange_lines(struct datagram_exchange *t)
{
	struct line_reader reader = LINE_READER_INIT;
	struct failure failure = { .status = STATUS_OK };
	enum line_next next = LINE_READ;
	const char *line;
	size_t len;
	int status = STATUS_OK;
	bool terminal = isatty(STDIN_FILENO) == 1;

	while (status == STATUS_OK && next == LINE_READ) {
		if (terminal)
			msg_text(">> ");
		next = line_next(&reader, -1, &line, &len, &failure);
		if (next == LINE_READ)
			status = exchange_with_any(t, line, len);
		else if (next == LINE_FAILED)
			status = failure_report(&failure);
	}
	line_reader_free(&reader);
	return status;
}

static int
open_exchange(struct datagram_exchange *t)
{
	struct sku_sock sock = SKU_SOCK_INIT;

	t->wait = t->config->connect.wait ? sku_deadline_in(t->config->connect.wait_ns) :
					    sku_deadline_never();
	t->wait = sku_deadline_earlier(t->wait, run.timeouts.run);
	t->answer = malloc(ANSWER_MAX);
	if (t->answer == NULL)
		return msg_error_errno(STATUS_FAILED, ENOMEM, "get a buffer");
	if (t->config->connect.fd == -1)
		return resolve_datagram_peers(&t->config->connect, &t->config->endpoint, &t->peers);
	if (sku_socket_from_fd(&sock, t->config->connect.fd) == -1)
		return msg_error_errno(
		    STATUS_FAILED, errno, "use descriptor %d as a socket", t->config->connect.fd);
	return peer_use_socket(&t->connection, t->config, &sock);
}

int
run_datagrams(const struct client_config *config)
{
	struct datagram_exchange t = { .config = config,
		.connection = { .config = config, .sock = SKU_SOCK_INIT } };
	int status = open_exchange(&t);

	if (status == STATUS_OK && config->messages == NULL)
		status = exchange_lines(&t);
	for (char **m = config->messages; status == STATUS_OK && m != NULL && *m != NULL; m++)
		status = exchange_with_any(&t, *m, strlen(*m));
	peer_close(&t.connection);
	datagram_peers_free(&t.peers);
	free(t.answer);
	return status;
}

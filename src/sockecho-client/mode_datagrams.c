/* mode_datagrams.c - each MESSAGE or line is one datagram, and its answer is waited for.
 * Row tool. */
#include "net/datagram_peers.h"
#include "run/failure.h"
#include "run/hash.h"
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

#define REMEMBERED ((size_t)1024)	  /* answers */
#define DATAGRAM_MAX ((size_t)256 * 1024) /* more than any of UDP or a UNIX socket */

struct datagram_exchange {
	const struct client_config *config;
	struct peer_connection connection; /* to one of the peers */
	struct datagram_peers peers;
	size_t next_peer;
	bool answered;	    /* a peer has answered: the other addresses are not tried any more */
	struct retry retry; /* --wait */
	const struct failure *last; /* of the try before; it is clear in the first one */
	char *answer;
	/* --expect: a late copy of one of these is not an answer to another message. */
	uint64_t earlier[REMEMBERED]; /* hashes of answers; a new one replaces the oldest */
	size_t earlier_count;
};

/* At most as many as can be there: a peer that sends without end must not hold us here. */
static void
discard_late_answers(struct peer_connection *connection, char *buf)
{
	for (size_t i = 0; i < REMEMBERED; i++) {
		if (sku_recv(&connection->sock, buf, DATAGRAM_MAX, 0) == -1)
			return;
		msg_verbose(1, "an answer that nothing asked for is thrown away");
	}
}

/* ---- one datagram and its answer ----------------------------------------------------------- */

static int
wait_for(struct datagram_exchange *t, short events, struct sku_deadline deadline,
    struct failure *failure)
{
	const char *verb = events == POLLIN ? "receive from" : "send to";
	char action[PEER_TEXT_MAX + sizeof("receive from ")];

	(void)snprintf(action, sizeof(action), "%s %s", verb, peer_name(&t->connection));
	for (;;) {
		struct sku_deadline says =
		    t->answered ? sku_deadline_never() : retry_says_at(&t->retry);

		if (run_wait_fd(sku_fileno(&t->connection.sock), events,
			sku_deadline_earlier(deadline, says)) == 0)
			return 0;
		if (errno != ETIMEDOUT || !sku_deadline_passed(says))
			return run_wait_failed(failure, errno, LIMIT_OPERATION, "%s", action);
		retry_say(&t->retry, t->last, action);
	}
}

static int
send_datagram(struct datagram_exchange *t, const char *message, size_t len,
    struct sku_deadline deadline, struct failure *failure)
{
	while (sku_send(&t->connection.sock, message, len, 0) == -1) {
		if (errno != EAGAIN)
			return failure_peer(
			    failure, errno, "send to %s", peer_name(&t->connection));
		if (wait_for(t, POLLOUT, deadline, failure) == -1)
			return -1;
	}
	counter_add(&peer_counters.messages, 1);
	counter_add(&peer_counters.bytes_out, len);
	return 0;
}

static int
receive_datagram(
    struct datagram_exchange *t, size_t *len, struct sku_deadline deadline, struct failure *failure)
{
	ssize_t n;

	while ((n = sku_recv(&t->connection.sock, t->answer, DATAGRAM_MAX, 0)) == -1) {
		/* An ICMP message about what was sent. */
		if (errno != EAGAIN)
			return failure_peer(failure, errno, "%s %s",
			    peer_is_refusal(errno) ? "send to" : "receive from",
			    peer_name(&t->connection));
		if (wait_for(t, POLLIN, deadline, failure) == -1) {
			counter_add(&peer_counters.lost, 1);
			return -1;
		}
	}
	*len = (size_t)n;
	counter_add(&peer_counters.replies, 1);
	counter_add(&peer_counters.bytes_in, *len);
	return 0;
}

static void
remember_answer(struct datagram_exchange *t, size_t len)
{
	if (t->config->expect != EXPECT_ANY)
		t->earlier[t->earlier_count++ % REMEMBERED] =
		    hash_bytes(HASH_BEGIN, t->answer, len);
}

/* Is the answer not to this message, but a copy of an earlier one? */
static bool
is_late_copy(const struct datagram_exchange *t, const char *message, size_t len, size_t answer_len)
{
	uint64_t hash = hash_bytes(HASH_BEGIN, t->answer, answer_len);
	size_t count = t->earlier_count < REMEMBERED ? t->earlier_count : REMEMBERED;

	if (expect_difference(t->config->expect, message, len, t->answer, answer_len) == -1)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (t->earlier[i] == hash)
			return true;
	}
	return false;
}

/* Nothing waits while one copy comes after the other, so the limits are looked at here. */
static int
receive_answer(struct datagram_exchange *t, const char *message, size_t len, size_t *answer_len,
    struct sku_deadline deadline, struct failure *failure)
{
	while (receive_datagram(t, answer_len, deadline, failure) == 0) {
		if (!is_late_copy(t, message, len, *answer_len))
			return 0;
		msg_verbose(1, "a late copy of an earlier answer is thrown away");
		if (run_check() == -1 || sku_deadline_passed(deadline)) {
			counter_add(&peer_counters.lost, 1);
			return run_wait_failed(failure, ETIMEDOUT, LIMIT_OPERATION,
			    "receive from %s", peer_name(&t->connection));
		}
	}
	return -1;
}

/* Send a message and wait for its answer: 0 and the answer, or -1 and the failure. */
static int
exchange(struct datagram_exchange *t, const char *message, size_t len, size_t *answer_len,
    struct failure *failure)
{
	struct sku_deadline deadline = run_operation_deadline();

	/* Check here, because there is no wait if the answer comes at once. */
	if (run_check() == -1)
		return run_wait_failed(
		    failure, errno, LIMIT_OPERATION, "send to %s", peer_name(&t->connection));
	if (!t->answered)
		deadline = sku_deadline_earlier(deadline, t->retry.until);
	discard_late_answers(&t->connection, t->answer);
	if (send_datagram(t, message, len, deadline, failure) == -1 ||
	    receive_answer(t, message, len, answer_len, deadline, failure) == -1)
		return -1;
	if (!t->answered && t->retry.wanted)
		peer_introduce(&t->connection); /* only once there is an answer */
	t->answered = true;
	if (run.verbose > 0)
		msg_text("send %zu bytes\n", len);
	return 0;
}

/* ---- whom to ask --------------------------------------------------------------------------- */

static int
resolve(struct datagram_exchange *t, struct failure *failure)
{
	t->next_peer = 0;
	return datagram_peers_resolve(
	    &t->peers, &t->config->connect, &t->config->endpoint, &t->retry, failure);
}

/* Open a socket for the next address. */
static int
try_next_address(struct datagram_exchange *t, struct failure *failure)
{
	const struct sku_address *peer = &t->peers.addresses[t->next_peer++];
	struct sku_sock sock = SKU_SOCK_INIT;

	peer_close(&t->connection);
	if (datagram_peers_open(&sock, &t->config->connect, peer, failure) == -1)
		return -1;
	if (peer_use_socket(&t->connection, t->config, &sock, NULL, failure) == -1)
		return -1;
	if (!t->retry.wanted)
		peer_introduce(&t->connection);
	return 0;
}

/* Ask the present address, or else the next one. */
static int
ask_one(struct datagram_exchange *t, const char *message, size_t len, size_t *answer_len,
    struct failure *failure)
{
	bool is_open = sku_fileno(&t->connection.sock) != -1;

	failure_clear(failure);
	return is_open || try_next_address(t, failure) == 0 ?
		   exchange(t, message, len, answer_len, failure) :
		   -1;
}

/* Ask one address after the other until one does not refuse, or, with --wait, until one answers.
 * If there is none, the failure is that of the first. */
static int
ask_in_turn(struct datagram_exchange *t, const char *message, size_t len, size_t *answer_len,
    struct failure *failure)
{
	static ASIDE struct failure now;
	size_t tried = 0;

	while (ask_one(t, message, len, answer_len, &now) == -1) {
		bool is_silent = now.errnum == ETIMEDOUT;
		bool goes_on = !t->answered && run_check() == 0;

		if (goes_on && is_silent && t->peers.count > 1)
			failure_add(&now, "it is one of %zu addresses", t->peers.count);
		goes_on =
		    goes_on && (peer_is_refusal(now.errnum) || (is_silent && t->retry.wanted));
		if (tried++ == 0 || !goes_on)
			*failure = now;
		if (!goes_on)
			return -1;
		if (t->peers.count > 1)
			msg_verbose(t->retry.wanted ? 2 : 1, "%s: %s", now.action, now.message);
		if (t->next_peer == t->peers.count) {
			if (!is_silent)
				failure_tried(failure, tried);
			return -1;
		}
		peer_close(&t->connection);
	}
	return 0;
}

/* Send one message until it is answered or the time is up. */
static int
ask(struct datagram_exchange *t, const char *message, size_t len, size_t *answer_len,
    struct failure *failure)
{
	t->last = failure;
	for (;;) {
		struct failure now;

		failure_clear(&now);
		if (ask_in_turn(t, message, len, answer_len, &now) == 0) {
			failure_clear(failure);
			return 0;
		}
		if (t->answered || run_check() == -1) {
			*failure = now;
			return -1;
		}
		if (retry_pause(&t->retry, failure, &now) == -1)
			return -1;
		if (t->config->connect.fd != -1)
			continue;
		peer_close(&t->connection);
		if (resolve(t, failure) == -1)
			return -1;
	}
}

static int
exchange_message(
    struct datagram_exchange *t, const char *message, size_t len, struct failure *failure)
{
	size_t answer_len = 0;

	if (len > 65507 && !t->config->connect.address.is_unix)
		return failure_errno(failure, EMSGSIZE, "send a datagram of %zu bytes", len);
	if (ask(t, message, len, &answer_len, failure) == -1 ||
	    peer_print_reply(t->answer, answer_len, failure) == -1 ||
	    peer_check_reply(&t->connection, message, len, t->answer, answer_len, failure) == -1)
		return -1;
	remember_answer(t, answer_len);
	return 0;
}

static int
exchange_all(struct datagram_exchange *t, char **messages, struct failure *failure)
{
	for (char **message = messages; *message != NULL; message++) {
		if (exchange_message(t, *message, strlen(*message), failure) == -1)
			return -1;
	}
	return 0;
}

/* Read all of standard input, at most DATAGRAM_MAX + 1 bytes: 0, or -1 and the failure. */
static int
read_input(char *bytes, size_t *len, struct failure *failure)
{
	ssize_t n = 1;

	for (*len = 0; n != 0 && *len <= DATAGRAM_MAX; *len += n > 0 ? (size_t)n : 0) {
		if (run_wait_fd(STDIN_FILENO, POLLIN, sku_deadline_never()) == -1)
			return run_wait_failed(failure, errno, LIMIT_OTHER, "read standard input");
		n = read(STDIN_FILENO, bytes + *len, DATAGRAM_MAX + 1 - *len);
		if (n == -1 && errno != EINTR && errno != EAGAIN)
			return failure_errno(failure, errno, "read standard input");
	}
	return 0;
}

/* --whole */
static int
exchange_input(struct datagram_exchange *t, struct failure *failure)
{
	char *message = malloc(DATAGRAM_MAX + 1);
	size_t len;
	int result;

	if (message == NULL)
		return failure_errno(failure, ENOMEM, "get a buffer");
	result = read_input(message, &len, failure);
	if (result == 0 && len > DATAGRAM_MAX)
		result = failure_errno(
		    failure, EMSGSIZE, "send a datagram of more than %zu bytes", DATAGRAM_MAX);
	if (result == 0)
		result = exchange_message(t, message, len, failure);
	free(message);
	return result;
}

static int
exchange_lines(struct datagram_exchange *t, struct failure *failure)
{
	struct line_reader reader = LINE_READER_INIT;
	enum line_next next = LINE_READ;
	const char *line;
	size_t len;
	int result = 0;
	bool terminal = isatty(STDIN_FILENO) == 1;

	while (result == 0 && next == LINE_READ) {
		if (terminal)
			msg_text(">> ");
		next = line_next(&reader, -1, &line, &len, failure);
		if (next == LINE_READ && terminal && line_is_cut(len))
			result = line_cut_failed(failure);
		else if (next == LINE_READ)
			result = exchange_message(t, line, len, failure);
	}
	if (terminal && next != LINE_READ)
		msg_text("\n"); /* nobody has ended the line of the prompt */
	line_reader_free(&reader);
	return next == LINE_FAILED ? -1 : result;
}

static int
open_exchange(struct datagram_exchange *t, struct failure *failure)
{
	const struct connect_options *connect = &t->config->connect;
	struct sku_sock sock = SKU_SOCK_INIT;

	retry_begin(&t->retry, connect->wait_ns);
	t->answer = malloc(DATAGRAM_MAX);
	if (t->answer == NULL)
		return failure_errno(failure, ENOMEM, "get a buffer");
	if (connect->fd == -1) {
		if (resolve(t, failure) == -1)
			return -1;
		failure_clear(failure);
		return 0;
	}
	if (sku_socket_from_fd(&sock, connect->fd) == -1)
		return failure_errno(
		    failure, errno, "use descriptor %d as a socket", fd_given(connect->fd));
	if (peer_use_socket(&t->connection, t->config, &sock, NULL, failure) == -1)
		return -1;
	peer_introduce(&t->connection);
	return 0;
}

static int
exchange_what_is_asked(struct datagram_exchange *t, struct failure *failure)
{
	if (t->config->whole)
		return exchange_input(t, failure);
	if (t->config->messages == NULL)
		return exchange_lines(t, failure);
	return exchange_all(t, t->config->messages, failure);
}

int
run_datagrams(const struct client_config *config)
{
	struct datagram_exchange t = { .config = config,
		.connection = { .config = config, .sock = SKU_SOCK_INIT } };
	static ASIDE struct failure failure;
	int status = STATUS_OK;

	if (open_exchange(&t, &failure) == -1 || exchange_what_is_asked(&t, &failure) == -1)
		status = failure_report(&failure);
	peer_close(&t.connection);
	datagram_peers_free(&t.peers);
	free(t.answer);
	return status;
}

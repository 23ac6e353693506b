/* datagrams.c - a MESSAGE or a line is one datagram, and each waits for its answer.
 * Row tool. */
#include "run/message.h"
#include "run/run.h"
#include "sockecho-client/lines.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)256 * 1024) /* more than any datagram of UDP or a UNIX socket */
#define RETRY_PAUSE (50 * SKU_MS)

struct talk {
	const struct client_config *config;
	struct session session; /* with one of the peers */
	struct cli_datagram_peers peers;
	size_t next_peer;
	bool answered;		  /* somebody is there: the others are not tried any more */
	struct sku_deadline wait; /* --wait */
	char *answer;
};

/* What an exchange came to, when it is no error yet. */
enum outcome { ANSWERED, REFUSED, FAILED };

static void
discard_strays(struct session *session, char *buf)
{
	while (sku_recv(&session->sock, buf, ANSWER_MAX, 0) >= 0)
		cli_verbose(1, "an answer that nothing asked for is thrown away");
}

static bool
is_refusal(int errnum)
{
	return errnum == ECONNREFUSED || errnum == ENOENT || errnum == ECONNRESET ||
	       errnum == EHOSTUNREACH || errnum == ENETUNREACH;
}

static enum outcome
failed(struct talk *t, const char *doing, int errnum, int *status)
{
	if (is_refusal(errnum)) {
		*status = errnum; /* who gives up reports it */
		return REFUSED;
	}
	*status = session_failed(&t->session, doing, errnum);
	return FAILED;
}

/* Wait until the one answer is due: 0, or the status of the reported error. */
static int
wait_until(struct talk *t, short events, struct sku_deadline deadline)
{
	if (sku_wait_fd(sku_fileno(&t->session.sock), events, deadline) == 0)
		return CLI_OK;
	return errno == ETIMEDOUT ?
		   session_timed_out(&t->session, events == POLLIN ? "receive from" : "send to") :
		   cli_error_errno(CLI_FAILED, errno, "wait for %s", t->session.peer);
}

static enum outcome
send_datagram(
    struct talk *t, const char *message, size_t len, struct sku_deadline deadline, int *status)
{
	while (sku_send(&t->session.sock, message, len, 0) == -1) {
		if (errno != EAGAIN)
			return failed(t, "send to", errno, status);
		*status = wait_until(t, POLLOUT, deadline);
		if (*status != CLI_OK)
			return FAILED;
	}
	cli_count_up(&session_counters.messages, 1);
	cli_count_up(&session_counters.bytes_out, len);
	return ANSWERED;
}

static enum outcome
receive_datagram(struct talk *t, size_t *len, struct sku_deadline deadline, int *status)
{
	ssize_t n;

	while ((n = sku_recv(&t->session.sock, t->answer, ANSWER_MAX, 0)) == -1) {
		if (errno != EAGAIN)
			return failed(t, "receive from", errno, status);
		*status = wait_until(t, POLLIN, deadline);
		if (*status != CLI_OK) {
			cli_count_up(&session_counters.lost, 1);
			return FAILED;
		}
	}
	*len = (size_t)n;
	cli_count_up(&session_counters.replies, 1);
	cli_count_up(&session_counters.bytes_in, *len);
	return ANSWERED;
}

static enum outcome
exchange(struct talk *t, const char *message, size_t len, int *status)
{
	struct sku_deadline deadline = cli_operation_deadline(&t->config->limits);
	enum outcome outcome;
	size_t answer_len = 0;

	discard_strays(&t->session, t->answer);
	outcome = send_datagram(t, message, len, deadline, status);
	if (outcome == ANSWERED)
		outcome = receive_datagram(t, &answer_len, deadline, status);
	if (outcome != ANSWERED)
		return outcome;
	t->answered = true;
	if (cli_voice.verbose > 0)
		(void)fprintf(stderr, "send %zu bytes\n", len);
	*status = session_print_reply(t->answer, answer_len);
	if (*status == CLI_OK)
		*status = session_check_reply(&t->session, message, len, t->answer, answer_len);
	return *status == CLI_OK ? ANSWERED : FAILED;
}

/* A socket for the next of the peers: ANSWERED when it is there. */
static enum outcome
open_next(struct talk *t, int *status)
{
	struct sku_sock sock = SKU_SOCK_INIT;
	const struct sku_address *peer = &t->peers.addresses[t->next_peer++];
	int errnum;

	session_close(&t->session);
	if (cli_dial_datagram(&t->config->dial, peer, &sock) == -1) {
		errnum = errno;
		sku_autoclose(&sock);
		(void)cli_peer_text(peer, t->session.peer);
		return failed(t, "connect to", errnum, status);
	}
	*status = session_adopt(&t->session, t->config, &sock);
	return *status == CLI_OK ? ANSWERED : FAILED;
}

/* Everybody refused: shall all be asked again (--wait)?  After a pause, then. */
static bool
ask_again(struct talk *t)
{
	const struct timespec pause = { 0, RETRY_PAUSE };

	if (!t->config->dial.wait || t->answered || t->config->dial.fd != -1 ||
	    sku_deadline_passed(t->wait))
		return false;
	(void)nanosleep(&pause, NULL);
	return true;
}

/* One message, to the first peer that does not refuse it. */
static int
say(struct talk *t, const char *message, size_t len)
{
	enum outcome outcome = REFUSED;
	int status = CLI_OK, refusal;

	if (len > 65507 && !t->config->dial.address.is_unix)
		return cli_error_errno(CLI_FAILED, EMSGSIZE, "send a datagram of %zu bytes", len);
	for (;;) {
		if (sku_fileno(&t->session.sock) != -1)
			outcome = exchange(t, message, len, &status);
		if (outcome != REFUSED)
			return status;
		refusal = status;
		if (t->answered || t->next_peer == t->peers.count) {
			if (!ask_again(t))
				break;
			t->next_peer = 0;
		}
		outcome = open_next(t, &status);
		if (outcome == FAILED)
			return status;
		if (outcome == REFUSED)
			refusal = status;
	}
	if (t->config->dial.wait && !t->answered && t->config->dial.fd == -1) {
		char text[120];

		(void)snprintf(
		    text, sizeof(text), "timed out; the last failure: %s", strerror(refusal));
		return cli_error(CLI_TIMED_OUT, ETIMEDOUT, text, "send to %s", t->session.peer);
	}
	return session_failed(&t->session, "send to", refusal);
}

static int
say_lines(struct talk *t)
{
	struct line_reader reader = LINE_READER_INIT;
	const char *line;
	size_t len;
	int status = CLI_OK, got = 1;
	bool terminal = isatty(STDIN_FILENO) == 1;

	while (status == CLI_OK && got == 1) {
		if (terminal)
			(void)fputs(">> ", stderr);
		got = line_next(&reader, -1, t->config->limits.run, &line, &len);
		if (got == 1)
			status = say(t, line, len);
		else if (got == -1 && errno == ETIMEDOUT)
			status = cli_error(CLI_TIMED_OUT, ETIMEDOUT,
			    cli_timeout_reason(&t->config->limits), "read standard input");
		else if (got == -1)
			status = cli_error_errno(CLI_FAILED, errno, "read standard input");
	}
	line_reader_free(&reader);
	return status;
}

static int
open_talk(struct talk *t)
{
	struct sku_sock sock = SKU_SOCK_INIT;

	t->wait =
	    t->config->dial.wait ? sku_deadline_in(t->config->dial.wait_ns) : sku_deadline_never();
	t->wait = sku_deadline_earlier(t->wait, t->config->limits.run);
	t->answer = malloc(ANSWER_MAX);
	if (t->answer == NULL)
		return cli_error_errno(CLI_FAILED, ENOMEM, "get a buffer");
	if (t->config->dial.fd == -1)
		return cli_dial_resolve(
		    &t->config->dial, &t->config->endpoint, &t->config->limits, &t->peers);
	if (sku_socket_from_fd(&sock, t->config->dial.fd) == -1)
		return cli_error_errno(
		    CLI_FAILED, errno, "use descriptor %d as a socket", t->config->dial.fd);
	return session_adopt(&t->session, t->config, &sock);
}

int
run_datagrams(const struct client_config *config)
{
	struct talk t = { .config = config,
		.session = { .config = config, .sock = SKU_SOCK_INIT } };
	int status = open_talk(&t);

	if (status == CLI_OK && config->messages == NULL)
		status = say_lines(&t);
	for (char **m = config->messages; status == CLI_OK && m != NULL && *m != NULL; m++)
		status = say(&t, *m, strlen(*m));
	session_close(&t.session);
	cli_datagram_peers_free(&t.peers);
	free(t.answer);
	return status;
}

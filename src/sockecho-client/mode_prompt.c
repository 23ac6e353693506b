/* mode_prompt.c - a person types a line at a time.
 * Row tool. */
#include "run/failure.h"
#include "run/message.h"
#include "sockecho-client/lines.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/peer.h"

#include <ctype.h>
#include <errno.h>

static void
trim(const char **line, size_t *len)
{
	while (*len > 0 && isspace((unsigned char)**line)) {
		(*line)++;
		(*len)--;
	}
	while (*len > 0 && isspace((unsigned char)(*line)[*len - 1]))
		(*len)--;
}

/* str.isalpha(): only letters, including those beyond ASCII. */
static bool
is_alpha(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalpha((unsigned char)line[i]) && (unsigned char)line[i] < 0x80)
			return false;
	}
	return true;
}

/* The socket became ready before a line was typed: is the peer still there? */
static int
check_peer(struct peer_connection *connection, struct failure *failure)
{
	char byte;
	ssize_t n = sku_recv(&connection->sock, &byte, 1, MSG_PEEK);

	if (n == 0)
		return peer_closed_early(connection, "you did", failure);
	if (n == -1 && errno != EAGAIN)
		return peer_failed(connection, "receive from", errno, failure);
	if (n == 1)
		return failure_set(failure, STATUS_MISMATCH, 0,
		    "bytes came that nothing asked for, and the prompt takes answers alone "
		    "(a pipe to standard input takes whatever comes)",
		    "receive from %s", peer_name(connection));
	return 0;
}

static int
exchange_line(
    struct peer_connection *connection, const char *line, size_t len, struct failure *failure)
{
	if (line_is_cut(len))
		return line_cut_failed(failure);
	trim(&line, &len);
	if (len == 0 || (connection->config->alpha && !is_alpha(line, len)))
		return 0;
	return peer_exchange_message(connection, line, len, failure);
}

static int
prompt_loop(struct peer_connection *connection, struct line_reader *reader, struct failure *failure)
{
	enum line_next next = LINE_READ;
	const char *line;
	size_t len;
	int result = 0;

	while (result == 0 && next != LINE_END) {
		if (next == LINE_READ)
			msg_text(">> ");
		next = line_next(reader, sku_fileno(&connection->sock), &line, &len, failure);
		if (next == LINE_READ)
			result = exchange_line(connection, line, len, failure);
		else if (next == LINE_PEER)
			result = check_peer(connection, failure);
		else if (next == LINE_FAILED)
			result = -1;
	}
	if (next != LINE_READ)
		msg_text("\n"); /* nobody has ended the line of the prompt */
	return result;
}

int
run_prompt(const struct client_config *config)
{
	struct line_reader reader = LINE_READER_INIT;
	struct peer_connection connection;
	static ASIDE struct failure failure;
	int status = STATUS_OK;

	if (peer_open(&connection, config, &failure) == -1 ||
	    prompt_loop(&connection, &reader, &failure) == -1)
		status = failure_report(&failure);
	line_reader_free(&reader);
	peer_close(&connection);
	return status;
}

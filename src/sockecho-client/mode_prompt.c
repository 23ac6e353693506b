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

/* str.isalpha(): letters, those beyond ASCII included, and nothing else. */
static bool
is_alpha(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalpha((unsigned char)line[i]) && (unsigned char)line[i] < 0x80)
			return false;
	}
	return true;
}

/* While the person thinks, the peer did something: is it still there? */
static int
check_peer(struct peer_connection *connection)
{
	char byte;
	ssize_t n = sku_recv(&connection->sock, &byte, 1, MSG_PEEK);

	if (n == 0)
		return peer_closed_early(connection, "you did");
	if (n == -1 && errno != EAGAIN)
		return peer_failed(connection, "receive from", errno);
	if (n == 1)
		return msg_error(STATUS_MISMATCH, 0,
		    "bytes came that nothing asked for, and the prompt takes answers alone "
		    "(a pipe to standard input takes whatever comes)",
		    "receive from %s", connection->peer);
	return STATUS_OK;
}

static int
prompt_loop(struct peer_connection *connection, struct line_reader *reader)
{
	const struct client_config *config = connection->config;
	struct failure failure;
	enum line_next next = LINE_READ;
	const char *line;
	size_t len;
	int status = STATUS_OK;

	failure_clear(&failure);
	while (status == STATUS_OK) {
		if (next == LINE_READ)
			msg_text(">> ");
		next = line_next(reader, sku_fileno(&connection->sock), &line, &len, &failure);
		switch (next) {
		case LINE_READ:
			if (line_is_cut(len))
				return line_report_cut();
			trim(&line, &len);
			if (len > 0 && (!config->alpha || is_alpha(line, len)))
				status = peer_exchange_message(connection, line, len);
			break;
		case LINE_PEER:
			status = check_peer(connection);
			break;
		case LINE_END:
			msg_text("\n");
			return STATUS_OK;
		case LINE_FAILED:
			return failure_report(&failure);
		}
	}
	return status;
}

int
run_prompt(const struct client_config *config)
{
	struct line_reader reader = LINE_READER_INIT;
	struct peer_connection connection;
	int status = peer_open(&connection, config);

	if (status == STATUS_OK)
		status = prompt_loop(&connection, &reader);
	line_reader_free(&reader);
	peer_close(&connection);
	return status;
}

/* prompt.c - a person types a line at a time.
 * Row tool. */
#include "run/message.h"
#include "sockecho-client/lines.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/session.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static void
strip(const char **line, size_t *len)
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
look_at_peer(struct session *session)
{
	char byte;
	ssize_t n = sku_recv(&session->sock, &byte, 1, MSG_PEEK);

	if (n == 0)
		return session_closed_early(session, "you did");
	if (n == -1 && errno != EAGAIN)
		return session_failed(session, "receive from", errno);
	if (n == 1)
		return cli_error(CLI_MISMATCH, 0, "bytes came that nothing asked for",
		    "receive from %s", session->peer);
	return CLI_OK;
}

static int
talk(struct session *session, struct line_reader *reader)
{
	const struct client_config *config = session->config;
	const char *line;
	size_t len;
	int status = CLI_OK, got;

	while (status == CLI_OK) {
		(void)fputs(">> ", stderr);
		while ((got = line_next(reader, sku_fileno(&session->sock), config->limits.run,
			    &line, &len)) == -1 &&
		       errno == EINTR) {
			status = look_at_peer(session);
			if (status != CLI_OK)
				return status;
		}
		if (got == -1 && errno == ETIMEDOUT)
			return cli_error(CLI_TIMED_OUT, ETIMEDOUT,
			    cli_timeout_reason(&config->limits), "read standard input");
		if (got == -1)
			return cli_error_errno(CLI_FAILED, errno, "read standard input");
		if (got == 0) {
			(void)fputs("\n", stderr);
			return CLI_OK;
		}
		strip(&line, &len);
		if (len > 0 && (!config->alpha || is_alpha(line, len)))
			status = session_say(session, line, len);
	}
	return status;
}

int
run_prompt(const struct client_config *config)
{
	struct line_reader reader = LINE_READER_INIT;
	struct session session;
	int status = session_open(&session, config);

	if (status == CLI_OK)
		status = talk(&session, &reader);
	line_reader_free(&reader);
	session_close(&session);
	return status;
}

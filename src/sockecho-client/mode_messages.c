/* mode_messages.c - send each MESSAGE, print what comes back; or just connect.
 * Row tool. */
#include "run/failure.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/peer.h"

#include <string.h>

static int
exchange_all(struct peer_connection *connection, char **messages, struct failure *failure)
{
	for (char **message = messages; *message != NULL; message++) {
		if (peer_exchange_message(connection, *message, strlen(*message), failure) == -1)
			return -1;
	}
	return 0;
}

int
run_messages(const struct client_config *config)
{
	struct peer_connection connection;
	static ASIDE struct failure failure;
	int status = STATUS_OK;

	if (peer_open(&connection, config, &failure) == -1 ||
	    exchange_all(&connection, config->messages, &failure) == -1)
		status = failure_report(&failure);
	peer_close(&connection);
	return status;
}

int
run_connect_only(const struct client_config *config)
{
	struct peer_connection connection;
	static ASIDE struct failure failure;
	int status = STATUS_OK;

	if (peer_open(&connection, config, &failure) == -1)
		status = failure_report(&failure);
	peer_close(&connection);
	return status;
}

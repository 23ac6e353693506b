/* mode_messages.c - send each MESSAGE, print what comes back; or just connect.
 * Row tool. */
#include "run/status.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/peer.h"

#include <string.h>

int
run_messages(const struct client_config *config)
{
	struct peer_connection connection;
	int status = peer_open(&connection, config);

	for (char **message = config->messages; status == STATUS_OK && *message != NULL; message++)
		status = peer_exchange_message(&connection, *message, strlen(*message));
	peer_close(&connection);
	return status;
}

int
run_connect_only(const struct client_config *config)
{
	struct peer_connection connection;
	int status = peer_open(&connection, config);

	peer_close(&connection);
	return status;
}

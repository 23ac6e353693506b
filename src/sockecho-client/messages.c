/* messages.c - send each MESSAGE, print what comes back; or just connect.
 * Row tool. */
#include "run/status.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/session.h"

#include <string.h>

int
run_messages(const struct client_config *config)
{
	struct session session;
	int status = session_open(&session, config);

	for (char **message = config->messages; status == CLI_OK && *message != NULL; message++)
		status = session_say(&session, *message, strlen(*message));
	session_close(&session);
	return status;
}

int
run_connect_only(const struct client_config *config)
{
	struct session session;
	int status = session_open(&session, config);

	session_close(&session);
	return status;
}

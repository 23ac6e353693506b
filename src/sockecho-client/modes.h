/* modes.h - the modes of the client.  Each function runs one to its end and returns the exit
 * status. */
#ifndef CLIENT_MODES_H
#define CLIENT_MODES_H

#include "sockecho-client/config.h"

int run_messages(const struct client_config *config);
int run_stream(const struct client_config *config);
int run_prompt(const struct client_config *config);
int run_datagrams(const struct client_config *config);
int run_ping(const struct client_config *config);
int run_connect_only(const struct client_config *config);

#endif

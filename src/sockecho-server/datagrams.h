/* datagrams.h - the loop that answers datagrams. */
#ifndef SERVER_DATAGRAMS_H
#define SERVER_DATAGRAMS_H

#include "sockecho-server/config.h"

/* Serve until the end that the command line or a signal sets.  The exit status. */
int datagrams_serve(struct listener *listener, const struct server_config *config);

#endif

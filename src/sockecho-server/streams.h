/* streams.h - the event loop that serves connections. */
#ifndef SERVER_STREAMS_H
#define SERVER_STREAMS_H

#include "sockecho-server/config.h"

/* Serve until the end that the command line or a signal sets.  The exit status. */
int streams_serve(struct listener *listener, const struct server_config *config);

#endif

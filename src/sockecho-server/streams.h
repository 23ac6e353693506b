/* streams.h - serving connections. */
#ifndef SERVER_STREAMS_H
#define SERVER_STREAMS_H

#include "net/server.h"
#include "sockecho-server/config.h"

/* Everything that serving the listener takes: a server to run, or NULL and the failure. */
struct server *streams_open(
    struct listener *listener, const struct server_config *config, struct failure *failure);
/* Ends the connections that are left, too. */
void streams_close(struct server *server);

#endif

/* datagrams.h - answering datagrams. */
#ifndef SERVER_DATAGRAMS_H
#define SERVER_DATAGRAMS_H

#include "net/server.h"
#include "sockecho-server/config.h"

/* Everything that answering what comes to the listener takes: a server to run, or NULL and the
 * failure. */
struct server *datagrams_open(
    struct listener *listener, const struct server_config *config, struct failure *failure);
void datagrams_close(struct server *server);

#endif

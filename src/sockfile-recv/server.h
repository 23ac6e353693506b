/* server.h - connections whose first bytes have not come yet: raw or verified? */
#ifndef RECV_SERVER_H
#define RECV_SERVER_H

#include "sockfile-recv/config.h"
#include "sockfile-recv/target.h"

/* Announce the listener, and serve senders until all that is wanted has come.  Returns the exit
 * status. */
int receiver_serve(
    const struct recv_config *config, struct listener *listener, struct target *target);

/* The same, but connect to the sender; after a lost connection, connect again as --retry says. */
int receiver_connect(const struct recv_config *config, struct target *target);

#endif

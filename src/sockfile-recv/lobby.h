/* lobby.h - where callers wait until their first bytes say what they are. */
#ifndef RECV_LOBBY_H
#define RECV_LOBBY_H

#include "config.h"
#include "endsignal.h"

/* Take callers from the listener until the transfer is done.  The exit status. */
int lobby_serve(const struct recv_config *config, struct cli_listener *listener,
    struct target *target, struct cli_end_signals *signals);
/* The same for the one connection that there is. */
int lobby_serve_one(const struct recv_config *config, struct sku_sock *sock, struct target *target,
    struct cli_end_signals *signals);

#endif

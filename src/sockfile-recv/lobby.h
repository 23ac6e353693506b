/* lobby.h - where callers wait until their first bytes say what they are. */
#ifndef RECV_LOBBY_H
#define RECV_LOBBY_H

#include "run/signals.h"
#include "sockfile-recv/config.h"
#include "sockfile-recv/target.h"

/* Take callers from the listener until what is wanted has come.  The exit status. */
int lobby_serve(const struct recv_config *config, struct cli_listener *listener,
    struct target *target, struct cli_end_signals *signals);

/* The connections that we make: each is a caller; the next follows one that was lost, as --retry
 * says. */
struct lobby_dialler {
	/* Connect: 0 and the socket, or the error is reported and its status returned. */
	int (*dial)(void *arg, struct sku_sock *sock, bool again);
	void *arg;
};
int lobby_call(const struct recv_config *config, const struct lobby_dialler *dialler,
    struct target *target, struct cli_end_signals *signals);

#endif

/* server.h - where connections wait until their first bytes say what they are. */
#ifndef RECV_SERVER_H
#define RECV_SERVER_H

#include "sockfile-recv/config.h"
#include "sockfile-recv/target.h"

/* Announce the listener, and take senders from it until what is wanted has come.  The exit
 * status. */
int receiver_serve(
    const struct recv_config *config, struct listener *listener, struct target *target);

/* The same over the connections that we make, one after the other: the next follows one that was
 * lost, as --retry says. */
int receiver_connect(const struct recv_config *config, struct target *target);

#endif

/* connect.h - verified transfers to the one receiver that we connect to. */
#ifndef SEND_CONNECT_H
#define SEND_CONNECT_H

#include "sockfile-send/config.h"

/* Connect and send all FILEs; with --retry, connect again after a loss.  at_hand: there is one
 * FILE, and reading it cannot hang.  Returns the exit status. */
int verified_send(const struct send_config *config, bool at_hand);

#endif

/* connect.h - verified: to the one receiver that we connect to. */
#ifndef SEND_CONNECT_H
#define SEND_CONNECT_H

#include "sockfile-send/config.h"

/* Connect, and send all FILEs; with --retry over more connections than one.  at_hand: to read the
 * one FILE cannot hang.  The exit status. */
int verified_send(const struct send_config *config, bool at_hand);

#endif

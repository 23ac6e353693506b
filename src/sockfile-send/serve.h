/* serve.h - verified transfers to all receivers that come. */
#ifndef SEND_SERVE_H
#define SEND_SERVE_H

#include "sockfile-send/config.h"

/* Announce the open listener, and send to as many receivers as --connections says.  Returns the
 * exit status. */
int verified_serve(const struct send_config *config, struct listener *listener);

#endif

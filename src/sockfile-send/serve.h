/* serve.h - verified transfers: to the one receiver that we connect to, or to all that come. */
#ifndef SEND_SERVE_H
#define SEND_SERVE_H

#include "sockfile-send/config.h"

/* Connect and deliver, again after a lost connection as --retry says.  The exit status. */
int verified_send(const struct send_config *config);
/* Deliver to those that come, as --connections says.  The exit status. */
int verified_serve(const struct send_config *config, struct listener *listener);

#endif

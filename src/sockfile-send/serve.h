/* serve.h - verified: to all receivers that come. */
#ifndef SEND_SERVE_H
#define SEND_SERVE_H

#include "sockfile-send/config.h"

/* As --connections says; the listener is open, and announced here.  The exit status. */
int verified_serve(const struct send_config *config, struct listener *listener);

#endif

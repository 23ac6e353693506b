/* raw.h - the file's bytes and nothing else, to one receiver or to many at once. */
#ifndef SEND_RAW_H
#define SEND_RAW_H

#include "sockfile-send/config.h"
#include "sockfile-send/source.h"

/* To the one receiver at the other end of sock, which is closed.  The exit status. */
int raw_send(const struct send_config *config, struct source *source, struct sku_sock *sock);
/* To all that come, as --connections says; the listener is open, and announced here.  The exit
 * status. */
int raw_serve(const struct send_config *config, struct source *source, struct listener *listener);

#endif

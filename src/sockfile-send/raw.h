/* raw.h - the file's bytes and nothing else, to one receiver or to many at once. */
#ifndef SEND_RAW_H
#define SEND_RAW_H

#include "sockfile-send/config.h"
#include "sockfile-send/source.h"

/* Send to the one receiver at the other end of sock, and close sock.  Returns the exit status. */
int raw_send(const struct send_config *config, struct source *source, struct sku_sock *sock,
    const struct sku_address *peer);
/* Announce the open listener, and send to all receivers, as many as --connections says.  Returns
 * the exit status. */
int raw_serve(const struct send_config *config, struct source *source, struct listener *listener);

#endif

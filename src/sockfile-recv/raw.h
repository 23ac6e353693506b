/* raw.h - a raw stream: whatever comes, to its end. */
#ifndef RECV_RAW_H
#define RECV_RAW_H

#include "run/failure.h"
#include "run/wait_context.h"
#include "sockfile-recv/config.h"
#include "sockfile-recv/incoming.h"

/* Take the stream of the connection to its end into the target and give the target its name: 0, and
 * the connection is closed in order; or a failure, and it is reset. */
int raw_receive(const struct recv_config *config, struct incoming *incoming, struct target *target,
    const struct wait_context *waits, struct failure *failure);

#endif

/* bulk.h - many look-ups at once, printed in order, in bounded memory and bounded time. */
#ifndef HOSTLOOKUP_BULK_H
#define HOSTLOOKUP_BULK_H

#include "hostlookup/config.h"
#include "run/failure.h"

/* Look all names up and print the answers.  Returns the highest of their statuses, or -1 and the
 * failure. */
int bulk_run(const struct host_config *config, struct failure *failure);

#endif

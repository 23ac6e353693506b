/* bulk.h - many look-ups at once, printed in order, in bounded memory and bounded time. */
#ifndef HOSTLOOKUP_BULK_H
#define HOSTLOOKUP_BULK_H

#include "hostlookup/config.h"

/* Look all names up and print the answers: the highest of their statuses. */
int bulk_run(const struct host_config *config);

#endif

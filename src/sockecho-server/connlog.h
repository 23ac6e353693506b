/* connlog.h - what is told about each connection: lines with --verbose, events with --json. */
#ifndef SERVER_CONNLOG_H
#define SERVER_CONNLOG_H

#include "connection.h"

void log_accepted(const struct sku_address *peer);
/* why: "refused" by a rule. */
void log_refused(const struct sku_address *peer);
/* reason: a word for scripts (ended, reset, timed_out, …); errnum 0: none. */
void log_closed(const struct connection *c, const char *reason, int errnum, int64_t now);

#endif

/* connection_log.h - reports on each connection: lines with --verbose, events with --json. */
#ifndef SERVER_CONNECTION_LOG_H
#define SERVER_CONNECTION_LOG_H

#include "sockecho-server/connection.h"

/* reason: one of the words that sockutils(7) lists; errnum: why it was lost, or 0. */
void log_closed(const struct connection *c, const char *reason, int errnum, int64_t now);

#endif

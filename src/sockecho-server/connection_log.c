/* connection_log.c - reports on each connection: lines with --verbose, events with --json.
 * Row tool. */
#include "sockecho-server/connection_log.h"

#include "run/event.h"

#include <stdio.h>
#include <string.h>

void
log_closed(const struct connection *c, const char *reason, int errnum, int64_t now)
{
	char why[100] = "";

	if (errnum != 0)
		(void)snprintf(why, sizeof(why), ": %s", strerror(errnum));
	EVENT("closed", 1,
	    "{peer}: closed: {reason}{why}; {bytes_in} bytes in, {bytes_out} bytes out, {seconds} "
	    "s",
	    EVENT_PEER(&c->peer), EVENT_NUMBER("bytes_in", c->flow.bytes_in),
	    EVENT_NUMBER("bytes_out", c->flow.bytes_out),
	    EVENT_SECONDS("seconds", now - c->started_ns), EVENT_TEXT("reason", reason),
	    EVENT_REMARK("why", why));
}

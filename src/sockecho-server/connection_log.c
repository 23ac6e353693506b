/* connection_log.c - what is told about each connection: lines with --verbose, events with --json.
 * Row tool. */
#include "sockecho-server/connection_log.h"

#include "run/event.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"

#include <inttypes.h>
#include <string.h>

void
log_closed(const struct connection *c, const char *reason, int errnum, int64_t now)
{
	char text[PEER_TEXT_MAX];

	if (run.json) {
		json_t *record = event_new("closed");

		peer_json(record, &c->peer);
		event_number(record, "bytes_in", c->flow.bytes_in);
		event_number(record, "bytes_out", c->flow.bytes_out);
		event_seconds(record, "seconds", now - c->started_ns);
		event_add(record, "reason", json_string(reason));
		event_emit(record);
	}
	if (run.verbose > 0)
		msg_verbose(1,
		    "%s: closed: %s%s%s; %" PRIu64 " bytes in, %" PRIu64 " bytes out, %.3f s",
		    peer_text(&c->peer, text), reason, errnum != 0 ? ": " : "",
		    errnum != 0 ? strerror(errnum) : "", c->flow.bytes_in, c->flow.bytes_out,
		    (double)(now - c->started_ns) / 1e9);
}

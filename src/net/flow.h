/* flow.h - bytes from one socket to another, or back to the one that they came from.
 *
 * An idle flow holds no buffer: what one recv brought is sent at once from a buffer that all flows
 * share.  The flow keeps only what finds no room or must wait, and meanwhile reads no more than
 * fits into the buffer.  The caller owns the sockets: it watches them for what the flow wants, and
 * closes them. */
#ifndef NET_FLOW_H
#define NET_FLOW_H

#include "libsockutil/sockutil.h"
#include "net/faults.h"

/* Bytes that were read and wait to be sent. */
struct flow_rest;

struct flow {
	struct sku_sock *from, *to; /* non-blocking */
	struct fault_state *faults; /* NULL: none */
	struct flow_rest *last; /* last of a ring, which leads to the first; NULL: there is none */
	uint64_t bytes_in, bytes_out;
	bool ended;   /* the stream of from has ended */
	bool stopped; /* from is not read any more */
	bool blocked; /* to has no room */
	bool over;    /* it has ended or was stopped, and to has all of it */
};

/* What all flows share. */
struct flow_buffer {
	char *bytes;
	size_t size; /* at least 1 */
	/* Called with what came, which it may change; NULL: nothing is called. */
	void (*pass)(char *bytes, size_t len);
};

/* What the caller must do after something happened to a flow. */
enum flow_next {
	FLOW_CONTINUES, /* go on; once all flows between the sockets are over, they are done */
	FLOW_CLOSE,	/* faults: close both in order */
	FLOW_RESET,	/* faults: reset both */
	FLOW_LOST,	/* one of the sockets failed: errno says why */
	FLOW_NO_MEMORY,
};

/* Start a flow.  faults stay the caller's.  Returns 0, or -1 if out of memory.  Call flow_free() in
 * both cases. */
int flow_init(
    struct flow *flow, struct sku_sock *from, struct sku_sock *to, const struct faults *faults);
void flow_free(struct flow *flow);

/* Call it when from can be read.  If to is another socket, the end of from is passed on once all is
 * sent. */
enum flow_next flow_readable(struct flow *flow, const struct flow_buffer *buffer, int64_t now);
/* Call it when to has room, when flow_deadline() has come, and at the beginning. */
enum flow_next flow_advance(struct flow *flow, int64_t now);
/* Stop reading from; what was read is still sent.  from may have unread bytes: discard them before
 * from is closed (net/closing.h). */
enum flow_next flow_stop(struct flow *flow, int64_t now);

/* Must from be watched for input?  (to must be watched for room if flow->blocked.)  Inline, as is
 * the next one: they are called after each event. */
static inline bool
flow_wants_input(const struct flow *flow, const struct flow_buffer *buffer)
{
	size_t most = flow->faults != NULL ? buffer->size : 1;

	return !flow->ended && !flow->stopped && flow->bytes_in - flow->bytes_out < most;
}

/* Does it wait because of its faults, and not for a peer? */
static inline bool
flow_is_holding_back(const struct flow *flow)
{
	return flow->last != NULL && !flow->blocked;
}

/* Until when the faults make it wait; INT64_MAX: they do not. */
int64_t flow_deadline(const struct flow *flow);

#endif

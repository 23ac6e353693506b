/* flow.h - bytes from one socket to another, or back to the one that they came from.
 *
 * An idle flow holds no buffer: what one recv brought is sent at once from the buffer that all
 * flows share.  Only a rest that finds no room, or must wait, is kept, and while it is, no more is
 * read than the buffer has room for.  The sockets are the caller's: it looks for what the flow
 * wants, and closes them. */
#ifndef NET_FLOW_H
#define NET_FLOW_H

#include "libsockutil/sockutil.h"
#include "net/faults.h"

/* Bytes that were read and wait to be sent. */
struct flow_rest;

struct flow {
	struct sku_sock *from, *to; /* they do not block */
	struct fault_state *faults; /* NULL: none */
	struct flow_rest *last; /* of a ring: the first one comes after it; NULL: there is none */
	uint64_t bytes_in, bytes_out;
	bool ended;   /* from sends no more */
	bool stopped; /* from is not read any more, whatever it sends */
	bool blocked; /* to has no room */
	bool over;    /* it has ended or was stopped, and to has all of it */
};

/* What all flows share. */
struct flow_buffer {
	char *bytes;
	size_t size; /* at least 1 */
	/* Sees what came, and may change it; NULL: nobody does. */
	void (*pass)(char *bytes, size_t len);
};

/* What the caller must do after something happened to a flow. */
enum flow_next {
	FLOW_CONTINUES, /* go on; nothing, once all flows between the sockets are over */
	FLOW_CLOSE,	/* faults: close both in order */
	FLOW_RESET,	/* faults: reset both */
	FLOW_LOST,	/* one of the sockets failed: errno says why */
	FLOW_NO_MEMORY,
};

/* faults stay the caller's.  0, or -1 without memory.  Free it in both cases. */
int flow_init(
    struct flow *flow, struct sku_sock *from, struct sku_sock *to, const struct faults *faults);
void flow_free(struct flow *flow);

/* from can be read.  Its end is passed on as soon as all is sent, where to is another socket. */
enum flow_next flow_readable(struct flow *flow, const struct flow_buffer *buffer, int64_t now);
/* to has room, or the instant of flow_deadline() has come, or nothing was said yet. */
enum flow_next flow_advance(struct flow *flow, int64_t now);
/* No more is read: what was goes on its way.  from may have more to be read: who closes it then
 * must discard that first (net/closing.h). */
enum flow_next flow_stop(struct flow *flow, int64_t now);

/* Shall from be read?  Shall to be waited for until it has room: flow->blocked.  It is asked after
 * each event, as is the next one. */
static inline bool
flow_wants_input(const struct flow *flow, const struct flow_buffer *buffer)
{
	size_t most = flow->faults != NULL ? buffer->size : 1;

	return !flow->ended && !flow->stopped && flow->bytes_in - flow->bytes_out < most;
}

/* Does it wait on purpose, and not for a peer? */
static inline bool
flow_is_holding_back(const struct flow *flow)
{
	return flow->last != NULL && !flow->blocked;
}

/* Until when; INT64_MAX: it does not. */
int64_t flow_deadline(const struct flow *flow);

#endif

/* probe.h - one try of a TARGET: connect, say TEXT, hear TEXT, and stay connected. */
#ifndef SOCKWAIT_PROBE_H
#define SOCKWAIT_PROBE_H

#include "net/connect.h"
#include "net/endpoint.h"
#include "run/failure.h"
#include "run/loop.h"
#include "sockwait/text.h"

/* What every try is about.  It stays as it is. */
struct probe_options {
	struct connect_options connect; /* its limit is that of a try, but for steady_ns */
	struct text send, match;	/* len 0: none */
	int64_t steady_ns;		/* 0: it need not stay open */
};

#define PROBE_SAID_MAX 60 /* bytes of what came instead of match, for the message */
#define PROBE_TEXT_MAX (4 * PROBE_SAID_MAX + 100)

struct probe {
	/* The TARGET answers, or does not, and why.  Called once, in the loop. */
	void (*done)(struct probe *probe, const struct failure *failure);
	const struct probe_options *options;
	const struct endpoint *endpoint;

	/* The probe's. */
	struct loop *loop;
	struct connector connector;
	struct sku_sock sock;
	struct sku_address peer;
	struct loop_io io;
	struct loop_timer timer;
	int64_t begun_ns, connected_ns;
	size_t sent, matched;
	char said[PROBE_SAID_MAX];
	size_t said_len;
};

/* Begin.  done, options and endpoint are set, the rest is zero.  done() is called by the loop, not
 * before this returns.  0, or -1 with errno.  End it in both cases. */
int probe_start(struct loop *loop, struct probe *probe);
/* What is still to come from a service that has accepted: "" before that. */
void probe_describe(const struct probe *probe, char *text, size_t size);
/* End it at any time: the peer sees the end of the stream, or else a reset.  done() is not called
 * any more. */
void probe_end(struct probe *probe, bool orderly);

#endif

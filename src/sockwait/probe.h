/* probe.h - one try of a TARGET: connect, send TEXT, wait for TEXT, and stay connected. */
#ifndef SOCKWAIT_PROBE_H
#define SOCKWAIT_PROBE_H

#include "net/connect.h"
#include "net/endpoint.h"
#include "run/failure.h"
#include "run/loop.h"
#include "sockwait/text.h"

/* What each try does; it does not change. */
struct probe_options {
	struct connect_options connect; /* its limit is that of a try, without steady_ns */
	struct text send, match;	/* len 0: none */
	int64_t steady_ns;		/* 0: it need not stay connected */
};

#define PROBE_SAID_MAX 60 /* bytes of what came instead of match, for the message */
#define PROBE_TEXT_MAX (4 * PROBE_SAID_MAX + 100)

struct probe {
	/* The TARGET answers (failure NULL), or does not, and why.  Called once, in the loop. */
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

/* Start.  done, options and endpoint are set, the rest is zero.  The loop calls done(), but not
 * before this returns.  Returns 0, or -1 with errno.  Call probe_end() in both cases. */
int probe_start(struct loop *loop, struct probe *probe);
/* Describe what is missing from a service that has accepted; "" before that. */
void probe_describe(const struct probe *probe, char *text, size_t size);
/* End the probe at any time, in order or by a reset.  done() is not called any more. */
void probe_end(struct probe *probe, bool orderly);

#endif

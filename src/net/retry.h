/* retry.h - --wait: try again until it succeeds or the time is up. */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "libsockutil/sockutil.h"
#include "run/failure.h"

struct retry {
	bool wanted;		      /* else there is one try */
	int64_t wait_ns;	      /* --wait */
	struct sku_deadline until;    /* the time is up: --wait or --max-time */
	struct sku_deadline next_at;  /* no try before */
	struct sku_deadline say_at;   /* no note before, what is waited for */
	struct sku_deadline count_at; /* nor before, with -v, how often it was tried */
	uint64_t tries;
	bool unsaid;	/* there is something to say */
	char said[200]; /* the reason that was said last */
};

/* The time runs from now on.  wait_ns is that of --wait; 0: there is none. */
void retry_begin(struct retry *retry, int64_t wait_ns);
/* The same from an instant on that has passed already. */
void retry_begin_at(struct retry *retry, int64_t wait_ns, int64_t at_ns);
/* A try begins: the next comes at least 50 ms later. */
void retry_try(struct retry *retry);
/* The try failed as failure says.  True: try again at next_at, and *last is that failure.  False:
 * *last is what to report, as it is or because the time is up.  *last is empty before the first
 * try. */
bool retry_again(struct retry *retry, struct failure *last, const struct failure *failure);
/* The time is up before the next try: *last says so. */
void retry_time_is_up(struct failure *last);
/* Say what is waited for, once half a second has passed, and what has changed since it was said.
 * action: what is tried. */
void retry_say(struct retry *retry, const struct failure *last, const char *action);
/* When there is something to say; never: there is nothing. */
struct sku_deadline retry_says_at(const struct retry *retry);

/* The same where nothing else is waited for: the try failed, and this is the pause after it.  0:
 * try again.  -1: *last is what to report, a signal among it. */
int retry_pause(struct retry *retry, struct failure *last, const struct failure *failure);

/* May another try succeed, because a peer may start, or a network or a name server may come back?
 */
bool failure_is_temporary(const struct failure *failure);

#endif

/* retry.h - --wait: try again until it succeeds or the time is up. */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "libsockutil/sockutil.h"
#include "run/failure.h"

struct retry {
	bool wanted;		      /* else there is one try */
	int64_t wait_ns;	      /* --wait */
	struct sku_deadline until;    /* when the time is up: --wait or --max-time */
	struct sku_deadline next_at;  /* no try before */
	struct sku_deadline say_at;   /* no note before, on what is waited for */
	struct sku_deadline count_at; /* with -v, no count of the tries before */
	uint64_t tries;
	bool unsaid;	/* there is something to report */
	char said[200]; /* the reason that was reported last */
};

/* Start the time, wait_ns of --wait.  0: without --wait, there is one try. */
void retry_begin(struct retry *retry, int64_t wait_ns);
/* The same, but the time started at an earlier instant. */
void retry_begin_at(struct retry *retry, int64_t wait_ns, int64_t at_ns);
/* Call it when a try begins: the next comes at least 50 ms later. */
void retry_try(struct retry *retry);
/* Call it when a try has failed.  True: try again at next_at; *last is that failure.  False: report
 * *last, which may say that the time is up.  *last is empty before the first try. */
bool retry_again(struct retry *retry, struct failure *last, const struct failure *failure);
/* The part of it for a caller that decides itself: another try follows this failure, which is to be
 * reported if the reason is a new one. */
void retry_failed(struct retry *retry, const struct failure *failure);
/* The time is up before the next try: change *last to say so. */
void retry_time_is_up(struct failure *last);
/* Report what is waited for, once half a second has passed, and again when the reason has changed.
 * action: what is tried. */
void retry_say(struct retry *retry, const struct failure *last, const char *action);
/* When retry_say() will have something to report; never: it has nothing. */
struct sku_deadline retry_says_at(const struct retry *retry);

/* The same for a caller that waits for nothing else: the try failed, so report and wait for
 * next_at. 0: try again.  -1: report *last, which may be a signal. */
int retry_pause(struct retry *retry, struct failure *last, const struct failure *failure);

/* May another try succeed, because a peer may start, or a network or a name server may come back?
 */
bool failure_is_temporary(const struct failure *failure);

#endif

/* targets.h - what is waited for: HOST:PORT, [V6]:PORT, a UNIX path or @NAME. */
#ifndef SOCKWAIT_TARGETS_H
#define SOCKWAIT_TARGETS_H

#include "net/endpoint.h"
#include "run/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum target_state {
	TARGET_WAITED_FOR,
	TARGET_DONE,	 /* it is there, or gone: what was asked for */
	TARGET_GIVEN_UP, /* it can never be, and that was reported */
};

/* A TARGET, as one of those that were typed. */
struct target {
	char *text;	     /* as it was typed */
	char *place;	     /* what it means, in one spelling */
	bool is_again;	     /* the place was typed before: that TARGET stands for it */
	struct target *same; /* the next one of the same place, or NULL */
	bool needs_lookup;   /* HOST is a name */
	struct endpoint endpoint;

	/* The schedule's. */
	struct attempt *attempt; /* under way, or NULL */
	struct loop_timer timer; /* when the next one is due */
	struct target *next;	 /* in the queue of those whose try is due */
	uint64_t turn;		 /* there: who has a smaller one is tried before */
	int64_t begun_ns;	 /* when the last try began */
	int64_t interval_ns;	 /* from there to the next */
	uint64_t attempts;
	char *reason;	 /* what became of the last try; NULL: none has ended */
	char *progress;	 /* of the present one, once it was accepted; NULL: not asked for */
	bool is_untold;	 /* it has changed since it was told with -v */
	int64_t told_ns; /* when that was; 0: never */
	enum target_state state;
};

/* For messages: what a TARGET may be. */
#define TARGET_FORMS "HOST:PORT, [V6]:PORT, a UNIX path (it has a '/') or @NAME"

/* Parse a TARGET into an endpoint, which needs its text as long as it is used.  flags are those of
 * the options, without a kind of socket.  Returns 0, or -1 and the failure. */
int target_parse(struct endpoint *endpoint, const struct address_flags *flags, char *text,
    struct failure *failure);

/* Parse count operands into targets, which are all zero, and join those that mean the same place.
 * Returns 0, or -1 and the failure: misuse is STATUS_USAGE.  Free them in both cases. */
int targets_parse(struct target *targets, const struct address_flags *flags, char *const *operands,
    size_t count, struct failure *failure);
void targets_free(struct target *targets, size_t count);

#endif

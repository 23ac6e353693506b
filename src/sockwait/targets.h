/* targets.h - what is waited for: HOST:PORT, [V6]:PORT, a UNIX path or @NAME. */
#ifndef SOCKWAIT_TARGETS_H
#define SOCKWAIT_TARGETS_H

#include "net/endpoint.h"
#include "run/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum target_state {
	TARGET_WAITED_FOR,
	TARGET_DONE,	 /* it is there, or gone, as asked for */
	TARGET_GIVEN_UP, /* it can never be, which was reported */
};

/* A TARGET of the command line. */
struct target {
	char *text;	     /* as it was typed */
	char *place;	     /* the place that it means, in one spelling */
	bool is_again;	     /* another TARGET before it means the same place */
	struct target *same; /* the next TARGET of the same place, or NULL */
	bool needs_lookup;   /* HOST is a name */
	struct endpoint endpoint;

	/* The schedule's. */
	struct attempt *attempt;   /* the present try, or NULL */
	struct loop_timer timer;   /* when the next try is due */
	STAILQ_ENTRY(target) next; /* in its queue */
	uint64_t turn;		   /* its place in the queue: smaller ones are tried first */
	int64_t begun_ns;	   /* when the last try began */
	int64_t interval_ns;	   /* from that to the next */
	uint64_t attempts;
	char *reason;	 /* what became of the last try; NULL: none has ended */
	char *progress;	 /* of the present try, if it was accepted; NULL: none */
	bool is_untold;	 /* reason has changed since it was reported with -v */
	int64_t told_ns; /* when it was reported; 0: never */
	enum target_state state;
};

/* For messages: what a TARGET may be. */
#define TARGET_FORMS "HOST:PORT, [V6]:PORT, a UNIX path (it has a '/') or @NAME"

/* Parse a TARGET into an endpoint.  text must exist as long as endpoint is used.  flags are those
 * of the options, without a kind of socket.  Returns 0, or -1 and the failure. */
int target_parse(struct endpoint *endpoint, const struct address_flags *flags, char *text,
    struct failure *failure);

/* Parse count operands into targets, which are all zero, and join those that mean the same place.
 * Returns 0, or -1 and the failure; misuse is STATUS_USAGE.  Call targets_free() in both cases. */
int targets_parse(struct target *targets, const struct address_flags *flags, char *const *operands,
    size_t count, struct failure *failure);
void targets_free(struct target *targets, size_t count);

#endif

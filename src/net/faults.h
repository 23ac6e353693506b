/* faults.h - faults made on purpose in the bytes of a connection, to test other programs. */
#ifndef NET_FAULTS_H
#define NET_FAULTS_H

#include "run/rate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The faults that were asked for; many connections share one struct. */
struct faults {
	int64_t delay_ns;    /* how much later what came is passed on */
	int64_t limit_rate;  /* bytes a second, or UNLIMITED */
	int64_t close_after; /* bytes that were sent, or UNLIMITED */
	int64_t reset_after; /* the same; one of the two at most */
};

#define FAULTS_RATE_MAX (INT64_C(1) << 50) /* of limit_rate; the least is 1 */
#define FAULTS_INIT                                                                                \
	{                                                                                          \
		0, UNLIMITED, UNLIMITED, UNLIMITED                                                 \
	}

/* The state of the faults in one direction of one connection. */
struct fault_state {
	const struct faults *faults;
	struct rate rate;
};

/* How the faults end a direction. */
enum faults_end { FAULTS_NO_END, FAULTS_CLOSE, FAULTS_RESET };

/* Are there any faults? */
bool faults_any(const struct faults *faults);

/* Begin a direction.  faults stay the caller's.  Free the result with free(3).  NULL: out of
 * memory. */
struct fault_state *faults_begin(const struct faults *faults);
/* When bytes that came now may be passed on. */
int64_t faults_due(const struct fault_state *state, int64_t now);
/* How many of wanted bytes may be sent now, after sent bytes before. */
size_t faults_allowance(const struct fault_state *state, uint64_t sent, size_t wanted, int64_t now);
/* Account for n bytes that were sent now. */
void faults_account(struct fault_state *state, size_t n, int64_t now);
/* No bytes may be sent before this instant, which may have passed. */
int64_t faults_next_at(const struct fault_state *state);
/* Do the faults end the direction, now that sent bytes were sent? */
enum faults_end faults_end(const struct fault_state *state, uint64_t sent);

#endif

/* faults.h - what goes wrong on purpose with the bytes of a connection, for tests of others. */
#ifndef NET_FAULTS_H
#define NET_FAULTS_H

#include "run/rate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was asked for; many connections share one. */
struct faults {
	int64_t delay_ns;    /* what came is passed on that much later */
	int64_t limit_rate;  /* bytes a second, or UNLIMITED */
	int64_t close_after; /* bytes that were sent, or UNLIMITED */
	int64_t reset_after; /* the same; one of the two at most */
};

#define FAULTS_RATE_MAX (INT64_C(1) << 50) /* of limit_rate; the least is 1 */
#define FAULTS_INIT                                                                                \
	{                                                                                          \
		0, UNLIMITED, UNLIMITED, UNLIMITED                                                 \
	}

/* How far one direction of one connection has come in them. */
struct fault_state {
	const struct faults *faults;
	struct rate rate;
};

/* The end that they put to a direction. */
enum faults_end { FAULTS_NO_END, FAULTS_CLOSE, FAULTS_RESET };

/* Is there any? */
bool faults_any(const struct faults *faults);

/* Begin a direction.  faults stay the caller's.  NULL without memory; free() it. */
struct fault_state *faults_begin(const struct faults *faults);
/* When bytes that came now may be passed on. */
int64_t faults_due(const struct fault_state *state, int64_t now);
/* How many of wanted bytes may be sent now, where so many were sent before. */
size_t faults_allowance(const struct fault_state *state, uint64_t sent, size_t wanted, int64_t now);
/* Account for n bytes that were sent now. */
void faults_account(struct fault_state *state, size_t n, int64_t now);
/* No bytes may be sent before this instant, which may have passed. */
int64_t faults_next_at(const struct fault_state *state);
/* Is it over, now that so many bytes were sent? */
enum faults_end faults_end(const struct fault_state *state, uint64_t sent);

#endif

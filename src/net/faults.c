/* faults.c - faults made on purpose in the bytes of a connection, to test other programs.
 * Row net. */
#include "net/faults.h"

#include <stdlib.h>

bool
faults_any(const struct faults *faults)
{
	return faults->delay_ns > 0 || faults->limit_rate != UNLIMITED ||
	       faults->close_after != UNLIMITED || faults->reset_after != UNLIMITED;
}

struct fault_state *
faults_begin(const struct faults *faults)
{
	struct fault_state *state = malloc(sizeof(*state));

	if (state != NULL)
		*state = (struct fault_state){ faults, { faults->limit_rate, 0 } };
	return state;
}

int64_t
faults_due(const struct fault_state *state, int64_t now)
{
	return now + state->faults->delay_ns;
}

/* After how many bytes the direction ends. */
static int64_t
byte_limit(const struct faults *faults)
{
	return faults->close_after != UNLIMITED ? faults->close_after : faults->reset_after;
}

size_t
faults_allowance(const struct fault_state *state, uint64_t sent, size_t wanted, int64_t now)
{
	int64_t limit = byte_limit(state->faults);

	if (limit != UNLIMITED && wanted > (uint64_t)limit - sent)
		wanted = (size_t)((uint64_t)limit - sent);
	return rate_allowance(&state->rate, wanted, now);
}

void
faults_account(struct fault_state *state, size_t n, int64_t now)
{
	rate_account(&state->rate, n, now);
}

int64_t
faults_next_at(const struct fault_state *state)
{
	return state->rate.next_at_ns;
}

enum faults_end
faults_end(const struct fault_state *state, uint64_t sent)
{
	int64_t limit = byte_limit(state->faults);

	if (limit == UNLIMITED || sent < (uint64_t)limit)
		return FAULTS_NO_END;
	return state->faults->reset_after != UNLIMITED ? FAULTS_RESET : FAULTS_CLOSE;
}

/* expect.c - comparing replies with what was sent: --expect.
 * Row tool. */
#include "sockecho-client/expect.h"

#include "run/ascii.h"

#include <stdlib.h>
#include <string.h>

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

bool
expect_init(struct expect_state *e, enum expectation what)
{
	*e = (struct expect_state){ .what = what };
	if (what == EXPECT_ANY)
		return true;
	e->pending = malloc(EXPECT_WINDOW);
	return e->pending != NULL;
}

void
expect_free(struct expect_state *e)
{
	free(e->pending);
	e->pending = NULL;
}

size_t
expect_allowance(const struct expect_state *e)
{
	return e->what == EXPECT_ANY ? SIZE_MAX : EXPECT_WINDOW - (size_t)(e->sent - e->received);
}

void
expect_sent(struct expect_state *e, const char *bytes, size_t len)
{
	while (e->what != EXPECT_ANY && len > 0) {
		size_t at = (size_t)(e->sent % EXPECT_WINDOW);
		size_t n = smaller(len, EXPECT_WINDOW - at);

		memcpy(e->pending + at, bytes, n);
		if (e->what == EXPECT_UPPER)
			ascii_upper(e->pending + at, n);
		e->sent += n;
		bytes += n;
		len -= n;
	}
}

static size_t
first_difference(const char *a, const char *b, size_t len)
{
	size_t i = 0;

	while (i < len && a[i] == b[i])
		i++;
	return i;
}

bool
expect_received(struct expect_state *e, const char *bytes, size_t len)
{
	while (e->what != EXPECT_ANY && len > 0) {
		size_t at = (size_t)(e->received % EXPECT_WINDOW);
		size_t n =
		    smaller(smaller(len, EXPECT_WINDOW - at), (size_t)(e->sent - e->received));

		if (n == 0 || memcmp(e->pending + at, bytes, n) != 0) {
			e->differs_at = e->received + first_difference(e->pending + at, bytes, n);
			return false;
		}
		e->received += n;
		bytes += n;
		len -= n;
	}
	return true;
}

bool
expect_is_complete(const struct expect_state *e)
{
	return e->sent == e->received;
}

int64_t
expect_difference(
    enum expectation what, const char *sent, size_t sent_len, const char *reply, size_t reply_len)
{
	if (what == EXPECT_ANY)
		return -1;
	for (size_t i = 0; i < smaller(sent_len, reply_len); i++) {
		char pending = sent[i];

		if (what == EXPECT_UPPER)
			ascii_upper(&pending, 1);
		if (reply[i] != pending)
			return (int64_t)i;
	}
	return sent_len == reply_len ? -1 : (int64_t)smaller(sent_len, reply_len);
}

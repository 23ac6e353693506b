/* expect.h - what comes back, compared with what was sent. */
#ifndef CLIENT_EXPECT_H
#define CLIENT_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum expectation { EXPECT_ANY, EXPECT_ECHO, EXPECT_UPPER };

/* What the peer owes: the bytes sent that have not come back, at most EXPECT_WINDOW of them. */
#define EXPECT_WINDOW ((size_t)4 << 20)

struct expect_state {
	enum expectation what;
	char *pending; /* a ring; NULL with EXPECT_ANY */
	uint64_t sent, received;
	uint64_t differs_at; /* after expect_received() said no */
};

/* False without memory. */
bool expect_init(struct expect_state *e, enum expectation what);
void expect_free(struct expect_state *e);
/* How many more bytes may be sent before some must come back. */
size_t expect_allowance(const struct expect_state *e);
/* These were sent (at most expect_allowance() of them). */
void expect_sent(struct expect_state *e, const char *bytes, size_t len);
/* These came: are they what was owed? */
bool expect_received(struct expect_state *e, const char *bytes, size_t len);
/* Has everything come back?  (With EXPECT_ANY always.) */
bool expect_is_complete(const struct expect_state *e);

/* The whole at once: -1, or the first byte at which reply is not what sent calls for. */
int64_t expect_difference(
    enum expectation what, const char *sent, size_t sent_len, const char *reply, size_t reply_len);

#endif

/* expect.h - what comes back, compared with what was sent. */
#ifndef CLIENT_EXPECT_H
#define CLIENT_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum expectation { EXPECT_ANY, EXPECT_ECHO, EXPECT_UPPER };

/* What the peer owes: the bytes sent that have not come back, at most EXPECT_WINDOW of them. */
#define EXPECT_WINDOW ((size_t)4 << 20)

struct expecting {
	enum expectation what;
	char *owed; /* a ring; NULL with EXPECT_ANY */
	uint64_t sent, received;
	uint64_t differs_at; /* after expecting_received() said no */
};

/* False without memory. */
bool expecting_init(struct expecting *e, enum expectation what);
void expecting_free(struct expecting *e);
/* How many more bytes may be sent before some must come back. */
size_t expecting_room(const struct expecting *e);
/* These were sent (at most expecting_room() of them). */
void expecting_sent(struct expecting *e, const char *bytes, size_t len);
/* These came: are they what was owed? */
bool expecting_received(struct expecting *e, const char *bytes, size_t len);
/* Has everything come back?  (With EXPECT_ANY always.) */
bool expecting_is_settled(const struct expecting *e);

/* The whole at once: -1, or the first byte at which reply is not what sent calls for. */
int64_t expect_difference(
    enum expectation what, const char *sent, size_t sent_len, const char *reply, size_t reply_len);

#endif

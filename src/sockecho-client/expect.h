/* expect.h - comparing replies with what was sent: --expect. */
#ifndef CLIENT_EXPECT_H
#define CLIENT_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum expectation { EXPECT_ANY, EXPECT_ECHO, EXPECT_UPPER };

/* At most so many bytes of the expected reply are kept. */
#define EXPECT_WINDOW ((size_t)4 << 20)

struct expect_state {
	enum expectation what;
	char *pending; /* ring buffer of the expected reply; NULL with EXPECT_ANY */
	uint64_t sent, received;
	uint64_t differs_at; /* the offset of the difference, if expect_received() found one */
};

/* Returns false when there is no memory.  Free it with expect_free(). */
bool expect_init(struct expect_state *e, enum expectation what);
void expect_free(struct expect_state *e);
/* How many bytes may be sent before more of the reply has to arrive. */
size_t expect_allowance(const struct expect_state *e);
/* Record len bytes that were sent, at most expect_allowance(). */
void expect_sent(struct expect_state *e, const char *bytes, size_t len);
/* Check len bytes that were received.  Returns false if they differ from the expected reply. */
bool expect_received(struct expect_state *e, const char *bytes, size_t len);
/* Has the whole reply arrived?  Always true with EXPECT_ANY. */
bool expect_is_complete(const struct expect_state *e);

/* Compare a whole message with its whole reply.  Returns the offset of the first byte that differs,
 * or -1. */
int64_t expect_difference(
    enum expectation what, const char *sent, size_t sent_len, const char *reply, size_t reply_len);

#endif

/* session.h - a connection and the words for what happens to it. */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "run/peer.h"
#include "run/state.h"
#include "sockecho-client/config.h"

struct session {
	const struct client_config *config;
	struct sku_sock sock; /* non-blocking; the waits are ours */
	char peer[CLI_PEER_TEXT_MAX];
};

/* What SIGUSR1 prints. */
struct session_counters {
	cli_counter bytes_out, bytes_in, messages, replies, lost;
};
extern struct session_counters session_counters;
void session_count_on_sigusr1(void);

/* Connect, set the options, say who talks to whom (--verbose, --json): 0, or the error is reported
 * and its status returned.  Close with session_close(). */
int session_open(struct session *session, const struct client_config *config);
/* The same for a socket that is open already (--fd, datagrams). */
int session_adopt(
    struct session *session, const struct client_config *config, struct sku_sock *sock);
void session_close(struct session *session);

/* Wait for events on the socket, within --timeout and --max-time: 0, or the error ("receive from
 * …: timed out") is reported and its status returned. */
int session_wait(const struct session *session, short events);
/* The peer did that: report it, return the status. */
int session_failed(const struct session *session, const char *doing, int errnum);
int session_closed_early(const struct session *session, const char *before);
/* Nothing, or a limit that passed: of an operation that would have had to wait. */
int session_timed_out(const struct session *session, const char *doing);

/* Send all of message and receive as many bytes, both at once; print the reply, check it as
 * --expect says: 0, or the error is reported and its status returned. */
int session_say(struct session *session, const char *message, size_t len);

/* A reply as a result: a line, escaped on a terminal, or with --json the event `reply`. */
int session_print_reply(const char *reply, size_t len);
/* Compare as --expect says: 0, or 5 and the error is reported. */
int session_check_reply(const struct session *session, const char *message, size_t len,
    const char *reply, size_t reply_len);

#endif

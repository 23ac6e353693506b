/* peer.h - a connection to the server, and messages about what happens to it. */
#ifndef CLIENT_PEER_H
#define CLIENT_PEER_H

#include "run/failure.h"
#include "run/peer.h"
#include "run/state.h"
#include "sockecho-client/config.h"

struct peer_connection {
	const struct client_config *config;
	struct sku_sock sock; /* non-blocking; waits are done here */
	struct keepalive keepalive;
	struct sku_address address; /* of the peer */
	char name[PEER_TEXT_MAX];   /* that of peer_name(); "": it has not been asked for */
};

/* What SIGUSR1 prints. */
struct peer_counters {
	state_counter bytes_out, bytes_in, messages, replies, lost;
};
extern struct peer_counters peer_counters;
void peer_count_on_sigusr1(void);

/* A function that can fail returns 0, or -1 and the failure. */

/* Connect, set the options, and report both ends (--verbose, --json).  Close with peer_close(). */
int peer_open(struct peer_connection *connection, const struct client_config *config,
    struct failure *failure);
/* Set the options of a socket that is open already (--fd, datagrams).  peer is its peer for
 * messages; NULL: what getpeername(2) says.  The connection takes over the socket, also on a
 * failure. */
int peer_use_socket(struct peer_connection *connection, const struct client_config *config,
    struct sku_sock *sock, const struct sku_address *peer, struct failure *failure);
/* The peer, for messages: its address as text. */
const char *peer_name(struct peer_connection *connection);
/* Report both ends of the connection (--verbose, --json). */
void peer_introduce(const struct peer_connection *connection);
void peer_close(struct peer_connection *connection);

/* The pause between two calls of peer_check(), in ns; SKU_NO_TIMEOUT: no calls. */
int64_t peer_check_interval(const struct client_config *config);
/* Is the peer still there, as far as --keepalive can tell? */
int peer_check(
    struct peer_connection *connection, const char *action, int64_t now, struct failure *failure);
/* For datagrams: this address refuses, so that another one may be asked. */
bool peer_is_refusal(int errnum);

/* Fill the failure: what the peer did.  Each returns -1. */
int peer_failed(
    struct peer_connection *connection, const char *action, int errnum, struct failure *failure);
int peer_closed_early(
    struct peer_connection *connection, const char *before, struct failure *failure);
int peer_differs_at(struct peer_connection *connection, uint64_t offset, struct failure *failure);
/* Fill the failure: sending failed with errnum.  If the peer had closed in order, it closed before
 * `before`. */
int peer_send_failed(
    struct peer_connection *connection, int errnum, const char *before, struct failure *failure);
/* Fill the failure: the wait for the peer ended with errnum (ETIMEDOUT: --timeout or --max-
 * time). */
int peer_wait_failed(
    struct peer_connection *connection, const char *action, int errnum, struct failure *failure);

/* Send all of message and receive as many bytes, both at once; print the reply and check it as
 * --expect says. */
int peer_exchange_message(
    struct peer_connection *connection, const char *message, size_t len, struct failure *failure);
/* Print a reply as a result: a line, escaped on a terminal, or with --json the event `reply`. */
int peer_print_reply(const char *reply, size_t len, struct failure *failure);
/* Compare as --expect says. */
int peer_check_reply(struct peer_connection *connection, const char *message, size_t len,
    const char *reply, size_t reply_len, struct failure *failure);

#endif

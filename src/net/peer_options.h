/* peer_options.h - how a transfer comes to its peer: it connects, or it listens. */
#ifndef NET_PEER_OPTIONS_H
#define NET_PEER_OPTIONS_H

#include "net/connect.h"
#include "net/listen.h"
#include "run/signals.h"
#include "run/timeouts.h"

struct transfer_link {
	bool listening;
	struct cli_address_flags address;
	struct cli_dial dial;
	struct cli_listen listen;
	struct cli_limits limits;
	struct cli_endpoint endpoint;
};

#define TRANSFER_LINK_INIT                                                                         \
	{                                                                                          \
		.dial = CLI_DIAL_INIT, .listen = CLI_LISTEN_INIT, .limits = CLI_LIMITS_INIT        \
	}

/* Modes that the options below ask for; a program's own begin at LINK_MODES_END. */
enum {
	LINK_CONNECTS = 1,
	LINK_CONNECTS_INET = 2,
	LINK_LISTENS = 4,
	LINK_LISTENS_INET = 8,
	LINK_INET = 16,
	LINK_TCP = 32,
	LINK_MODES_END = 64,
};

/* connects: what makes the program connect, for the messages ("is about connecting: …"). */
#define TRANSFER_LINK_OPTIONS(connects, listens)                                                   \
	CLI_ADDRESS_OPTIONS(LINK_INET, LINK_TCP), CLI_FD_OPTION, CLI_GROUP("Connecting"),          \
	    CLI_DIAL_OPTIONS(                                                                      \
		LINK_CONNECTS, connects, LINK_CONNECTS_INET, "is about connecting over IP"),       \
	    CLI_GROUP("Listening"),                                                                \
	    CLI_LISTEN_OPTIONS(LINK_LISTENS, listens, LINK_LISTENS_INET,                           \
		"is about listening over IP", LINK_LISTENS, listens)

/* Takes the options above, --timeout and --max-time: false for any other. */
bool transfer_link_option(struct transfer_link *link, int id, const char *value);

/* After the command line: does an open socket (--fd, LISTEN_FDS) stand in the place of address
 * operands?  To be asked once link->listening is known. */
bool transfer_link_is_open(struct transfer_link *link);
/* Take the address operands, check what does not go together, and return the modes.  Misuse ends
 * the program with status 2. */
unsigned transfer_link_finish(struct transfer_link *link, const struct cli_parser *parser,
    const char *const *operands, size_t count);
/* --retry was given: there must be a way to another connection. */
void transfer_link_check_retry(const struct transfer_link *link);
/* Open the listener, listen to signals, and say where (cli_listener_announce()): 0, or the error is
 * reported and its status returned.  Close it with cli_listener_close() in both cases. */
int transfer_link_listen(const struct transfer_link *link, struct cli_listener *listener,
    struct cli_end_signals *signals);

#endif

/* peer_options.h - how a file transfer gets to its peer: it connects, or it listens. */
#ifndef NET_PEER_OPTIONS_H
#define NET_PEER_OPTIONS_H

#include "net/connect.h"
#include "net/listen.h"
#include "run/timeouts.h"

struct peer_options {
	bool listening;
	struct address_flags address;
	struct connect_options connect;
	struct listen_options listen;
	struct endpoint endpoint;
};

#define PEER_OPTIONS_INIT                                                                          \
	{                                                                                          \
		.connect = CONNECT_OPTIONS_INIT, .listen = LISTEN_OPTIONS_INIT                     \
	}

/* The modes in which the options below have a meaning.  A program's own modes begin at
 * MODES_END. */
enum {
	MODE_CONNECTS = 1,
	MODE_CONNECTS_INET = 2,
	MODE_LISTENS = 4,
	MODE_LISTENS_INET = 8,
	MODE_INET = 16,
	MODE_TCP = 32,
	MODES_END = 64,
};

/* connects, listens: text for the usage errors, which says what makes the program connect or
 * listen. */
#define PEER_OPTION_ROWS(connects, listens)                                                        \
	ADDRESS_OPTION_ROWS(MODE_INET, MODE_TCP), FD_OPTION_ROW, OPTION_GROUP("Connecting"),       \
	    CONNECT_OPTION_ROWS_WITH("keep trying to connect, or to listen, for that long; none",  \
		MODE_CONNECTS, connects, MODE_CONNECTS_INET, "is about connecting over IP"),       \
	    OPTION_GROUP("Listening"),                                                             \
	    LISTEN_OPTION_ROWS(MODE_LISTENS, listens, MODE_LISTENS_INET,                           \
		"is about listening over IP", MODE_LISTENS, listens)

/* Store one of the options above, --timeout or --max-time.  Returns false for any other option. */
bool peer_options_take_option(struct peer_options *options, int id, const char *value);

/* After the command line: does an open socket (--fd, LISTEN_FDS) replace the address operands?
 * options->listening must be known by then. */
bool peer_options_is_open(struct peer_options *options);
/* Parse the address operands, check which options exclude each other, and return the modes.  Misuse
 * ends the program with status 2. */
unsigned peer_options_finish(struct peer_options *options, const struct opt_parser *parser,
    const char *const *operands, size_t count);
/* With --retry: end the program with a usage error if the open socket is not listened on, since it
 * leads to no second connection. */
void peer_options_check_retry(const struct peer_options *options);
/* Catch signals and open the listener.  Returns 0, or reports the error and returns its status.
 * Close it with listener_close() in both cases.  listener_announce() comes once all is ready. */
int peer_options_open(const struct peer_options *options, struct listener *listener);

#endif

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

/* How to connect and how to listen, for a struct peer_options; --timeout is not among them. */
extern const struct option_row peer_options[];

/* After the command line: does an open socket (--fd, LISTEN_FDS) replace the address operands?
 * options->listening must be known by then. */
bool peer_options_is_open(struct peer_options *options);
/* Parse the address operands, check which options exclude each other, and return the modes.  Misuse
 * ends the program with status 2. */
uint32_t peer_options_finish(struct peer_options *options, char *const *operands, size_t count);
/* With --retry: end the program with a usage error if the open socket does not listen, since there
 * can be no second connection. */
void peer_options_check_retry(const struct peer_options *options);
/* Catch signals and open the listener.  Returns 0, or -1 and the failure.  Call listener_close() in
 * both cases, and listener_announce() once all is ready. */
int peer_options_open(
    const struct peer_options *options, struct listener *listener, struct failure *failure);

#endif

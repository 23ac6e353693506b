/* config.h - the command line of sockecho-client. */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include "net/connect.h"
#include "net/tcp_options.h"
#include "run/timeouts.h"
#include "sockecho-client/expect.h"

enum client_mode { MESSAGES, STREAM, PROMPT, DATAGRAMS, PING, CONNECT_ONLY };

struct client_config {
	enum client_mode mode;
	struct connect_options connect;
	struct endpoint endpoint;
	char **messages; /* ends with NULL; NULL: no MESSAGEs */
	enum expectation expect;
	struct tcp_options stream;
	bool alpha;
	bool no_shutdown;
	bool whole;
	/* for --ping */
	int64_t count; /* or UNLIMITED */
	int64_t interval_ns;
	size_t size;
	int64_t duration_ns; /* or UNLIMITED */
	int64_t clients;
	bool histogram;
};

/* Parse the command line.  messages points into argv.  Misuse ends the program with status 2. */
void config_parse(struct client_config *config, int argc, char **argv);

#endif

/* config.h - what the command line of sockecho-client says. */
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
	char **messages; /* ends with NULL; NULL: there are none */
	enum expectation expect;
	struct tcp_options stream;
	bool alpha;
	/* --ping */
	int64_t count; /* UNLIMITED */
	int64_t interval_ns;
	size_t size;
	int64_t duration_ns; /* UNLIMITED */
	int64_t clients;
	bool histogram;
};

/* Misuse ends the program with status 2. */
void config_parse(struct client_config *config, int argc, char **argv);

#endif

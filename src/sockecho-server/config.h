/* config.h - the command line of sockecho-server. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "net/fault_plan.h"
#include "net/listen.h"
#include "net/tcp_options.h"
#include "run/timeouts.h"

/* No limit for loopback, and a limit for other sources. */
#define SERVER_RATE_DEFAULT INT64_C(-2)

struct server_config {
	struct listen_options listen;
	struct endpoint endpoint;
	bool upper;
	int64_t connections; /* how many to serve, or UNLIMITED */
	int64_t max_clients; /* or UNLIMITED */
	struct tcp_options stream;
	/* deliberate faults */
	struct faults faults;
	int64_t reset_first; /* how many connections */
	const char *faults_file;
	struct fault_plan plan; /* made of these, or of the file's lines */
	int64_t drop;		/* millionths of the datagrams */
	uint64_t seed;
	/* for datagrams */
	int64_t rate; /* datagrams a second from one source, UNLIMITED or SERVER_RATE_DEFAULT */
	bool allow_reserved;
	/* for running in the background */
	bool daemon;
	const char *pidfile;
};

/* Parse the command line.  Misuse ends the program with status 2. */
void config_parse(struct server_config *config, int argc, char **argv);

#endif

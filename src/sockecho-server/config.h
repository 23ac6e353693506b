/* config.h - what the command line of sockecho-server says. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "net/listen.h"
#include "net/tcp_options.h"
#include "run/timeouts.h"

struct server_config {
	struct listen_options listen;
	struct endpoint endpoint;
	bool upper;
	int64_t connections; /* UNLIMITED, or how many to serve */
	int64_t max_clients; /* UNLIMITED */
	struct tcp_options stream;
	/* a misbehaving peer */
	int64_t delay_ns;
	int64_t limit_rate;  /* bytes a second; UNLIMITED */
	int64_t close_after; /* bytes sent; UNLIMITED */
	int64_t reset_after;
	int64_t reset_first; /* connections */
	int64_t drop;	     /* millionths of the datagrams */
	uint64_t seed;
	/* datagrams */
	int64_t rate; /* a second and source; UNLIMITED: the default */
	bool allow_reserved;
	/* the background */
	bool daemon;
	const char *pidfile;
};

/* Misuse ends the program with status 2. */
void config_parse(struct server_config *config, int argc, char **argv);

#endif

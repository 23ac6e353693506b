/* serving.h - what is served: connections, or datagrams. */
#ifndef SERVER_SERVING_H
#define SERVER_SERVING_H

#include "net/server.h"
#include "sockecho-server/config.h"

struct serving {
	/* Everything that serving the listener takes: a server to run, or NULL and the failure. */
	struct server *(*open)(
	    struct listener *listener, const struct server_config *config, struct failure *failure);
	/* Ends what is left, too. */
	void (*close)(struct server *server);
};

extern const struct serving serving_streams, serving_datagrams;

#endif

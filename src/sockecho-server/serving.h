/* serving.h - what the server serves: connections or datagrams. */
#ifndef SERVER_SERVING_H
#define SERVER_SERVING_H

#include "net/server.h"
#include "sockecho-server/config.h"

struct serving {
	/* Prepare to serve the listener.  Returns a server to run, or NULL and the failure. */
	struct server *(*open)(
	    struct listener *listener, const struct server_config *config, struct failure *failure);
	/* End what is left, and free the server. */
	void (*close)(struct server *server);
};

extern const struct serving serving_streams, serving_datagrams;

#endif

/* session.h - verified: one connection, from its greeting to its goodbye. */
#ifndef RECV_SESSION_H
#define RECV_SESSION_H

#include "sockfile-recv/reception.h"

struct session_start {
	struct reception *reception;
	struct caller caller;
	bool connected; /* this end connected */
};

/* The whole of it, as a thread; arg is a struct session_start, which is freed. */
void session_run(void *arg);

#endif

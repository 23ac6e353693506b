/* receive_session.h - verified: one connection, from its greeting to its goodbye. */
#ifndef RECV_RECEIVE_SESSION_H
#define RECV_RECEIVE_SESSION_H

#include "sockfile-recv/sessions.h"

struct receive_session_start {
	struct session_table *table;
	struct incoming incoming;
	bool connected; /* this end connected */
};

/* The whole of it, as a thread; arg is a struct receive_session_start, which is freed. */
void receive_session_run(void *arg);

#endif

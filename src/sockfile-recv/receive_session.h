/* receive_session.h - verified: one connection, from its greeting to its goodbye. */
#ifndef RECV_RECEIVE_SESSION_H
#define RECV_RECEIVE_SESSION_H

#include "sockfile-recv/sessions.h"

/* The whole of it, in a thread; how it ended is in the session. */
void receive_session_run(struct session *session);

#endif

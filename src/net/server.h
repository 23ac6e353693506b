/* server.h - the life of a program with clients: which it accepts, how many, and until when.
 *
 * The program has the clients; the server counts them.  A program that connects has no listener,
 * and adds its clients itself, one at a time. */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "net/access.h"
#include "net/listen.h"
#include "run/failure.h"
#include "run/loop.h"

#define SERVER_UNLIMITED INT64_C(-1)

struct server {
	struct loop loop; /* the server sets its canceled */

	/* Set by the program before server_open(). */
	struct listener
	    *listener; /* open; a connection (--fd) is the one client; NULL: we connect */
	const struct access_list *access;
	int64_t max_clients; /* at once; SERVER_UNLIMITED */
	int64_t max_served;  /* in all */
	bool refuses_rest;   /* once max_served have come, refuse further clients */
	const char *action;  /* what it does, for the message of --max-time: "serve" */
	/* Fill the failure: --max-time has passed.  NULL: it is about the action. */
	void (*timed_out)(const struct server *server, struct failure *failure);
	/* Whatever may hang is in threads, or comes after a run_start_thread() of its own. */
	bool works_in_threads;
	/* How long clients may take to end.  signal_grace_ns: after SIGINT or SIGTERM, if they are
	 * the ordinary end.  limit_grace_ns: after --max-time, another signal, --accept-timeout or
	 * a failure of the listener.  0 ends at once, without finishing().  INT64_MAX waits for
	 * all; but after --max-time only for their last output (run_last_wait_end()), and not for a
	 * client whose file system hangs. */
	int64_t signal_grace_ns, limit_grace_ns;
	/* A client has come: the program takes over the socket, which has the default timeout. */
	void (*accepted)(
	    struct server *server, struct sku_sock *sock, const struct sku_address *peer);
	/* The access list refused a client.  NULL: only the event `refused` is logged. */
	void (*refused)(struct server *server);
	/* No client will come any more: end those that are there.  May be NULL. */
	void (*finishing)(struct server *server);
	/* May another client be accepted now?  NULL: as many as the numbers above say. */
	bool (*may_accept)(struct server *server);
	/* Is a client there that stops --accept-timeout?  NULL: every client does, and the time
	 * starts over when the last one leaves.  Otherwise only server_restart_idle() starts it
	 * over. With --accept-timeout 0, which does not block, every client does. */
	bool (*is_busy)(struct server *server);
	/* Datagrams: called to read them; NULL: a stream, which is accepted.  A datagram that is
	 * answered at once is no client: call server_count().  One that waits for an answer is one:
	 * call server_client_came(). */
	void (*readable)(struct server *server);

	/* The server's, for the program to read. */
	int64_t active, served;
	bool is_finishing;
	/* The server's. */
	struct loop_io listener_io;
	struct loop_timer pause, idle, finish;
	int64_t idle_since_ns;
	bool resting; /* out of descriptors or memory */
	bool rest_was_told;
	bool is_shut; /* the listener was shut on purpose */
	struct failure *failure;
};

/* Prepare the loop, before the socket is announced.  Returns 0, or -1 and the failure.  Call
 * server_close() in both cases. */
int server_open(struct server *server, struct failure *failure);
/* Run until the wanted clients are served, a limit passes, a signal comes or the listener fails.
 * Returns 0, or -1 and the failure.  The program must end those that are still active then. */
int server_run(struct server *server, struct failure *failure);
void server_close(struct server *server);

/* Add a client that was not accepted here: accepted() is called for it.  With a listener, log the
 * event `accepted`. */
void server_add(struct server *server, struct sku_sock *sock, const struct sku_address *peer);
/* A client without a socket of its own. */
void server_client_came(struct server *server);
/* A client is gone; counts: it was served.  Without a listener, the server ends with its last
 * client. */
void server_client_left(struct server *server, bool counts);
/* Count so many as served that were no clients. */
void server_count(struct server *server, int64_t served);
/* Pause: out of descriptors or memory.  The server goes on when a client leaves, or a little
 * later. */
void server_rest(struct server *server);
/* Start the time of --accept-timeout over. */
void server_restart_idle(struct server *server);
/* The answer of may_accept() has changed. */
void server_update(struct server *server);
/* Accept no more clients, and end when the last one has left. */
void server_finish(struct server *server);
/* End the server.  server_run() returns the failure. */
void server_fail(struct server *server, const struct failure *failure);

#endif

/* server.h - the life of a program with clients: whom it accepts, how many, and until when.
 *
 * The program that uses it has the clients; the server counts them.  One that connects has no
 * listener, and one client at a time, which it adds itself. */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "net/access.h"
#include "net/listen.h"
#include "run/failure.h"
#include "run/loop.h"

#define SERVER_UNLIMITED INT64_C(-1)

struct server {
	struct loop loop; /* its canceled is the server's */

	/* Set by the program before server_open(). */
	struct listener
	    *listener; /* open; a connection (--fd) is the one client; NULL: we connect */
	const struct access_list *access;
	int64_t max_clients; /* at once; SERVER_UNLIMITED */
	int64_t max_served;  /* in all */
	bool refuses_rest;   /* once max_served have come, who comes next is refused, and does not
				wait */
	const char *action;  /* what it does, for the message of --max-time: "serve" */
	/* Whatever may hang is in threads, or comes after a run_start_thread() of its own. */
	bool works_in_threads;
	/* How long clients may take to end, after SIGINT or SIGTERM where they are the ordinary
	 * end, and after --max-time, another signal, --accept-timeout or a listener that fails: 0
	 * ends at once, without finishing(); INT64_MAX waits for all, but after --max-time for
	 * their last words alone (run_last_wait_end()), and not for who is in a file system that
	 * hangs. */
	int64_t signal_grace_ns, limit_grace_ns;
	/* A client has come: the program takes the socket, which has the default timeout, over. */
	void (*accepted)(
	    struct server *server, struct sku_sock *sock, const struct sku_address *peer);
	/* One was turned away by the access list; NULL: that is the program's own event alone. */
	void (*refused)(struct server *server);
	/* Nobody else will come: bring the clients to their end; may be NULL. */
	void (*finishing)(struct server *server);
	/* May another one be accepted now?  NULL: as many as the numbers above say. */
	bool (*may_accept)(struct server *server);
	/* Is there what --accept-timeout waits for, so that it does not count?  NULL: every client
	 * is, and it begins anew when the client leaves.  Otherwise it begins anew by
	 * server_restart_idle() alone; with 0, which does not block, every client is. */
	bool (*is_busy)(struct server *server);
	/* Datagrams: they are read in place of accepting; NULL: a stream.  One that is answered
	 * at once is no client: server_count() is told.  Who waits for an answer is one:
	 * server_client_came(). */
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
	bool is_shut; /* the listener, on purpose */
	struct failure *failure;
};

/* Prepare the loop, before anybody is told that the socket is ready: 0, or -1 and the failure.
 * Close in both cases. */
int server_open(struct server *server, struct failure *failure);
/* Until the clients that were wanted are served, a limit passes, a signal comes or the listener
 * fails: 0, or -1 and the failure.  Those that are still active then are the program's to end. */
int server_run(struct server *server, struct failure *failure);
void server_close(struct server *server);

/* A client that was not accepted: accepted() is called for it. */
void server_add(struct server *server, struct sku_sock *sock, const struct sku_address *peer);
/* One that has no socket of its own. */
void server_client_came(struct server *server);
/* A client is gone; counts: it was served.  Without a listener, and without another client, the
 * server ends. */
void server_client_left(struct server *server, bool counts);
/* So many were served that were no clients. */
void server_count(struct server *server, int64_t served);
/* Out of what reading or accepting needs: it goes on when a client leaves, or a little later. */
void server_rest(struct server *server);
/* --accept-timeout begins anew. */
void server_restart_idle(struct server *server);
/* What may_accept() says has changed. */
void server_update(struct server *server);
/* Nobody else is wanted: it ends when the last client has left. */
void server_finish(struct server *server);
/* End it with that failure, which the server's caller gets. */
void server_fail(struct server *server, const struct failure *failure);

#endif

/* serve.c - verified transfers to all receivers that come.
 * Row tool.
 *
 * The loop of main accepts and draws; each receiver has a thread. */
#include "sockfile-send/serve.h"

#include "net/server.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/pool.h"
#include "run/run.h"
#include "run/wait.h"
#include "sockfile-send/send_session.h"
#include "transfer/channel.h"
#include "transfer/strangers.h"
#include "transfer/summary.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>

/* connections beyond --connections: a stranger is found out within 10 s */
#define EXTRA_CONNECTIONS INT64_C(512)
#define AT_ONCE INT64_C(1024)
/* Once all places are taken, connections that are not admitted yet make room, except so many of
 * them, and those that have only just come. */
#define NEWCOMERS 256
#define NEW SKU_SECOND
#define CROWD_PERIOD (50 * SKU_MS) /* between two looks at them */
#define OTHER_DESCRIPTORS 32	   /* that are no connection's */

struct send_server {
	struct server server;
	const struct send_config *config;
	struct pool *pool;
	int64_t places;	   /* for connections, however many --connections wants */
	int64_t newcomers; /* so many are not asked to make room */
	uint8_t id[WIRE_ID_SIZE];
	pthread_mutex_t lock;		  /* guards the next two, which the threads use */
	int64_t admitted;		  /* receivers that have the files now, or had them */
	bool closed;			  /* no further receiver is admitted */
	LIST_HEAD(, send_client) clients; /* the newest first */
	struct loop_timer crowd;	  /* there may be too many newcomers */
	int64_t retries_left;
	size_t next_reached; /* the furthest point that a lost receiver reached: FILE and offset */
	int64_t reached;
	int status;
	bool over;			/* the program ends with status */
	struct stranger_notes notes;	/* about strangers */
	struct stranger_notes failures; /* about transfers; the threads use it, too */
	struct progress progress;
};

struct send_client {
	struct send_server *server;
	struct loop_worker worker;
	struct sku_sock sock;
	struct sku_address peer;
	struct send_job job;
	struct failure failure;
	int64_t came_ns;
	bool is_shut;
	bool admitted; /* guarded by the server's lock */
	LIST_ENTRY(send_client) entry;
};

/* ---- in the thread of a receiver ----------------------------------------------------------- */

/* Admit as many receivers as --connections says, however many strangers come first. */
static bool
may_start(void *arg)
{
	struct send_client *client = arg;
	struct send_server *server = client->server;
	int64_t wanted = server->config->connections;

	(void)pthread_mutex_lock(&server->lock);
	client->admitted = !server->closed && (wanted == -1 || server->admitted < wanted);
	server->admitted += client->admitted;
	(void)pthread_mutex_unlock(&server->lock);
	return client->admitted;
}

static void
serve_client(struct loop_worker *worker)
{
	struct send_client *client = LOOP_OWNER(worker, struct send_client, worker);

	(void)send_session_run(&client->job, &client->sock, &client->peer, &client->failure);
}

/* ---- receivers come and go ----------------------------------------------------------------- */

static bool
is_only_client(const struct send_server *server)
{
	return server->server.listener->connected;
}

static bool
may_note(struct send_server *server, bool accepted)
{
	return strangers_may_note(
	    accepted ? &server->failures : &server->notes, server->server.loop.now);
}

static void
end_progress(struct send_server *server)
{
	progress_end(&server->progress, (int64_t)counter_value(&transfer_stats.bytes));
}

static void
remove_client(struct send_client *client)
{
	LIST_REMOVE(client, entry);
	sku_autoclose(&client->sock);
	counter_add_shared(&transfer_stats.connections, (uint64_t)-1);
	progress_set_paused(&client->server->progress, LIST_EMPTY(&client->server->clients));
	free(client);
}

/* Did the receiver begin further than any receiver before? */
static bool
has_gone_on(struct send_server *server, const struct send_job *job)
{
	bool further = job->next > server->next_reached ||
		       (job->next == server->next_reached && job->reached > server->reached);

	if (!further)
		return false;
	server->next_reached = job->next;
	server->reached = job->reached;
	return true;
}

static void
count_failure(struct send_server *server, struct send_client *client)
{
	struct failure *failure = &client->failure;
	char peer[PEER_TEXT_MAX];
	bool final = is_only_client(server) || client->job.local_failure ||
		     client->job.input_consumed || run_would_block(failure);

	if (client->is_shut && !client->job.accepted) {
		failure_clear(failure);
		(void)failure_set(failure, STATUS_NO_PEER, 0,
		    "the silent connection was closed to make room", "serve %s",
		    peer_text(&client->peer, peer));
	}
	if (server->over && !client->admitted)
		return; /* the program is ending: nothing to report */
	(void)pthread_mutex_lock(&server->lock);
	server->admitted -= client->admitted;
	(void)pthread_mutex_unlock(&server->lock);
	if (has_gone_on(server, &client->job))
		server->retries_left = server->config->retries;
	if (client->job.accepted && failure_is_connection_loss(failure) &&
	    server->config->retries != RETRIES_NOT_GIVEN && server->retries_left-- == 0)
		final = true;
	if (!final) {
		if (may_note(server, client->job.accepted))
			send_note_end(&client->job, &client->peer, failure);
		return;
	}
	end_progress(server); /* nothing is drawn after the error */
	server->status = send_report_end(&client->job, &client->peer, failure);
	server->over = true;
}

static void
client_done(struct loop *loop, struct loop_worker *worker)
{
	struct send_client *client = LOOP_OWNER(worker, struct send_client, worker);
	struct send_server *server = client->server;
	bool served = client->failure.status == STATUS_OK;

	(void)loop;
	if (client->job.accepted)
		server_restart_idle(&server->server);
	if (!served)
		count_failure(server, client);
	else if (client->job.status > server->status)
		server->status = client->job.status;
	if (served && server->server.served + 1 == server->config->connections)
		server->over = true;
	remove_client(client);
	if (server->over)
		server_finish(&server->server);
	server_client_left(&server->server, served);
}

static void
turn_away(struct send_server *server, struct sku_sock *sock, int errnum)
{
	struct failure failure;

	failure_clear(&failure);
	(void)sku_reset(sock);
	if (is_only_client(server)) {
		(void)failure_errno(&failure, errnum, "prepare to send");
		server_fail(&server->server, &failure);
	} else if (may_note(server, false)) {
		msg_note("refused a receiver: %s", strerror(errnum));
	}
	server_client_left(&server->server, false);
}

static bool
may_accept(struct server *base)
{
	const struct send_server *server = LOOP_OWNER(base, struct send_server, server);
	int64_t wanted = server->config->connections, left = wanted - base->served;

	return base->active < server->places &&
	       base->active < (wanted == -1 || left > AT_ONCE ? AT_ONCE : left) + EXTRA_CONNECTIONS;
}

/* Each connection may need a descriptor for a FILE, too, which no stranger may have then. */
static void
count_places(struct send_server *server)
{
	const int64_t most = AT_ONCE + EXTRA_CONNECTIONS;
	struct rlimit limit;

	server->places = most;
	server->newcomers = NEWCOMERS;
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur >= (rlim_t)(2 * most + OTHER_DESCRIPTORS))
		return;
	server->places = ((int64_t)limit.rlim_cur - OTHER_DESCRIPTORS) / 2;
	if (server->places < 1)
		server->places = 1;
	if (server->newcomers > server->places / 4)
		server->newcomers = server->places / 4;
}

/* Shut down a connection that has not proved that it may have the files. */
static void
shut(struct send_client *client)
{
	if (!client->is_shut)
		(void)sku_shutdown(&client->sock, SHUT_RDWR);
	client->is_shut = true;
}

static void
make_room(struct send_server *server)
{
	struct loop *loop = &server->server.loop;
	bool crowded = !may_accept(&server->server) || server->server.resting;
	struct send_client *client;
	int64_t newcomers = 0;

	(void)pthread_mutex_lock(&server->lock);
	LIST_FOREACH (client, &server->clients, entry) {
		if (!client->admitted && ++newcomers > server->newcomers && crowded &&
		    loop->now - client->came_ns >= NEW)
			shut(client);
	}
	(void)pthread_mutex_unlock(&server->lock);
	(void)loop_set_timer(loop, &server->crowd,
	    newcomers > server->newcomers ? loop->now + CROWD_PERIOD : LOOP_PARKED);
}

static void
crowd_due(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	make_room(LOOP_OWNER(loop, struct send_server, server.loop));
}

static void
accepted(struct server *base, struct sku_sock *sock, const struct sku_address *peer)
{
	struct send_server *server = LOOP_OWNER(base, struct send_server, server);
	struct send_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		turn_away(server, sock, ENOMEM);
		return;
	}
	*client = (struct send_client){ .server = server,
		.worker = { .work = serve_client, .done = client_done },
		.sock = *sock,
		.peer = *peer,
		.came_ns = server->server.loop.now,
		.job = { .config = server->config,
		    .id = server->id,
		    .failures = &server->failures,
		    .may_start = may_start,
		    .arg = client } };
	LIST_INSERT_HEAD(&server->clients, client, entry);
	counter_add_shared(&transfer_stats.connections, 1);
	progress_set_paused(&server->progress, false);
	if (pool_submit(server->pool, &client->worker) == -1) {
		turn_away(server, &client->sock, errno);
		remove_client(client);
	}
	make_room(server);
}

/* No further receiver gets the files: do not wait for connections that have not proved that they
 * may.  The threads see a signal and --max-time by themselves. */
static void
finishing(struct server *base)
{
	struct send_server *server = LOOP_OWNER(base, struct send_server, server);
	struct send_client *client;

	(void)pthread_mutex_lock(&server->lock);
	server->closed = true;
	LIST_FOREACH (client, &server->clients, entry) {
		if (!client->admitted && run_check() == 0)
			shut(client);
	}
	(void)pthread_mutex_unlock(&server->lock);
}

/* Is a transfer under way? */
static bool
is_busy(struct server *base)
{
	struct send_server *server = LOOP_OWNER(base, struct send_server, server);
	int64_t admitted;

	(void)pthread_mutex_lock(&server->lock);
	admitted = server->admitted;
	(void)pthread_mutex_unlock(&server->lock);
	return admitted > base->served;
}

/* ---- all together -------------------------------------------------------------------------- */

static int
open_server(struct send_server *server, struct failure *failure)
{
	const struct send_config *config = server->config;
	int64_t total = config_total_size(config);

	server->server.action = "wait for a receiver";
	server->server.access = &config->peer.listen.access;
	server->server.max_clients = SERVER_UNLIMITED;
	server->server.max_served = SERVER_UNLIMITED; /* client_done() knows who was served */
	server->server.limit_grace_ns = INT64_MAX;    /* the threads see the end, too */
	server->server.accepted = accepted;
	server->server.finishing = finishing;
	server->server.may_accept = may_accept;
	server->server.is_busy = is_busy;
	if (send_random_id(server->id, failure) == -1 ||
	    server_open(&server->server, failure) == -1)
		return -1;
	server->pool =
	    pool_new(&server->server.loop, AT_ONCE + EXTRA_CONNECTIONS, SEND_SESSION_STACK);
	if (server->pool == NULL)
		return failure_errno(failure, errno, "prepare for connections");
	if (config->connections == -1 || total == SIZE_UNKNOWN ||
	    __builtin_mul_overflow(total, config->connections, &total))
		total = SIZE_UNKNOWN;
	server->crowd.due = crowd_due;
	if (loop_set_timer(&server->server.loop, &server->crowd, LOOP_PARKED) == -1)
		return failure_errno(failure, errno, "prepare for connections");
	progress_begin(&server->progress, config->progress, total);
	progress_draw_in(&server->progress, &server->server.loop, &transfer_stats.bytes);
	progress_set_paused(&server->progress, true);
	return 0;
}

static void
close_server(struct send_server *server)
{
	struct send_client *client;

	pool_free(server->pool);
	while ((client = LIST_FIRST(&server->clients)) != NULL)
		remove_client(client);
	strangers_note_rest(&server->notes);
	strangers_note_rest(&server->failures);
	end_progress(server);
	server_close(&server->server);
	(void)pthread_mutex_destroy(&server->lock);
}

int
verified_serve(const struct send_config *config, struct listener *listener)
{
	struct send_server server = { .server = { .listener = listener },
		.config = config,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.notes = STRANGERS_CAME_TO_NOTHING,
		.failures = STRANGERS_FAILED,
		.retries_left = config->retries };
	static ASIDE struct failure failure;

	run_raise_descriptor_limit();
	count_places(&server);
	if (open_server(&server, &failure) == -1 ||
	    listener_announce(listener, &config->peer.listen, &failure) == -1 ||
	    (server_run(&server.server, &failure) == -1 && !server.over))
		server.status = failure_report(&failure);
	close_server(&server);
	return server.status;
}

/* ping_connection.h - one connection of --ping: which probes are under way, and their results. */
#ifndef CLIENT_PING_CONNECTION_H
#define CLIENT_PING_CONNECTION_H

#include "net/datagram_peers.h"
#include "run/loop.h"
#include "sockecho-client/config.h"
#include "sockecho-client/peer.h"
#include "sockecho-client/ping_stats.h"

enum probe_state { PROBE_NONE, PROBE_WAITING, PROBE_ANSWERED, PROBE_LOST };

struct probe {
	uint64_t seq;
	int64_t from_ns; /* when it was sent; if it was late, when it was due */
	enum probe_state state;
};

struct ping_connection {
	struct peer_connection connection;
	struct loop_io io;
	struct loop_timer timer;
	size_t number;	  /* which of --clients, from 1 */
	size_t next_peer; /* datagrams: the address to try next */
	int64_t start_ns, not_before_ns;
	uint64_t sent;	   /* probes that were begun; also the number of the last */
	uint64_t oldest;   /* the first probe that may still be waited for */
	int64_t due_ns;	   /* when the next one is due; INT64_MAX: after an answer, or never */
	size_t out_offset; /* bytes of the present probe that were sent; == size: all */
	uint64_t in_seq;   /* streams: the probe whose answer is coming in, */
	size_t in_offset;  /* and how much of it has */
	bool answered;	   /* the peer has answered at least once */
	bool closed;
	size_t window; /* probes that are remembered: a power of two */
	struct probe *probes;
};

#define PING_BUFFER ((size_t)64 * 1024)

struct ping {
	struct loop loop;
	struct loop_timer duration_timer; /* --duration */
	struct loop_timer keepalive_timer;
	struct loop_io ask_io; /* SIGQUIT */
	const struct client_config *config;
	struct ping_connection *connections;
	size_t count, open_connections;
	struct ping_stats *stats;
	struct datagram_peers peers;
	struct retry retry;	      /* --wait for a peer that refuses datagrams */
	struct failure failure;	      /* of the last try */
	struct failure first_failure; /* without --wait: of the first address that failed */
	int64_t start_ns, stop_sending_ns;
	int64_t stall_told_until_ns; /* late probes are not reported before */
	char *buffer;
	int status; /* of what ended a connection */
};

/* Connect, or take the socket of --fd: 0, or -1 and the ping's failure. */
int ping_open_peer(struct ping *p, struct ping_connection *r);
/* The timer of a connection is due; these events of epoll came. */
void ping_due(struct ping *p, struct ping_connection *r);
void ping_ready(struct ping *p, struct ping_connection *r, uint32_t events);
/* A connection is lost: report it, and go on with the others. */
void ping_lose(struct ping *p, struct ping_connection *r, const struct failure *failure);
/* How many probes are neither answered nor lost yet. */
uint64_t ping_pending(struct ping *p, struct ping_connection *r);

#endif

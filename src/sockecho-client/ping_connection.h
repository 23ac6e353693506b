/* ping_connection.h - one connection of --ping: which probes are under way, and what came of them.
 */
#ifndef CLIENT_PING_CONNECTION_H
#define CLIENT_PING_CONNECTION_H

#include "run/loop.h"
#include "sockecho-client/config.h"
#include "sockecho-client/peer.h"
#include "sockecho-client/ping_stats.h"

enum probe_state { PROBE_NONE, PROBE_WAITING, PROBE_ANSWERED, PROBE_LOST };

struct probe {
	uint64_t seq;
	int64_t from_ns; /* when it was sent, or was due if it could not be sent then */
	enum probe_state state;
};

struct ping_connection {
	struct peer_connection connection;
	struct loop_io io;
	struct loop_timer timer;
	size_t number;	  /* which of --clients, from 1 */
	size_t next_peer; /* datagrams: the address to be tried next */
	int64_t start_ns, not_before_ns;
	uint64_t sent;	   /* probes that were begun; the last has this number */
	uint64_t oldest;   /* the first that may still be waited for */
	int64_t due_ns;	   /* when the next one is due; INT64_MAX: after an answer, or never */
	size_t out_offset; /* of the present probe, what was sent; == size: all */
	uint64_t in_seq;   /* streams: the probe whose answer is coming in, */
	size_t in_offset;  /* and how much of it has */
	bool answered;	   /* by somebody, once */
	bool closed;
	size_t window; /* probes that are remembered: a power of two */
	struct probe *probes;
};

/* Bytes of probe seq from offset on: its number, a blank, then letters over and over. */
void probe_fill(char *buf, size_t len, uint64_t seq, size_t offset);
/* The number that a datagram begins with; 0: it is none of ours. */
uint64_t probe_number(const char *bytes, size_t len);

#endif

/* channel.h - one end of a verified transfer: greeting, encryption, messages, and their deadlines.
 *
 * A channel belongs to one thread.  Its socket is non-blocking, and this module waits for it.  A
 * function that can fail returns 0, or -1 and the failure, unless its comment says otherwise. */
#ifndef TRANSFER_CHANNEL_H
#define TRANSFER_CHANNEL_H

#include "net/keepalive.h"
#include "run/failure.h"
#include "transfer/tls.h"
#include "transfer/wire.h"

/* greeting, TLS and first messages together */
#define CHANNEL_HANDSHAKE_TIMEOUT (10 * SKU_SECOND)
/* a last message, for which the program does not wait longer */
#define CHANNEL_GOODBYE_TIMEOUT (10 * SKU_SECOND)

struct channel {
	struct sku_sock *sock;
	const char *peer;    /* the peer's address, for messages */
	const char *file;    /* the file under way, for messages; NULL: none */
	enum wire_role role; /* of this end, from channel_open() on */
	/* When bytes were last sent or received, for other threads; NULL: not needed. */
	_Atomic int64_t *active_ns;
	struct tls *tls; /* NULL: in the clear */
	uint8_t own[WIRE_GREETING_SIZE], seen[WIRE_GREETING_SIZE];
	struct sku_deadline limit; /* nothing extends it; at first that of the handshake */
	struct sku_deadline idle;  /* --timeout, restarted by progress */
	uint64_t progress_done;	   /* of the peer's last PROGRESS that counted */
	int64_t progress_sent_ns;  /* when our last PROGRESS was sent */
	struct keepalive keepalive;
	int64_t look_at_ns; /* when to look whether the peer is still there */
	short tls_events;   /* what TLS waits for, else 0 */
	uint8_t in[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	size_t in_len;
	size_t data_left;	   /* bytes of the last DATA that were not received yet */
	struct wire_message early; /* it came while this end was still working */
	bool has_early;
	bool greeted;		   /* the peer speaks the protocol */
	bool peer_works;	   /* it hashes, stores or flushes now: PROGRESS may come */
	bool peer_stores;	   /* then PROGRESS by any number of bytes counts */
	bool partial_message;	   /* a message was sent in part: no other one can follow */
	bool closing;		   /* one end has told the other why it ends */
	enum wire_code abort_code; /* what channel_close() sends; WIRE_DONE: the failure decides */
};

struct channel_options {
	enum wire_role role;
	const uint8_t *key; /* NULL: none */
	bool wait_first;    /* send nothing before the peer does */
};

/* Begin.  The handshake must end within 10 s from came_ns, when the connection came. */
void channel_init(
    struct channel *channel, struct sku_sock *sock, const char *peer, int64_t came_ns);
/* End the channel.  If there is a failure (which stays as it is) and the peer still listens, tell
 * it why.  Then read what the peer still sends, so that this message is not lost: for at most two
 * seconds, or for a moment if the run is to end.  A peer that does not speak the protocol sees a
 * reset once the socket is closed. */
void channel_close(struct channel *channel, const struct failure *failure);

/* Exchange greetings, and with a key set up TLS. */
int channel_open(
    struct channel *channel, const struct channel_options *options, struct failure *failure);
/* Fill *message with the HELLO of this end. */
void channel_hello(const struct channel *channel, struct wire_message *message,
    const uint8_t id[WIRE_ID_SIZE], uint32_t files);
/* Check that the greetings in the peer's HELLO are those that were exchanged in the clear.  If not,
 * the peer is told that they were changed on the way. */
int channel_check_hello(
    struct channel *channel, const struct wire_hello *hello, struct failure *failure);
/* Set a limit for what follows, which progress does not extend; sku_deadline_never(): only
 * --timeout counts.  Restarts --timeout. */
void channel_set_limit(struct channel *channel, struct sku_deadline limit);

int channel_send(
    struct channel *channel, const struct wire_message *message, struct failure *failure);
/* Receive the next message.  PROGRESS is handled inside, and is a protocol error unless peer_works.
 * ABORT is a failure.  Of DATA only the header is received. */
int channel_receive(struct channel *channel, struct wire_message *message, struct failure *failure);
/* Receive bytes of DATA: those that have come, at least one and at most len.  Returns their number,
 * or -1. */
ssize_t channel_receive_data(
    struct channel *channel, uint8_t *buf, size_t len, struct failure *failure);

enum channel_result {
	CHANNEL_NOTHING,
	CHANNEL_MESSAGE, /* it is in *message */
	CHANNEL_FAILED,
};

/* Has a message from the peer come meanwhile? */
enum channel_result channel_poll(
    struct channel *channel, struct wire_message *message, struct failure *failure);
/* Send a DATA message.  A message from the receiver stops it. */
enum channel_result channel_send_data(struct channel *channel, const uint8_t *buf, size_t len,
    struct wire_message *message, struct failure *failure);
/* The same with a HOLE of so many bytes, at most WIRE_HOLE_MAX. */
enum channel_result channel_send_hole(
    struct channel *channel, uint64_t len, struct wire_message *message, struct failure *failure);
/* Send PROGRESS, at most ten times a second.  Call it while the peer does not wait for a message,
 * but for room to send. */
int channel_tell_progress(
    struct channel *channel, uint64_t done, uint64_t total, struct failure *failure);
/* The same; call it at least each second while hashing or flushing.  It also reads what the peer
 * sends: if both ends worked and neither read, the connection would fill up.  The peer's next
 * message is kept for channel_receive(). */
int channel_progress(
    struct channel *channel, uint64_t done, uint64_t total, struct failure *failure);

/* Fill the failure, with what was tried: `talk to PEER`, or while a file is under way `send FILE to
 * PEER` or `receive from PEER into FILE`.  message NULL: the words for errnum.  Returns -1. */
int channel_fail(const struct channel *channel, enum status status, int errnum, const char *message,
    struct failure *failure);
/* The same for errno of a wait, a send or a receive. */
int channel_fail_errno(const struct channel *channel, int errnum, struct failure *failure);
/* The peer broke the protocol: fill the failure.  Returns -1. */
int channel_protocol_error(
    const struct channel *channel, const char *what, struct failure *failure);
/* Fill the failure from the peer's VERDICT or ABORT.  Returns -1. */
int channel_peer_error(
    struct channel *channel, const struct wire_message *said, struct failure *failure);

/* Can a new connection go on after this failure? */
bool failure_is_connection_loss(const struct failure *failure);

#endif

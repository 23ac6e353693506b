/* channel.h - one end of a verified transfer: greeting, encryption, messages, and their deadlines.
 *
 * A channel belongs to one thread.  Its socket is non-blocking; the waits are here.  A function
 * that can fail returns 0, or -1 and the failure, unless it says otherwise. */
#ifndef TRANSFER_CHANNEL_H
#define TRANSFER_CHANNEL_H

#include "net/keepalive.h"
#include "run/failure.h"
#include "transfer/tls.h"
#include "transfer/wire.h"

/* greeting, TLS and first messages together */
#define CHANNEL_HANDSHAKE_TIMEOUT (10 * SKU_SECOND)
/* a last word, which is worth no more than that */
#define CHANNEL_GOODBYE_TIMEOUT (10 * SKU_SECOND)

struct channel {
	struct sku_sock *sock;
	const char *peer; /* who it is, for messages */
	/* When bytes last went or came, for other threads; NULL: nobody asks. */
	_Atomic int64_t *active_ns;
	struct tls *tls; /* NULL: in the clear */
	uint8_t own[WIRE_GREETING_SIZE], seen[WIRE_GREETING_SIZE];
	struct sku_deadline limit; /* which nothing extends: of the handshake, at first */
	struct sku_deadline idle;  /* --timeout, armed anew by progress */
	uint64_t progress_done;	   /* of the peer's last PROGRESS that counted */
	int64_t progress_sent_ns;  /* when our last PROGRESS left */
	struct keepalive keepalive;
	int64_t look_at_ns; /* when to look whether the peer is still there */
	short tls_events;   /* what TLS waits for, else 0 */
	uint8_t in[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	size_t in_len;
	struct wire_message early; /* it came while this end was still working */
	bool has_early;
	bool greeted;		   /* the peer speaks the protocol */
	bool peer_works;	   /* it hashes or flushes now: PROGRESS is in its order */
	bool partial_message;	   /* a message is not whole on its way: nothing else can follow */
	bool closing;		   /* the peer has been told, or has told us, why this is the end */
	enum wire_code abort_code; /* what channel_close() tells; WIRE_DONE: the failure says */
};

struct channel_options {
	enum wire_role role;
	const uint8_t *key; /* NULL: none */
	bool wait_first;    /* say nothing before the peer has */
};

/* Begin.  The handshake has ten seconds from the instant at which the connection came. */
void channel_init(
    struct channel *channel, struct sku_sock *sock, const char *peer, int64_t came_ns);
/* Tell the peer why this is the end, if the failure has one (it stays as it is), as far as the peer
 * still listens; read what it still sends, for at most two seconds, or for a moment if the run is
 * to end, so that it hears.  A peer that does not speak the protocol sees a reset once the socket
 * is closed. */
void channel_close(struct channel *channel, const struct failure *failure);

/* Exchange greetings, and with a key set up TLS. */
int channel_open(
    struct channel *channel, const struct channel_options *options, struct failure *failure);
/* What this end's HELLO says. */
void channel_hello(const struct channel *channel, struct wire_message *message,
    const uint8_t id[WIRE_ID_SIZE], uint32_t files);
/* Do the greetings that the peer's HELLO repeats agree with those in the clear?  Else the peer is
 * told that they were changed on the way. */
int channel_check_hello(
    struct channel *channel, const struct wire_hello *hello, struct failure *failure);
/* What follows has until then, however much comes; sku_deadline_never(): --timeout alone counts.
 * That begins anew. */
void channel_set_limit(struct channel *channel, struct sku_deadline limit);

int channel_send(
    struct channel *channel, const struct wire_message *message, struct failure *failure);
/* The next message.  PROGRESS is dealt with inside, and out of its order unless peer_works; ABORT
 * is a failure, DATA is the header alone. */
int channel_receive(struct channel *channel, struct wire_message *message, struct failure *failure);
/* Of the bytes of DATA what has come, at most len, and at least one: how many, or -1. */
ssize_t channel_receive_data(
    struct channel *channel, uint8_t *buf, size_t len, struct failure *failure);

enum channel_result {
	CHANNEL_NOTHING,
	CHANNEL_MESSAGE, /* it is in *message */
	CHANNEL_FAILED,
};

/* Has the peer said something meanwhile? */
enum channel_result channel_poll(
    struct channel *channel, struct wire_message *message, struct failure *failure);
/* A DATA message, unless the receiver says something meanwhile, which stops it. */
enum channel_result channel_send_data(struct channel *channel, const uint8_t *buf, size_t len,
    struct wire_message *message, struct failure *failure);
/* At least each second while hashing or flushing.  What the peer says meanwhile is read, too, so
 * that two ends that both work do not fill the connection with what nobody reads; its next message
 * is kept for channel_receive(). */
int channel_progress(
    struct channel *channel, uint64_t done, uint64_t total, struct failure *failure);

/* What came is not of the protocol.  Returns -1. */
int channel_protocol_error(
    const struct channel *channel, const char *what, struct failure *failure);
/* What the peer's VERDICT or ABORT says is the failure.  Returns -1. */
int channel_peer_error(
    struct channel *channel, const struct wire_message *said, struct failure *failure);

/* Is this a failure that another connection may mend? */
bool failure_is_connection_loss(const struct failure *failure);

#endif

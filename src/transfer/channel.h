/* channel.h - one end of a verified transfer: greeting, encryption, messages, and their deadlines.
 *
 * A channel belongs to one thread.  Its socket is non-blocking; the waits are here.  What fails
 * goes into the struct failure of the channel. */
#ifndef TRANSFER_CHANNEL_H
#define TRANSFER_CHANNEL_H

#include "run/failure.h"
#include "transfer/tls.h"
#include "transfer/wire.h"

/* greeting, TLS and first messages together */
#define CHANNEL_HANDSHAKE_TIMEOUT (10 * SKU_SECOND)

struct channel {
	struct sku_sock *sock;
	const char *peer; /* who it is, for messages */
	struct failure *failure;
	struct tls *tls; /* NULL: in the clear */
	uint8_t own[WIRE_GREETING_SIZE], seen[WIRE_GREETING_SIZE];
	struct sku_deadline handshake; /* never, once it is over */
	struct sku_deadline idle;      /* --timeout, armed anew by progress */
	uint64_t progress_done;	       /* of the peer's last PROGRESS that counted */
	int64_t progress_sent_ns;      /* when our last PROGRESS left */
	short tls_events;	       /* what TLS waits for, else 0 */
	uint8_t in[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	size_t in_len;
	bool greeted;	      /* the peer speaks the protocol */
	bool peer_works;      /* it hashes or flushes now: PROGRESS is in its order */
	bool partial_message; /* a DATA message is not whole on its way: nothing else can follow */
	bool closing;	      /* the peer has been told, or has told us, why */
};

/* Begin: the handshake's clock starts. */
void channel_init(
    struct channel *channel, struct sku_sock *sock, const char *peer, struct failure *failure);
void channel_close(struct channel *channel);

/* Exchange greetings, and with a key (NULL: none) set up TLS.  wait_first: say nothing before the
 * peer has.  connected: this end connected, and is TLS's client. */
int channel_open(struct channel *channel, enum wire_role role, const uint8_t *key, bool wait_first,
    bool connected);
/* What this end's HELLO says. */
void channel_hello(const struct channel *channel, struct wire_message *message,
    const uint8_t id[WIRE_ID_SIZE], uint32_t files);
/* Do the greetings that the peer's HELLO repeats agree with those in the clear?  Else the peer is
 * told that they were changed on the way. */
int channel_check_hello(struct channel *channel, const struct wire_hello *hello);
/* First messages are over: from here --timeout counts. */
void channel_restart_timeout(struct channel *channel);

int channel_send(struct channel *channel, const struct wire_message *message);
/* The next message.  PROGRESS is dealt with inside, and out of its order unless peer_works; ABORT
 * is a failure, DATA is the header alone. */
int channel_receive(struct channel *channel, struct wire_message *message);
/* Of the bytes of DATA what has come, at most len, and at least one: *got. */
int channel_receive_data(struct channel *channel, uint8_t *buf, size_t len, size_t *got);
/* A DATA message.  What the receiver says meanwhile stops it: *stopped is set, and the message is
 * in *message. */
int channel_send_data(struct channel *channel, const uint8_t *buf, size_t len,
    struct wire_message *message, bool *stopped);
/* Has the peer said something meanwhile?  A message in *message, and true; or false, and there may
 * be a failure. */
bool channel_poll_message(struct channel *channel, struct wire_message *message);
/* At least each second while hashing or flushing. */
int channel_progress(struct channel *channel, uint64_t done, uint64_t total);

/* Tell the peer why this is the end, as far as it still listens; read what it still sends, for at
 * most two seconds, or for a moment if the run is to end, so that it hears.  A peer that does not
 * speak the protocol sees a reset once the socket is closed. */
void channel_abort(struct channel *channel, enum wire_code code);
/* What came is not of the protocol. */
int channel_protocol_error(struct channel *channel, const char *what);
/* What the peer's VERDICT or ABORT says is the failure. */
int channel_peer_error(struct channel *channel, uint8_t code);

/* Is this a failure that another connection may mend? */
bool failure_is_connection_loss(const struct failure *failure);

#endif

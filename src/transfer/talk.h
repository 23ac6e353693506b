/* talk.h - one end of a verified transfer: greeting, encryption, messages, and their deadlines.
 *
 * A talk belongs to one thread.  Its socket is non-blocking; the waits are here.  What fails goes
 * into the struct transfer_failure of the talk. */
#ifndef TRANSFER_TALK_H
#define TRANSFER_TALK_H

#include "run/failure.h"
#include "run/wait.h"
#include "transfer/tls.h"
#include "transfer/wire.h"

#define TALK_HANDSHAKE (10 * SKU_SECOND) /* greeting, TLS and first messages together */

struct talk {
	struct sku_sock *sock;
	const char *peer; /* who it is, for messages */
	const struct transfer_waits *waits;
	struct transfer_failure *failure;
	struct tls *tls; /* NULL: in the clear */
	uint8_t own[WIRE_GREETING_SIZE], seen[WIRE_GREETING_SIZE];
	struct sku_deadline handshake; /* never, once it is over */
	struct sku_deadline idle;      /* --timeout, armed anew by progress */
	uint64_t work_done;	       /* of the peer's last WORK that counted */
	int64_t worked_ns;	       /* when our last WORK left */
	short wants;		       /* what TLS waits for, else 0 */
	uint8_t in[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	size_t in_len;
	bool greeted;	  /* the peer speaks the protocol */
	bool peer_works;  /* it hashes or flushes now: WORK is in its order */
	bool mid_message; /* a DATA message is not whole on its way: nothing else can follow */
	bool aborted;	  /* the peer has been told, or has told us, why */
};

/* Begin: the handshake's clock starts. */
void talk_init(struct talk *talk, struct sku_sock *sock, const char *peer,
    const struct transfer_waits *waits, struct transfer_failure *failure);
void talk_close(struct talk *talk);

/* Exchange greetings, and with a key (NULL: none) set up TLS.  wait_first: say nothing before the
 * peer has.  connected: this end connected, and is TLS's client. */
int talk_greet(
    struct talk *talk, enum wire_role role, const uint8_t *key, bool wait_first, bool connected);
/* What this end's HELLO says. */
void talk_hello(const struct talk *talk, struct wire_message *message,
    const uint8_t id[WIRE_ID_SIZE], uint32_t files);
/* Do the greetings that the peer's HELLO repeats agree with those in the clear?  Else the peer is
 * told that they were changed on the way. */
int talk_check_hello(struct talk *talk, const struct wire_hello *hello);
/* First messages are over: from here --timeout counts. */
void talk_handshake_over(struct talk *talk);

int talk_send(struct talk *talk, const struct wire_message *message);
/* The next message.  WORK is dealt with inside, and out of its order unless peer_works; ABORT is a
 * failure, DATA is the header alone. */
int talk_receive(struct talk *talk, struct wire_message *message);
/* Of the bytes of DATA what has come, at most len, and at least one: *got. */
int talk_receive_data(struct talk *talk, uint8_t *buf, size_t len, size_t *got);
/* A DATA message.  What the receiver says meanwhile stops it: *stopped is set, and the message is
 * in *message. */
int talk_send_data(
    struct talk *talk, const uint8_t *buf, size_t len, struct wire_message *message, bool *stopped);
/* Has the peer said something meanwhile?  A message in *message, and true; or false, and there may
 * be a failure. */
bool talk_heard(struct talk *talk, struct wire_message *message);
/* At least each second while hashing or flushing. */
int talk_work(struct talk *talk, uint64_t done, uint64_t total);

/* Tell the peer why this is the end, as far as it still listens; read what it still sends, for at
 * most two seconds, so that it hears.  One that does not speak the protocol is reset. */
void talk_abort(struct talk *talk, enum wire_code code);
/* What came is not of the protocol. */
int talk_alien(struct talk *talk, const char *what);
/* What the peer's VERDICT or ABORT says is the failure. */
int talk_told(struct talk *talk, uint8_t code);

/* Is this a failure that another connection may mend? */
bool talk_is_lost(const struct transfer_failure *failure);

#endif

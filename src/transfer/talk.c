/* talk.c - one end of a verified transfer: greeting, encryption, messages, and their deadlines.
 * Row transfer. */
#include "transfer/talk.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define WORK_PERIOD (100 * SKU_MS)    /* the protocol asks for one a second; a short -t for more */
#define WORK_STEP (UINT64_C(1) << 20) /* less than that is no progress */
#define DRAIN (2 * SKU_SECOND)

void
talk_init(struct talk *talk, struct sku_sock *sock, const char *peer,
    const struct transfer_waits *waits, struct transfer_failure *failure)
{
	*talk = (struct talk){ .sock = sock,
		.peer = peer,
		.waits = waits,
		.failure = failure,
		.handshake = sku_deadline_in(TALK_HANDSHAKE),
		.idle = sku_deadline_in(waits->limits->timeout_ns) };
	/* Small messages wait for answers; Nagle's algorithm would have both wait. */
	if (sock->family != AF_UNIX)
		(void)sku_setsockopt_int(sock, IPPROTO_TCP, TCP_NODELAY, 1);
}

void
talk_close(struct talk *talk)
{
	tls_free(talk->tls);
	talk->tls = NULL;
}

void
talk_handshake_over(struct talk *talk)
{
	talk->handshake = sku_deadline_never();
	talk->idle = sku_deadline_in(talk->waits->limits->timeout_ns);
}

/* ---- failures ------------------------------------------------------------------------------ */

static int
failed(struct talk *talk, int errnum)
{
	if (errnum == ETIMEDOUT && talk->waits->limits->timeout_ns == 0)
		errnum = EAGAIN;
	return transfer_fail_peer(
	    talk->failure, errnum, &talk->waits->limits->run, "talk to %s", talk->peer);
}

static int
mismatch(struct talk *talk, const char *message)
{
	return transfer_fail(talk->failure, CLI_MISMATCH, 0, message, "talk to %s", talk->peer);
}

static int
ended(struct talk *talk)
{
	return transfer_fail(talk->failure, CLI_NO_PEER, ECONNRESET,
	    "the connection ended before the transfer did", "talk to %s", talk->peer);
}

int
talk_alien(struct talk *talk, const char *what)
{
	char message[160];

	(void)snprintf(message, sizeof(message), "it broke the protocol: %s", what);
	return mismatch(talk, message);
}

int
talk_told(struct talk *talk, uint8_t code)
{
	char message[200];
	enum cli_status status = (enum cli_status)wire_code_status(code);

	talk->aborted = true;
	(void)snprintf(message, sizeof(message), "the peer says: %s", wire_code_text(code));
	return transfer_fail(talk->failure, status == CLI_OK ? CLI_MISMATCH : status, 0, message,
	    "talk to %s", talk->peer);
}

bool
talk_is_lost(const struct transfer_failure *failure)
{
	return failure->errnum != ECANCELED &&
	       (failure->status == CLI_NO_PEER || failure->status == CLI_TIMED_OUT);
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* The peer took or gave something. */
static void
arm(struct talk *talk)
{
	talk->idle = sku_deadline_in(talk->waits->limits->timeout_ns);
}

static struct sku_deadline
deadline_of(const struct talk *talk)
{
	return sku_deadline_earlier(
	    talk->waits->limits->run, sku_deadline_earlier(talk->handshake, talk->idle));
}

/* 0, or -1 with errno.  The clock is looked at first: where bytes never cease to come, poll never
 * waits until the time is up. */
static int
wait_ready(const struct talk *talk, short events)
{
	struct sku_deadline deadline = deadline_of(talk);

	if (!sku_deadline_passed(deadline))
		return transfer_wait(talk->waits, sku_fileno(talk->sock), events, deadline);
	errno = ETIMEDOUT;
	return -1;
}

static int
wait_for(struct talk *talk, short events)
{
	if (wait_ready(talk, (short)(events | talk->wants)) == 0)
		return CLI_OK;
	return failed(talk, errno);
}

/* What TLS says, as a system call would: -1 with errno, 0 for the end. */
static ssize_t
from_tls(struct talk *talk, enum tls_news news, const size_t *done)
{
	talk->wants = news == TLS_WANT_WRITE ? POLLOUT : news == TLS_WANT_READ ? POLLIN : 0;
	switch (news) {
	case TLS_DONE:
		return (ssize_t)*done;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case TLS_ENDED:
		return 0;
	case TLS_KEYS_DIFFER:
	case TLS_FAILED:
		break;
	}
	if (errno == 0)
		errno = EBADMSG; /* it was changed on the way */
	return -1;
}

/* One read: bytes; 0 is the end; -1 with errno, EAGAIN where there is nothing now. */
static ssize_t
read_some(struct talk *talk, void *buf, size_t len)
{
	ssize_t n;
	size_t done = 0;

	if (talk->tls == NULL)
		n = sku_recv(talk->sock, buf, len, 0);
	else
		n = from_tls(talk, tls_read(talk->tls, buf, len, &done), &done);
	if (n > 0)
		arm(talk);
	return n;
}

static ssize_t
write_some(struct talk *talk, const void *buf, size_t len)
{
	ssize_t n;
	size_t done = 0;

	if (talk->tls == NULL)
		n = sku_send(talk->sock, buf, len, 0);
	else
		n = from_tls(talk, tls_write(talk->tls, buf, len, &done), &done);
	if (n == 0 && len > 0)
		errno = ECONNRESET, n = -1;
	if (n > 0)
		arm(talk);
	return n;
}

static int
read_failed(struct talk *talk, ssize_t n)
{
	if (n == 0)
		return ended(talk);
	if (errno == EBADMSG)
		return mismatch(talk, "what came is damaged, or not from the peer");
	return failed(talk, errno);
}

/* The connection takes no more.  A peer that gave up has said why before. */
static int
write_failed(struct talk *talk, int errnum)
{
	struct wire_message message;

	if (talk_heard(talk, &message) && message.type == WIRE_VERDICT &&
	    message.held.kind != WIRE_DONE)
		return talk_told(talk, message.held.kind);
	return failed(talk, errnum); /* unless an ABORT was heard */
}

static int
write_all(struct talk *talk, const uint8_t *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = write_some(talk, buf, len);

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN) {
			return write_failed(talk, errno);
		} else if (wait_for(talk, POLLOUT) != CLI_OK) {
			return talk->failure->status;
		}
	}
	return CLI_OK;
}

/* ---- the greeting and TLS ------------------------------------------------------------------ */

static int
no_greeting(struct talk *talk)
{
	return mismatch(talk, "it does not speak the protocol of verified transfers: it is "
			      "raw (as nc), or an older version");
}

/* Read it as far as it looks like one, so that a stranger is found out at his first byte. */
static int
read_greeting(struct talk *talk)
{
	size_t have = 0;

	while (have < WIRE_GREETING_SIZE) {
		ssize_t n = sku_recv(talk->sock, talk->seen + have, WIRE_GREETING_SIZE - have, 0);

		if (n > 0) {
			have += (size_t)n;
			if (!wire_may_be_greeting(talk->seen, have))
				return no_greeting(talk);
		} else if (n == 0) {
			return have > 0 ? no_greeting(talk) : ended(talk);
		} else if (errno != EAGAIN) {
			return failed(talk, errno);
		} else if (wait_ready(talk, POLLIN) == -1) {
			if (errno == ETIMEDOUT && sku_deadline_passed(talk->handshake))
				return no_greeting(talk);
			return failed(talk, errno);
		}
	}
	return CLI_OK;
}

static int
check_greeting(struct talk *talk, enum wire_role role, bool key)
{
	struct wire_greeting peer;
	char message[120];

	switch (wire_greeting_get(talk->seen, &peer)) {
	case WIRE_GREETING_ALIEN:
		return no_greeting(talk);
	case WIRE_GREETING_VERSION:
		talk->greeted = true;
		(void)snprintf(message, sizeof(message),
		    "it speaks version %u of the protocol, and this is version %d", peer.version,
		    WIRE_VERSION);
		return mismatch(talk, message);
	case WIRE_GREETING_BROKEN:
		return talk_alien(talk, "its greeting");
	case WIRE_GREETING_OK:
		break;
	}
	talk->greeted = true;
	if (peer.role == role)
		return mismatch(talk, role == WIRE_SENDER ?
					  "both ends are senders: one must be sockfile-recv" :
					  "both ends are receivers: one must be sockfile-send");
	if (key && !peer.key)
		return mismatch(
		    talk, "it has no key, and this end wants one: give both the same --key");
	if (!key && peer.key)
		return mismatch(
		    talk, "it wants a key, and this end has none: give both the same --key");
	return CLI_OK;
}

static int
encrypt(struct talk *talk, const uint8_t *key, bool client)
{
	enum tls_news news;

	talk->tls = tls_new(sku_fileno(talk->sock), client, key);
	if (talk->tls == NULL)
		return transfer_fail(
		    talk->failure, CLI_FAILED, ENOMEM, NULL, "talk to %s", talk->peer);
	while ((news = tls_handshake(talk->tls)) != TLS_DONE) {
		if (news == TLS_KEYS_DIFFER)
			return mismatch(talk, "the keys of the two ends differ (--key)");
		if (news == TLS_ENDED)
			return ended(talk);
		if (news == TLS_FAILED && errno != 0)
			return failed(talk, errno);
		if (news == TLS_FAILED)
			return mismatch(talk, "encryption failed: what came is damaged, or not "
					      "from a peer with the key");
		if (wait_ready(talk, news == TLS_WANT_READ ? POLLIN : POLLOUT) == -1)
			return failed(talk, errno);
	}
	return CLI_OK;
}

int
talk_greet(
    struct talk *talk, enum wire_role role, const uint8_t *key, bool wait_first, bool connected)
{
	const struct wire_greeting own = { WIRE_VERSION, role, key != NULL };
	int status = CLI_OK;

	wire_greeting_put(talk->own, &own);
	if (wait_first)
		status = read_greeting(talk);
	/* Also where the peer's is no good: it learns why. */
	if (status == CLI_OK)
		status = write_all(talk, talk->own, sizeof(talk->own));
	if (status == CLI_OK && !wait_first)
		status = read_greeting(talk);
	if (status == CLI_OK)
		status = check_greeting(talk, role, key != NULL);
	if (status == CLI_OK && key != NULL)
		status = encrypt(talk, key, connected);
	return status;
}

void
talk_hello(const struct talk *talk, struct wire_message *message, const uint8_t id[WIRE_ID_SIZE],
    uint32_t files)
{
	*message = (struct wire_message){ .type = WIRE_HELLO };
	(void)memcpy(message->hello.own, talk->own, WIRE_GREETING_SIZE);
	(void)memcpy(message->hello.seen, talk->seen, WIRE_GREETING_SIZE);
	(void)memcpy(message->hello.id, id, WIRE_ID_SIZE);
	message->hello.files = files;
}

int
talk_check_hello(struct talk *talk, const struct wire_hello *hello)
{
	if (memcmp(hello->own, talk->seen, WIRE_GREETING_SIZE) == 0 &&
	    memcmp(hello->seen, talk->own, WIRE_GREETING_SIZE) == 0)
		return CLI_OK;
	talk_abort(talk, WIRE_ALTERED);
	return mismatch(talk, "the greeting was changed on the way");
}

/* ---- messages ------------------------------------------------------------------------------ */

int
talk_send(struct talk *talk, const struct wire_message *message)
{
	uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];

	return write_all(talk, out, wire_put(out, message));
}

/* WORK counts if something was done, or if all is hashed and only the disk is waited for. */
static void
note_work(struct talk *talk, const struct wire_work *work)
{
	if (work->done < talk->work_done)
		talk->work_done = 0; /* of another file */
	if (work->done < work->total && work->done - talk->work_done < WORK_STEP)
		return;
	talk->work_done = work->done;
	arm(talk);
}

enum gathered { NOT_YET, MESSAGE, FAILURE };

/* Take what has come of the next message. */
static enum gathered
gather(struct talk *talk, struct wire_message *message)
{
	/* Bytes alone are no progress here: a peer could send them one by one. */
	struct sku_deadline idle = talk->idle;

	for (;;) {
		enum wire_type type = WIRE_WORK;
		uint32_t len = 0;
		size_t wanted = WIRE_HEADER_SIZE;
		ssize_t n;

		if (talk->in_len >= WIRE_HEADER_SIZE) {
			if (!wire_get_header(talk->in, &type, &len)) {
				(void)talk_alien(talk, "a header");
				return FAILURE;
			}
			if (type != WIRE_DATA)
				wanted += len;
		}
		if (talk->in_len == wanted && talk->in_len >= WIRE_HEADER_SIZE) {
			talk->in_len = 0;
			if (wire_get(type, talk->in + WIRE_HEADER_SIZE, len, message))
				return MESSAGE;
			(void)talk_alien(talk, "a message");
			return FAILURE;
		}
		n = read_some(talk, talk->in + talk->in_len, wanted - talk->in_len);
		talk->idle = idle;
		if (n > 0) {
			talk->in_len += (size_t)n;
			continue;
		}
		if (n == -1 && errno == EAGAIN)
			return NOT_YET;
		(void)read_failed(talk, n);
		return FAILURE;
	}
}

/* The peer works, and may say so as often as it likes: no limit and no signal waits for the end of
 * that. */
static void
take_work(struct talk *talk, const struct wire_work *work)
{
	int over = transfer_over(talk->waits);

	if (!talk->peer_works) {
		(void)talk_alien(talk, "work out of its order");
		return;
	}
	note_work(talk, work);
	if (over == 0 && sku_deadline_passed(deadline_of(talk)))
		over = ETIMEDOUT;
	if (over != 0)
		(void)failed(talk, over);
}

/* A whole message has come: true if it is the caller's to deal with. */
static bool
is_news(struct talk *talk, const struct wire_message *message)
{
	if (message->type != WIRE_WORK) {
		talk->work_done = 0;
		arm(talk);
	}
	if (message->type == WIRE_WORK)
		take_work(talk, &message->work);
	else if (message->type == WIRE_ABORT)
		(void)talk_told(talk, message->code);
	else
		return true;
	return false;
}

bool
talk_heard(struct talk *talk, struct wire_message *message)
{
	while (talk->failure->status == CLI_OK && gather(talk, message) == MESSAGE) {
		if (is_news(talk, message))
			return true;
	}
	return false;
}

int
talk_receive(struct talk *talk, struct wire_message *message)
{
	while (!talk_heard(talk, message)) {
		if (talk->failure->status != CLI_OK || wait_for(talk, POLLIN) != CLI_OK)
			return talk->failure->status;
	}
	return CLI_OK;
}

int
talk_receive_data(struct talk *talk, uint8_t *buf, size_t len, size_t *got)
{
	ssize_t n;

	while ((n = read_some(talk, buf, len)) <= 0) {
		if (n == 0 || errno != EAGAIN)
			return read_failed(talk, n);
		if (wait_for(talk, POLLIN) != CLI_OK)
			return talk->failure->status;
	}
	*got = (size_t)n;
	return CLI_OK;
}

/* As write_all(), and what the receiver says meanwhile stops it. */
static int
write_heeding(
    struct talk *talk, const uint8_t *buf, size_t len, struct wire_message *message, bool *stopped)
{
	while (len > 0 && !*stopped) {
		ssize_t n = write_some(talk, buf, len);

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
			talk->mid_message = true;
			continue;
		}
		if (errno != EAGAIN)
			return write_failed(talk, errno);
		if (wait_for(talk, POLLIN | POLLOUT) != CLI_OK)
			return talk->failure->status;
		*stopped = talk_heard(talk, message);
		if (talk->failure->status != CLI_OK)
			return talk->failure->status;
	}
	return CLI_OK;
}

int
talk_send_data(
    struct talk *talk, const uint8_t *buf, size_t len, struct wire_message *message, bool *stopped)
{
	const struct wire_message data = { .type = WIRE_DATA, .data_len = (uint32_t)len };
	uint8_t header[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	int status;

	*stopped = false;
	status = write_heeding(talk, header, wire_put(header, &data), message, stopped);
	if (status == CLI_OK)
		status = write_heeding(talk, buf, len, message, stopped);
	if (status == CLI_OK && !*stopped)
		talk->mid_message = false;
	return status;
}

int
talk_work(struct talk *talk, uint64_t done, uint64_t total)
{
	const struct wire_message work = { .type = WIRE_WORK, .work = { done, total } };
	int64_t now = sku_now();

	if (now - talk->worked_ns < WORK_PERIOD)
		return CLI_OK;
	talk->worked_ns = now;
	return talk_send(talk, &work);
}

/* ---- the end ------------------------------------------------------------------------------- */

void
talk_abort(struct talk *talk, enum wire_code code)
{
	const struct wire_message abort = { .type = WIRE_ABORT, .code = (uint8_t)code };
	uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX], rubbish[16 * 1024];
	size_t len = wire_put(out, &abort);
	struct sku_deadline deadline = sku_deadline_in(DRAIN);
	ssize_t n = 1;

	/* A raw sender must not take an end in order for done. */
	if (!talk->greeted) {
		(void)sku_reset(talk->sock);
		return;
	}
	/* One attempt: who does not read now is not waited for. */
	if (!talk->aborted && !talk->mid_message)
		(void)write_some(talk, out, len);
	talk->aborted = true;
	(void)sku_shutdown(talk->sock, SHUT_WR);
	while (n > 0 || (n == -1 && errno == EAGAIN)) {
		n = sku_recv(talk->sock, rubbish, sizeof(rubbish), 0);
		if (n == -1 && errno == EAGAIN &&
		    sku_wait_fd(sku_fileno(talk->sock), POLLIN, deadline) == -1)
			return;
		if (sku_deadline_passed(deadline))
			return;
	}
}

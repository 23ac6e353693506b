/* channel.c - one end of a verified transfer: greeting, encryption, messages, and their deadlines.
 * Row transfer. */
#include "transfer/channel.h"

#include "run/failure.h"
#include "run/run.h"
#include "run/wait.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* the protocol asks for one a second; a short -t for more */
#define PROGRESS_PERIOD (100 * SKU_MS)
#define MIN_PROGRESS (UINT64_C(1) << 20) /* less than that is no progress */
#define DRAIN_TIMEOUT (2 * SKU_SECOND)

void
channel_init(
    struct channel *channel, struct sku_sock *sock, const char *peer, struct failure *failure)
{
	*channel = (struct channel){ .sock = sock,
		.peer = peer,
		.failure = failure,
		.handshake = sku_deadline_in(CHANNEL_HANDSHAKE_TIMEOUT),
		.idle = sku_deadline_in(run.timeouts.operation_ns) };
	/* Small messages wait for answers; Nagle's algorithm would have both wait. */
	if (sock->family != AF_UNIX)
		(void)sku_setsockopt_int(sock, IPPROTO_TCP, TCP_NODELAY, 1);
}

void
channel_close(struct channel *channel)
{
	tls_free(channel->tls);
	channel->tls = NULL;
}

void
channel_restart_timeout(struct channel *channel)
{
	channel->handshake = sku_deadline_never();
	channel->idle = sku_deadline_in(run.timeouts.operation_ns);
}

/* ---- failures ------------------------------------------------------------------------------ */

static int
fail_errno(struct channel *channel, int errnum)
{
	return run_wait_failed(
	    channel->failure, errnum, LIMIT_OPERATION, "talk to %s", channel->peer);
}

static int
fail_mismatch(struct channel *channel, const char *message)
{
	return failure_set(
	    channel->failure, STATUS_MISMATCH, 0, message, "talk to %s", channel->peer);
}

static int
connection_ended(struct channel *channel)
{
	return failure_set(channel->failure, STATUS_NO_PEER, ECONNRESET,
	    "the connection ended before the transfer did", "talk to %s", channel->peer);
}

int
channel_protocol_error(struct channel *channel, const char *what)
{
	char message[160];

	(void)snprintf(message, sizeof(message), "it broke the protocol: %s", what);
	return fail_mismatch(channel, message);
}

int
channel_peer_error(struct channel *channel, uint8_t code)
{
	char message[200];
	enum status status = (enum status)wire_code_status(code);

	channel->closing = true;
	(void)snprintf(message, sizeof(message), "the peer says: %s", wire_code_text(code));
	return failure_set(channel->failure, status == STATUS_OK ? STATUS_MISMATCH : status, 0,
	    message, "talk to %s", channel->peer);
}

bool
failure_is_connection_loss(const struct failure *failure)
{
	return failure->errnum != ECANCELED &&
	       (failure->status == STATUS_NO_PEER || failure->status == STATUS_TIMED_OUT);
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* The peer took or gave something. */
static void
restart_timeout(struct channel *channel)
{
	channel->idle = sku_deadline_in(run.timeouts.operation_ns);
}

static struct sku_deadline
deadline_of(const struct channel *channel)
{
	return sku_deadline_earlier(
	    run.timeouts.run, sku_deadline_earlier(channel->handshake, channel->idle));
}

/* 0, or -1 with errno.  The clock is looked at first: where bytes never cease to come, poll never
 * waits until the time is up. */
static int
wait_ready(const struct channel *channel, short events)
{
	struct sku_deadline deadline = deadline_of(channel);

	if (!sku_deadline_passed(deadline))
		return run_wait_fd(sku_fileno(channel->sock), events, deadline);
	errno = ETIMEDOUT;
	return -1;
}

static int
wait_for(struct channel *channel, short events)
{
	if (wait_ready(channel, (short)(events | channel->tls_events)) == 0)
		return STATUS_OK;
	return fail_errno(channel, errno);
}

/* What TLS says, as a system call would: -1 with errno, 0 for the end. */
static ssize_t
from_tls_result(struct channel *channel, enum tls_result result, const size_t *done)
{
	channel->tls_events = result == TLS_WANT_WRITE ? POLLOUT :
			      result == TLS_WANT_READ  ? POLLIN :
							 0;
	switch (result) {
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
read_some(struct channel *channel, void *buf, size_t len)
{
	ssize_t n;
	size_t done = 0;

	if (channel->tls == NULL)
		n = sku_recv(channel->sock, buf, len, 0);
	else
		n = from_tls_result(channel, tls_read(channel->tls, buf, len, &done), &done);
	if (n > 0)
		restart_timeout(channel);
	return n;
}

static ssize_t
write_some(struct channel *channel, const void *buf, size_t len)
{
	ssize_t n;
	size_t done = 0;

	if (channel->tls == NULL)
		n = sku_send(channel->sock, buf, len, 0);
	else
		n = from_tls_result(channel, tls_write(channel->tls, buf, len, &done), &done);
	if (n == 0 && len > 0)
		errno = ECONNRESET, n = -1;
	if (n > 0)
		restart_timeout(channel);
	return n;
}

static int
read_failed(struct channel *channel, ssize_t n)
{
	if (n == 0)
		return connection_ended(channel);
	if (errno == EBADMSG)
		return fail_mismatch(channel, "what came is damaged, or not from the peer");
	return fail_errno(channel, errno);
}

/* The connection takes no more.  A peer that gave up has said why before. */
static int
write_failed(struct channel *channel, int errnum)
{
	struct wire_message message;

	if (channel_poll_message(channel, &message) && message.type == WIRE_VERDICT &&
	    message.position.kind != WIRE_DONE)
		return channel_peer_error(channel, message.position.kind);
	return fail_errno(channel, errnum); /* unless an ABORT was heard */
}

static int
write_all(struct channel *channel, const uint8_t *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = write_some(channel, buf, len);

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN) {
			return write_failed(channel, errno);
		} else if (wait_for(channel, POLLOUT) != STATUS_OK) {
			return channel->failure->status;
		}
	}
	return STATUS_OK;
}

/* ---- the greeting and TLS ------------------------------------------------------------------ */

static int
fail_no_greeting(struct channel *channel)
{
	return fail_mismatch(channel, "it does not speak the protocol of verified transfers: it is "
				      "raw (as nc), or an older version");
}

/* Read it as far as it looks like one, so that a stranger is found out at his first byte. */
static int
read_greeting(struct channel *channel)
{
	size_t have = 0;

	while (have < WIRE_GREETING_SIZE) {
		ssize_t n =
		    sku_recv(channel->sock, channel->seen + have, WIRE_GREETING_SIZE - have, 0);

		if (n > 0) {
			have += (size_t)n;
			if (!wire_may_be_greeting(channel->seen, have))
				return fail_no_greeting(channel);
		} else if (n == 0) {
			return have > 0 ? fail_no_greeting(channel) : connection_ended(channel);
		} else if (errno != EAGAIN) {
			return fail_errno(channel, errno);
		} else if (wait_ready(channel, POLLIN) == -1) {
			if (errno == ETIMEDOUT && sku_deadline_passed(channel->handshake))
				return fail_no_greeting(channel);
			return fail_errno(channel, errno);
		}
	}
	return STATUS_OK;
}

static int
check_greeting(struct channel *channel, enum wire_role role, bool key)
{
	struct wire_greeting peer;
	char message[120];

	switch (wire_greeting_decode(channel->seen, &peer)) {
	case WIRE_NOT_A_GREETING:
		return fail_no_greeting(channel);
	case WIRE_GREETING_VERSION:
		channel->greeted = true;
		(void)snprintf(message, sizeof(message),
		    "it speaks version %u of the protocol, and this is version %d", peer.version,
		    WIRE_VERSION);
		return fail_mismatch(channel, message);
	case WIRE_GREETING_BROKEN:
		return channel_protocol_error(channel, "its greeting");
	case WIRE_GREETING_OK:
		break;
	}
	channel->greeted = true;
	if (peer.role == role)
		return fail_mismatch(channel,
		    role == WIRE_SENDER ? "both ends are senders: one must be sockfile-recv" :
					  "both ends are receivers: one must be sockfile-send");
	if (key && !peer.key)
		return fail_mismatch(
		    channel, "it has no key, and this end wants one: give both the same --key");
	if (!key && peer.key)
		return fail_mismatch(
		    channel, "it wants a key, and this end has none: give both the same --key");
	return STATUS_OK;
}

static int
start_tls(struct channel *channel, const uint8_t *key, bool client)
{
	enum tls_result result;

	channel->tls = tls_new(sku_fileno(channel->sock), client, key);
	if (channel->tls == NULL)
		return failure_set(
		    channel->failure, STATUS_FAILED, ENOMEM, NULL, "talk to %s", channel->peer);
	while ((result = tls_handshake(channel->tls)) != TLS_DONE) {
		if (result == TLS_KEYS_DIFFER)
			return fail_mismatch(channel, "the keys of the two ends differ (--key)");
		if (result == TLS_ENDED)
			return connection_ended(channel);
		if (result == TLS_FAILED && errno != 0)
			return fail_errno(channel, errno);
		if (result == TLS_FAILED)
			return fail_mismatch(channel,
			    "encryption failed: what came is damaged, or not "
			    "from a peer with the key");
		if (wait_ready(channel, result == TLS_WANT_READ ? POLLIN : POLLOUT) == -1)
			return fail_errno(channel, errno);
	}
	return STATUS_OK;
}

int
channel_open(struct channel *channel, enum wire_role role, const uint8_t *key, bool wait_first,
    bool connected)
{
	const struct wire_greeting own = { WIRE_VERSION, role, key != NULL };
	int status = STATUS_OK;

	wire_greeting_encode(channel->own, &own);
	if (wait_first)
		status = read_greeting(channel);
	/* Also where the peer's is no good: it learns why. */
	if (status == STATUS_OK)
		status = write_all(channel, channel->own, sizeof(channel->own));
	if (status == STATUS_OK && !wait_first)
		status = read_greeting(channel);
	if (status == STATUS_OK)
		status = check_greeting(channel, role, key != NULL);
	if (status == STATUS_OK && key != NULL)
		status = start_tls(channel, key, connected);
	return status;
}

void
channel_hello(const struct channel *channel, struct wire_message *message,
    const uint8_t id[WIRE_ID_SIZE], uint32_t files)
{
	*message = (struct wire_message){ .type = WIRE_HELLO };
	(void)memcpy(message->hello.own, channel->own, WIRE_GREETING_SIZE);
	(void)memcpy(message->hello.seen, channel->seen, WIRE_GREETING_SIZE);
	(void)memcpy(message->hello.id, id, WIRE_ID_SIZE);
	message->hello.files = files;
}

int
channel_check_hello(struct channel *channel, const struct wire_hello *hello)
{
	if (memcmp(hello->own, channel->seen, WIRE_GREETING_SIZE) == 0 &&
	    memcmp(hello->seen, channel->own, WIRE_GREETING_SIZE) == 0)
		return STATUS_OK;
	channel_abort(channel, WIRE_GREETING_CHANGED);
	return fail_mismatch(channel, "the greeting was changed on the way");
}

/* ---- messages ------------------------------------------------------------------------------ */

int
channel_send(struct channel *channel, const struct wire_message *message)
{
	uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];

	return write_all(channel, out, wire_encode(out, message));
}

/* PROGRESS counts if something was done, or if all is hashed and only the disk is waited for. */
static void
note_progress(struct channel *channel, const struct wire_progress *progress)
{
	if (progress->done < channel->progress_done)
		channel->progress_done = 0; /* of another file */
	if (progress->done < progress->total &&
	    progress->done - channel->progress_done < MIN_PROGRESS)
		return;
	channel->progress_done = progress->done;
	restart_timeout(channel);
}

enum read_result { NOT_YET, MESSAGE, FAILURE };

/* Take what has come of the next message. */
static enum read_result
read_message(struct channel *channel, struct wire_message *message)
{
	/* Bytes alone are no progress here: a peer could send them one by one. */
	struct sku_deadline idle = channel->idle;

	for (;;) {
		enum wire_type type = WIRE_PROGRESS;
		uint32_t len = 0;
		size_t wanted = WIRE_HEADER_SIZE;
		ssize_t n;

		if (channel->in_len >= WIRE_HEADER_SIZE) {
			if (!wire_decode_header(channel->in, &type, &len)) {
				(void)channel_protocol_error(channel, "a header");
				return FAILURE;
			}
			if (type != WIRE_DATA)
				wanted += len;
		}
		if (channel->in_len == wanted && channel->in_len >= WIRE_HEADER_SIZE) {
			channel->in_len = 0;
			if (wire_decode(type, channel->in + WIRE_HEADER_SIZE, len, message))
				return MESSAGE;
			(void)channel_protocol_error(channel, "a message");
			return FAILURE;
		}
		n = read_some(channel, channel->in + channel->in_len, wanted - channel->in_len);
		channel->idle = idle;
		if (n > 0) {
			channel->in_len += (size_t)n;
			continue;
		}
		if (n == -1 && errno == EAGAIN)
			return NOT_YET;
		(void)read_failed(channel, n);
		return FAILURE;
	}
}

/* The peer works, and may say so as often as it likes: no limit and no signal waits for the end of
 * that. */
static void
take_work(struct channel *channel, const struct wire_progress *progress)
{
	int over = run_check() == -1 ? errno : 0;

	if (!channel->peer_works) {
		(void)channel_protocol_error(channel, "work out of its order");
		return;
	}
	note_progress(channel, progress);
	if (over == 0 && sku_deadline_passed(deadline_of(channel)))
		over = ETIMEDOUT;
	if (over != 0)
		(void)fail_errno(channel, over);
}

/* A whole message has come: true if it is the caller's to deal with. */
static bool
is_for_caller(struct channel *channel, const struct wire_message *message)
{
	if (message->type != WIRE_PROGRESS) {
		channel->progress_done = 0;
		restart_timeout(channel);
	}
	if (message->type == WIRE_PROGRESS)
		take_work(channel, &message->progress);
	else if (message->type == WIRE_ABORT)
		(void)channel_peer_error(channel, message->code);
	else
		return true;
	return false;
}

bool
channel_poll_message(struct channel *channel, struct wire_message *message)
{
	while (channel->failure->status == STATUS_OK && read_message(channel, message) == MESSAGE) {
		if (is_for_caller(channel, message))
			return true;
	}
	return false;
}

int
channel_receive(struct channel *channel, struct wire_message *message)
{
	while (!channel_poll_message(channel, message)) {
		if (channel->failure->status != STATUS_OK || wait_for(channel, POLLIN) != STATUS_OK)
			return channel->failure->status;
	}
	return STATUS_OK;
}

int
channel_receive_data(struct channel *channel, uint8_t *buf, size_t len, size_t *got)
{
	ssize_t n;

	while ((n = read_some(channel, buf, len)) <= 0) {
		if (n == 0 || errno != EAGAIN)
			return read_failed(channel, n);
		if (wait_for(channel, POLLIN) != STATUS_OK)
			return channel->failure->status;
	}
	*got = (size_t)n;
	return STATUS_OK;
}

/* As write_all(), and what the receiver says meanwhile stops it. */
static int
write_until_stopped(struct channel *channel, const uint8_t *buf, size_t len,
    struct wire_message *message, bool *stopped)
{
	while (len > 0 && !*stopped) {
		ssize_t n = write_some(channel, buf, len);

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
			channel->partial_message = true;
			continue;
		}
		if (errno != EAGAIN)
			return write_failed(channel, errno);
		if (wait_for(channel, POLLIN | POLLOUT) != STATUS_OK)
			return channel->failure->status;
		*stopped = channel_poll_message(channel, message);
		if (channel->failure->status != STATUS_OK)
			return channel->failure->status;
	}
	return STATUS_OK;
}

int
channel_send_data(struct channel *channel, const uint8_t *buf, size_t len,
    struct wire_message *message, bool *stopped)
{
	const struct wire_message data = { .type = WIRE_DATA, .data_len = (uint32_t)len };
	uint8_t header[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	int status;

	*stopped = false;
	status = write_until_stopped(channel, header, wire_encode(header, &data), message, stopped);
	if (status == STATUS_OK)
		status = write_until_stopped(channel, buf, len, message, stopped);
	if (status == STATUS_OK && !*stopped)
		channel->partial_message = false;
	return status;
}

int
channel_progress(struct channel *channel, uint64_t done, uint64_t total)
{
	const struct wire_message progress = { .type = WIRE_PROGRESS, .progress = { done, total } };
	int64_t now = sku_now();

	if (now - channel->progress_sent_ns < PROGRESS_PERIOD)
		return STATUS_OK;
	channel->progress_sent_ns = now;
	return channel_send(channel, &progress);
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Wait until there is more to read.  Returns false once that has taken long enough. */
static bool
wait_for_more(struct channel *channel, struct sku_deadline until)
{
	int fd = sku_fileno(channel->sock);

	if (run_wait_fd(fd, POLLIN, until) == 0)
		return true;
	return run_check() == -1 && run_wait_last(fd, POLLIN) == 0;
}

/* Read what the peer still sends: what is left unread would take our last words with it. */
static void
drain(struct channel *channel)
{
	struct sku_deadline until = sku_deadline_in(DRAIN_TIMEOUT);
	uint8_t discarded[16 * 1024];
	ssize_t n;

	do {
		n = sku_recv(channel->sock, discarded, sizeof(discarded), 0);
		if (n == -1 && errno == EAGAIN && wait_for_more(channel, until))
			n = 1;
	} while (n > 0 && !sku_deadline_passed(sku_deadline_earlier(until, run_last_wait_end())));
}

void
channel_abort(struct channel *channel, enum wire_code code)
{
	const struct wire_message abort = { .type = WIRE_ABORT, .code = (uint8_t)code };
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	size_t len = wire_encode(out, &abort);

	/* A raw sender must not take an end in order for done: the socket, which is its owner's to
	 * close, will end in a reset. */
	if (!channel->greeted) {
		(void)sku_setsockopt(channel->sock, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		return;
	}
	/* One attempt: who does not read now is not waited for. */
	if (!channel->closing && !channel->partial_message)
		(void)write_some(channel, out, len);
	channel->closing = true;
	(void)sku_shutdown(channel->sock, SHUT_WR);
	drain(channel);
}

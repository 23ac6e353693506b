/* channel.c - one end of a verified transfer: greeting, encryption, messages, and their deadlines.
 * Row transfer. */
#include "transfer/channel.h"

#include "net/closing.h"
#include "run/failure.h"
#include "run/run.h"
#include "run/uninitialized.h"
#include "run/wait.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* the protocol asks for one a second; a short -t for more */
#define PROGRESS_PERIOD (100 * SKU_MS)
#define MIN_PROGRESS (UINT64_C(1) << 20) /* less than that is no progress */
#define DRAIN_TIMEOUT (2 * SKU_SECOND)
/* A peer that vanished is found out within 90 s. */
#define GONE_AFTER_S 80
#define LOOK_PERIOD (2 * SKU_SECOND) /* between two looks for it */

void
channel_init(struct channel *channel, struct sku_sock *sock, const char *peer, int64_t came_ns)
{
	*channel = (struct channel){ .sock = sock,
		.peer = peer,
		.limit = { came_ns + CHANNEL_HANDSHAKE_TIMEOUT },
		.idle = sku_deadline_in(run.timeouts.operation_ns),
		.look_at_ns = INT64_MAX };
	if (sock->family == AF_UNIX)
		return;
	/* Small messages wait for answers: Nagle's algorithm would delay both. */
	(void)sku_setsockopt_int(sock, IPPROTO_TCP, TCP_NODELAY, 1);
	keepalive_set(sock, GONE_AFTER_S);
	channel->look_at_ns = came_ns + LOOK_PERIOD;
}

void
channel_set_limit(struct channel *channel, struct sku_deadline limit)
{
	channel->limit = limit;
	channel->idle = sku_deadline_in(run.timeouts.operation_ns);
}

/* ---- failures ------------------------------------------------------------------------------ */

/* What was tried: `talk to PEER`, `send FILE to PEER` or `receive from PEER into FILE`. */
static void
describe(const struct channel *channel, char action[FAILURE_ACTION_MAX])
{
	if (channel->file == NULL)
		(void)snprintf(action, FAILURE_ACTION_MAX, "talk to %s", channel->peer);
	else if (channel->role == WIRE_SENDER)
		(void)snprintf(
		    action, FAILURE_ACTION_MAX, "send %s to %s", channel->file, channel->peer);
	else
		(void)snprintf(action, FAILURE_ACTION_MAX, "receive from %s into %s", channel->peer,
		    channel->file);
}

int
channel_fail(const struct channel *channel, enum status status, int errnum, const char *message,
    struct failure *failure)
{
	char action[FAILURE_ACTION_MAX];

	describe(channel, action);
	return failure_set(failure, status, errnum, message, "%s", action);
}

int
channel_fail_errno(const struct channel *channel, int errnum, struct failure *failure)
{
	char action[FAILURE_ACTION_MAX];

	describe(channel, action);
	return run_wait_failed(failure, errnum, LIMIT_OPERATION, "%s", action);
}

static int
fail_mismatch(const struct channel *channel, const char *message, struct failure *failure)
{
	return channel_fail(channel, STATUS_MISMATCH, 0, message, failure);
}

static int
connection_ended(const struct channel *channel, struct failure *failure)
{
	return channel_fail(channel, STATUS_NO_PEER, ECONNRESET,
	    "the connection ended before the transfer did", failure);
}

int
channel_protocol_error(const struct channel *channel, const char *what, struct failure *failure)
{
	char message[160];

	(void)snprintf(message, sizeof(message), "protocol error: %s", what);
	return fail_mismatch(channel, message, failure);
}

int
channel_peer_error(
    struct channel *channel, const struct wire_message *said, struct failure *failure)
{
	bool aborted = said->type == WIRE_ABORT;
	uint8_t code = aborted ? said->code : said->position.kind;
	enum status status = (enum status)wire_code_status(code);
	char message[200];

	channel->closing = true;
	(void)snprintf(message, sizeof(message), "the peer says: %s", wire_code_text(code));
	/* A verdict is about the file: if it says "timed out", that was not about the
	 * connection. */
	return channel_fail(channel, status == STATUS_OK ? STATUS_MISMATCH : status,
	    aborted && status == STATUS_TIMED_OUT ? ETIMEDOUT : 0, message, failure);
}

bool
failure_is_connection_loss(const struct failure *failure)
{
	switch (failure->status) {
	case STATUS_NO_PEER:
		return failure->errnum != ECANCELED;
	case STATUS_TIMED_OUT:
	case STATUS_MISMATCH: /* fail_slow() */
		return failure->errnum == ETIMEDOUT;
	default:
		return false;
	}
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* Bytes were sent or received: restart --timeout. */
static void
restart_timeout(struct channel *channel)
{
	channel->idle = sku_deadline_in(run.timeouts.operation_ns);
	if (channel->active_ns != NULL)
		atomic_store_explicit(channel->active_ns, sku_now(), memory_order_relaxed);
}

static struct sku_deadline
deadline_of(const struct channel *channel)
{
	return sku_deadline_earlier(
	    run.timeouts.run, sku_deadline_earlier(channel->limit, channel->idle));
}

/* Wait: 0, or -1 with errno.  Look at the clock first: if bytes keep coming, poll never waits until
 * the time is up. */
static int
wait_until(const struct channel *channel, short events, struct sku_deadline deadline)
{
	if (!sku_deadline_passed(deadline))
		return run_wait_fd(sku_fileno(channel->sock), events, deadline);
	errno = ETIMEDOUT;
	return -1;
}

static int
wait_ready(const struct channel *channel, short events)
{
	return wait_until(channel, events, deadline_of(channel));
}

/* Is the peer still there?  While bytes are unacknowledged, the kernel takes a quarter of an hour
 * to find out. */
static int
look_for_peer(struct channel *channel, struct failure *failure)
{
	int64_t now = sku_now();

	if (now < channel->look_at_ns)
		return 0;
	channel->look_at_ns = now + LOOK_PERIOD;
	if (!keepalive_is_gone(&channel->keepalive, channel->sock, GONE_AFTER_S, now))
		return 0;
	return channel_fail(
	    channel, STATUS_TIMED_OUT, ETIMEDOUT, "it is gone: nothing was acknowledged", failure);
}

static struct sku_deadline
next_look(const struct channel *channel)
{
	struct sku_deadline look = { channel->look_at_ns };
	int64_t timeout_ns = run.timeouts.operation_ns;

	return timeout_ns == SKU_NO_TIMEOUT ?
		   look :
		   sku_deadline_earlier(look, sku_deadline_in(timeout_ns / CLOSING_LOOKS));
}

/* While the peer takes more of what the socket holds, --timeout starts over. */
static int
wait_for(struct channel *channel, short events, struct failure *failure)
{
	int left = INT_MAX;

	for (;;) {
		if (wait_until(channel, (short)(events | channel->tls_events),
			sku_deadline_earlier(deadline_of(channel), next_look(channel))) == 0)
			return 0;
		if (errno != ETIMEDOUT)
			return channel_fail_errno(channel, errno, failure);
		if (closing_takes_more(channel->sock, &left))
			restart_timeout(channel);
		if (sku_deadline_passed(deadline_of(channel)))
			return channel_fail_errno(channel, ETIMEDOUT, failure);
		if (look_for_peer(channel, failure) == -1)
			return -1;
	}
}

/* The result of TLS as that of a system call: bytes, 0 at the end, or -1 with errno. */
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
		errno = EBADMSG; /* bytes were changed on the way */
	return -1;
}

/* One read: bytes, 0 at the end, or -1 with errno (EAGAIN: nothing is there now). */
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
	/* TLS keeps what it could not write yet as a record, which must be sent first. */
	channel->partial_message = channel->partial_message || n > 0 || channel->tls != NULL;
	if (n > 0)
		restart_timeout(channel);
	return n;
}

static int
fail_damaged(const struct channel *channel, struct failure *failure)
{
	return fail_mismatch(channel, "what came is damaged, or not from the peer", failure);
}

static int
read_failed(const struct channel *channel, ssize_t n, struct failure *failure)
{
	if (n == 0)
		return connection_ended(channel, failure);
	if (errno == EBADMSG)
		return fail_damaged(channel, failure);
	return channel_fail_errno(channel, errno, failure);
}

/* The peer stopped reading.  If it sent a VERDICT or ABORT first, that is the reason to report. */
static int
write_failed(struct channel *channel, int errnum, struct failure *failure)
{
	struct wire_message message;

	/* Before its first message, and among the bytes of DATA, there is none to look for. */
	if (!channel->greeted || channel->data_left > 0)
		return channel_fail_errno(channel, errnum, failure);
	switch (channel_poll(channel, &message, failure)) {
	case CHANNEL_FAILED:
		return -1; /* maybe by its ABORT */
	case CHANNEL_MESSAGE:
		if (message.type == WIRE_VERDICT && message.position.kind != WIRE_DONE)
			return channel_peer_error(channel, &message, failure);
		break;
	case CHANNEL_NOTHING:
		break;
	}
	return errnum == EBADMSG ? fail_damaged(channel, failure) :
				   channel_fail_errno(channel, errnum, failure);
}

static int
write_all(struct channel *channel, const uint8_t *buf, size_t len, struct failure *failure)
{
	while (len > 0) {
		ssize_t n = write_some(channel, buf, len);

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN) {
			return write_failed(channel, errno, failure);
		} else if (wait_for(channel, POLLOUT, failure) == -1) {
			return -1;
		}
	}
	channel->partial_message = false;
	return 0;
}

/* ---- the greeting and TLS ------------------------------------------------------------------ */

static int
fail_no_greeting(const struct channel *channel, struct failure *failure)
{
	return fail_mismatch(channel,
	    "the peer does not speak the protocol of verified transfers: it is raw (as nc), or an "
	    "older "
	    "version",
	    failure);
}

/* ETIMEDOUT: the peer may be busy instead, and another connection may have an answer. */
static int
fail_slow(const struct channel *channel, size_t have, struct failure *failure)
{
	return channel_fail(channel, STATUS_MISMATCH, ETIMEDOUT,
	    have > 0 ? "the peer's greeting was not complete after 10 s: it is too slow" :
		       "the peer said nothing for 10 s: it does not speak the protocol of verified "
		       "transfers (it is raw, as nc, or an older version), or it is too busy",
	    failure);
}

/* Read on while it looks like a greeting, so that a stranger is found out at its first wrong
 * byte. */
static int
read_greeting(struct channel *channel, struct failure *failure)
{
	size_t have = 0;

	while (have < WIRE_GREETING_SIZE) {
		ssize_t n =
		    sku_recv(channel->sock, channel->seen + have, WIRE_GREETING_SIZE - have, 0);

		if (n > 0) {
			have += (size_t)n;
			if (!wire_may_be_greeting(channel->seen, have))
				return fail_no_greeting(channel, failure);
		} else if (n == 0) {
			/* Behind the magic it can only be a greeting that was cut off. */
			return have > 0 && have < WIRE_MAGIC_SIZE ?
				   fail_no_greeting(channel, failure) :
				   connection_ended(channel, failure);
		} else if (errno != EAGAIN) {
			return channel_fail_errno(channel, errno, failure);
		} else if (wait_ready(channel, POLLIN) == -1) {
			if (errno == ETIMEDOUT && sku_deadline_passed(channel->limit))
				return fail_slow(channel, have, failure);
			return channel_fail_errno(channel, errno, failure);
		}
	}
	return 0;
}

static int
check_greeting(struct channel *channel, enum wire_role role, bool key, struct failure *failure)
{
	struct wire_greeting peer;
	char message[120];

	switch (wire_greeting_decode(channel->seen, &peer)) {
	case WIRE_NOT_A_GREETING:
		return fail_no_greeting(channel, failure);
	case WIRE_GREETING_VERSION:
		channel->greeted = true;
		(void)snprintf(message, sizeof(message),
		    "it speaks version %u of the protocol, and this is version %d", peer.version,
		    WIRE_VERSION);
		return fail_mismatch(channel, message, failure);
	case WIRE_GREETING_BROKEN:
		return channel_protocol_error(channel, "a malformed greeting", failure);
	case WIRE_GREETING_OK:
		break;
	}
	channel->greeted = true;
	if (peer.role == role)
		return fail_mismatch(channel,
		    role == WIRE_SENDER ? "both ends are senders: one must be sockfile-recv" :
					  "both ends are receivers: one must be sockfile-send",
		    failure);
	if (key && !peer.key)
		return fail_mismatch(channel,
		    "it has no key, and this end wants one: give both the same --key", failure);
	if (!key && peer.key)
		return fail_mismatch(channel,
		    "it wants a key, and this end has none: give both the same --key", failure);
	return 0;
}

static int
start_tls(struct channel *channel, const uint8_t *key, bool client, struct failure *failure)
{
	enum tls_result result;

	channel->tls = tls_new(sku_fileno(channel->sock), client, key);
	if (channel->tls == NULL)
		return channel_fail(channel, STATUS_FAILED, ENOMEM, NULL, failure);
	while ((result = tls_handshake(channel->tls)) != TLS_DONE) {
		if (result == TLS_KEYS_DIFFER)
			return fail_mismatch(
			    channel, "the keys of the two ends differ (--key)", failure);
		if (result == TLS_ENDED)
			return connection_ended(channel, failure);
		if (result == TLS_FAILED && errno != 0)
			return channel_fail_errno(channel, errno, failure);
		if (result == TLS_FAILED)
			return fail_mismatch(channel,
			    "encryption failed: what came is damaged, or not from a peer with the "
			    "key",
			    failure);
		if (wait_ready(channel, result == TLS_WANT_READ ? POLLIN : POLLOUT) == -1)
			return channel_fail_errno(channel, errno, failure);
	}
	return 0;
}

int
channel_open(
    struct channel *channel, const struct channel_options *options, struct failure *failure)
{
	bool key = options->key != NULL;
	const struct wire_greeting own = { WIRE_VERSION, options->role, key };

	channel->role = options->role;
	wire_greeting_encode(channel->own, &own);
	if (options->wait_first && read_greeting(channel, failure) == -1)
		return -1;
	/* Send ours even if the peer's is wrong: it learns why. */
	if (write_all(channel, channel->own, sizeof(channel->own), failure) == -1)
		return -1;
	if (!options->wait_first && read_greeting(channel, failure) == -1)
		return -1;
	if (check_greeting(channel, options->role, key, failure) == -1)
		return -1;
	/* Either end may have connected, so that the role of TLS client must not depend on it. */
	return key ? start_tls(channel, options->key, options->role == WIRE_SENDER, failure) : 0;
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
channel_check_hello(
    struct channel *channel, const struct wire_hello *hello, struct failure *failure)
{
	if (memcmp(hello->own, channel->seen, WIRE_GREETING_SIZE) == 0 &&
	    memcmp(hello->seen, channel->own, WIRE_GREETING_SIZE) == 0)
		return 0;
	channel->abort_code = WIRE_GREETING_CHANGED;
	return fail_mismatch(channel, "the greeting was changed on the way", failure);
}

/* ---- messages ------------------------------------------------------------------------------ */

int
channel_send(struct channel *channel, const struct wire_message *message, struct failure *failure)
{
	uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];

	return write_all(channel, out, wire_encode(out, message), failure);
}

/* PROGRESS counts if something was done, or if all is hashed and only the disk is left. */
static void
note_progress(struct channel *channel, const struct wire_progress *progress)
{
	uint64_t least = channel->peer_stores ? 1 : MIN_PROGRESS;

	if (progress->done < progress->total &&
	    (progress->done < channel->progress_done ||
		progress->done - channel->progress_done < least))
		return;
	channel->progress_done = progress->done;
	restart_timeout(channel);
}

/* Take what has come of the next message. */
static enum channel_result
read_message(struct channel *channel, struct wire_message *message, struct failure *failure)
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
				(void)channel_protocol_error(
				    channel, "a malformed header", failure);
				return CHANNEL_FAILED;
			}
			if (type != WIRE_DATA)
				wanted += len;
		}
		if (channel->in_len == wanted && channel->in_len >= WIRE_HEADER_SIZE) {
			channel->in_len = 0;
			channel->data_left = type == WIRE_DATA ? len : 0;
			if (wire_decode(type, channel->in + WIRE_HEADER_SIZE, len, message))
				return CHANNEL_MESSAGE;
			(void)channel_protocol_error(channel, "a malformed message", failure);
			return CHANNEL_FAILED;
		}
		n = read_some(channel, channel->in + channel->in_len, wanted - channel->in_len);
		channel->idle = idle;
		if (n > 0) {
			channel->in_len += (size_t)n;
			continue;
		}
		if (n == -1 && errno == EAGAIN)
			return CHANNEL_NOTHING;
		(void)read_failed(channel, n, failure);
		return CHANNEL_FAILED;
	}
}

/* The peer works, and may send PROGRESS as often as it likes: look at limits and signals here. */
static int
take_progress(
    struct channel *channel, const struct wire_progress *progress, struct failure *failure)
{
	int over = run_check() == -1 ? errno : 0;

	if (!channel->peer_works)
		return channel_protocol_error(channel, "an unexpected PROGRESS", failure);
	note_progress(channel, progress);
	if (over == 0 && sku_deadline_passed(deadline_of(channel)))
		over = ETIMEDOUT;
	return over != 0 ? channel_fail_errno(channel, over, failure) : 0;
}

enum channel_result
channel_poll(struct channel *channel, struct wire_message *message, struct failure *failure)
{
	if (channel->has_early) {
		*message = channel->early;
		channel->has_early = false;
		return CHANNEL_MESSAGE;
	}
	for (;;) {
		enum channel_result result = read_message(channel, message, failure);

		if (result == CHANNEL_NOTHING && look_for_peer(channel, failure) == -1)
			return CHANNEL_FAILED;
		if (result != CHANNEL_MESSAGE)
			return result;
		if (message->type == WIRE_PROGRESS) {
			if (take_progress(channel, &message->progress, failure) == -1)
				return CHANNEL_FAILED;
			continue;
		}
		channel->progress_done = 0;
		restart_timeout(channel);
		if (message->type != WIRE_ABORT)
			return CHANNEL_MESSAGE;
		(void)channel_peer_error(channel, message, failure);
		return CHANNEL_FAILED;
	}
}

int
channel_receive(struct channel *channel, struct wire_message *message, struct failure *failure)
{
	enum channel_result result;

	while ((result = channel_poll(channel, message, failure)) == CHANNEL_NOTHING) {
		if (wait_for(channel, POLLIN, failure) == -1)
			return -1;
	}
	return result == CHANNEL_MESSAGE ? 0 : -1;
}

ssize_t
channel_receive_data(struct channel *channel, uint8_t *buf, size_t len, struct failure *failure)
{
	ssize_t n;

	while ((n = read_some(channel, buf, len)) <= 0) {
		if (n == 0 || errno != EAGAIN)
			return read_failed(channel, n, failure);
		if (wait_for(channel, POLLIN, failure) == -1)
			return -1;
	}
	channel->data_left -= (size_t)n;
	return n;
}

/* As write_all(), but a message from the receiver stops it. */
static enum channel_result
write_until_stopped(struct channel *channel, const uint8_t *buf, size_t len,
    struct wire_message *message, struct failure *failure)
{
	while (len > 0) {
		ssize_t n = write_some(channel, buf, len);
		enum channel_result result;

		if (n > 0) {
			buf += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN) {
			(void)write_failed(channel, errno, failure);
			return CHANNEL_FAILED;
		}
		if (wait_for(channel, POLLIN | POLLOUT, failure) == -1)
			return CHANNEL_FAILED;
		result = channel_poll(channel, message, failure);
		if (result != CHANNEL_NOTHING)
			return result;
	}
	return CHANNEL_NOTHING;
}

/* Send a message, and behind it the bytes of DATA. */
static enum channel_result
send_until_stopped(struct channel *channel, const struct wire_message *part, const uint8_t *buf,
    size_t len, struct wire_message *message, struct failure *failure)
{
	uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	enum channel_result result =
	    write_until_stopped(channel, out, wire_encode(out, part), message, failure);

	if (result == CHANNEL_NOTHING)
		result = write_until_stopped(channel, buf, len, message, failure);
	if (result == CHANNEL_NOTHING)
		channel->partial_message = false;
	return result;
}

enum channel_result
channel_send_data(struct channel *channel, const uint8_t *buf, size_t len,
    struct wire_message *message, struct failure *failure)
{
	const struct wire_message data = { .type = WIRE_DATA, .data_len = (uint32_t)len };

	return send_until_stopped(channel, &data, buf, len, message, failure);
}

enum channel_result
channel_send_hole(
    struct channel *channel, uint64_t len, struct wire_message *message, struct failure *failure)
{
	const struct wire_message hole = { .type = WIRE_HOLE, .hole_len = len };

	return send_until_stopped(channel, &hole, NULL, 0, message, failure);
}

/* Is it time for another PROGRESS? */
static bool
may_tell_progress(struct channel *channel)
{
	int64_t now = sku_now();

	if (now - channel->progress_sent_ns < PROGRESS_PERIOD)
		return false;
	channel->progress_sent_ns = now;
	return true;
}

static int
send_progress(struct channel *channel, uint64_t done, uint64_t total, struct failure *failure)
{
	const struct wire_message progress = { .type = WIRE_PROGRESS, .progress = { done, total } };

	return channel_send(channel, &progress, failure);
}

int
channel_tell_progress(
    struct channel *channel, uint64_t done, uint64_t total, struct failure *failure)
{
	return may_tell_progress(channel) ? send_progress(channel, done, total, failure) : 0;
}

int
channel_progress(struct channel *channel, uint64_t done, uint64_t total, struct failure *failure)
{
	enum channel_result result;

	if (!may_tell_progress(channel))
		return 0;
	if (send_progress(channel, done, total, failure) == -1)
		return -1;
	if (channel->has_early)
		return 0;
	result = channel_poll(channel, &channel->early, failure);
	channel->has_early = result == CHANNEL_MESSAGE;
	return result == CHANNEL_FAILED ? -1 : 0;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Wait until there is more to read.  False: that has taken long enough. */
static bool
wait_for_more(struct channel *channel, struct sku_deadline until)
{
	int fd = sku_fileno(channel->sock);

	if (run_wait_fd(fd, POLLIN, until) == 0)
		return true;
	return run_check() == -1 && run_wait_last(fd, POLLIN) == 0;
}

/* Read what the peer still sends: if it stayed unread, the end would be a reset, which destroys our
 * last message. */
static void
drain(struct channel *channel)
{
	struct sku_deadline until = sku_deadline_in(DRAIN_TIMEOUT);
	uint8_t discarded[16 * 1024] UNINITIALIZED;
	ssize_t n;

	do {
		n = sku_recv(channel->sock, discarded, sizeof(discarded), 0);
		if (n == -1 && errno == EAGAIN && wait_for_more(channel, until))
			n = 1;
	} while (n > 0 && !sku_deadline_passed(sku_deadline_earlier(until, run_last_wait_end())));
}

static uint8_t
abort_code(const struct channel *channel, const struct failure *failure)
{
	if (channel->abort_code != WIRE_DONE)
		return (uint8_t)channel->abort_code;
	if (failure->errnum == ECANCELED)
		return WIRE_ENDED;
	switch (failure->status) {
	case STATUS_TIMED_OUT:
		return WIRE_TIMED_OUT;
	case STATUS_MISMATCH:
		return WIRE_PROTOCOL;
	case STATUS_FAILED:
		return WIRE_FAILED;
	default:
		return WIRE_CUT_SHORT;
	}
}

static void
tell_why(struct channel *channel, const struct failure *failure)
{
	const struct wire_message abort = { .type = WIRE_ABORT,
		.code = abort_code(channel, failure) };
	uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	size_t len = wire_encode(out, &abort);

	/* A raw sender must not take an end in order for success: its owner's close of the socket
	 * will be a reset. */
	if (!channel->greeted) {
		closing_set_reset(channel->sock, true);
		return;
	}
	/* One attempt: do not wait for a peer that does not read now. */
	if (!channel->closing && !channel->partial_message)
		(void)write_some(channel, out, len);
	(void)sku_shutdown(channel->sock, SHUT_WR);
	drain(channel);
}

void
channel_close(struct channel *channel, const struct failure *failure)
{
	if (failure->status != STATUS_OK)
		tell_why(channel, failure);
	tls_end(channel->tls);
	channel->tls = NULL;
}

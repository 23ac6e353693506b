/* send_session.c - verified transfers: all FILEs to one receiver, over one connection after the
 * other.
 * Row tool.
 *
 * Bytes are read, hashed and sent from one buffer.  With sendfile(2), the bytes that are sent could
 * differ from those that were hashed. */
#include "sockfile-send/send_session.h"

#include "run/event.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/wait.h"
#include "transfer/channel.h"
#include "transfer/digest.h"
#include "transfer/sha256.h"
#include "transfer/summary.h"
#include "transfer/transcript.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HASH_CHUNK (128 * 1024)
#define INPUT_PERIOD (50 * SKU_MS) /* between two looks at a silent input */
#define FEW_CONNECTIONS 32	   /* so many may use the whole of their buffers */

static const char outcome_unknown[] = "delivered or not: unknown";

struct send_session {
	struct send_job *job;
	const struct sku_address *peer;
	const char *peer_text;
	struct failure *failure;
	struct channel channel;
	struct transcript transcript;
	struct digest *digest;
	struct sha256 *sha256; /* with --key, over what the receiver holds; else NULL */
	uint8_t *buf;
	/* of the FILE under way */
	struct source source;
	enum source_change change; /* at its end */
	uint32_t index;
	int64_t done, resumed;
	int64_t started_ns;

	bool has_noted; /* a failure of a FILE */
};

static int
fail_reading(struct send_session *s, int errnum)
{
	return failure_set(s->failure, STATUS_FAILED, errnum, NULL, "read %s", s->source.name);
}

/* The bar and SIGUSR1 count the bytes of each FILE that are done, over all connections. */
static void
show_progress(struct send_session *s, int64_t done)
{
	counter_add_shared(&transfer_stats.bytes, (uint64_t)(done - s->done));
	s->done = done;
}

/* ---- what the receiver says ------------------------------------------------------------------ */

static int
expect_message(struct send_session *s, enum wire_type type, struct wire_message *message)
{
	if (message->type != type || message->position.index != s->index)
		return channel_protocol_error(&s->channel, "an unexpected message", s->failure);
	return 0;
}

/* A verdict came early: it says why the receiver does not want this FILE. */
static int
receiver_stopped(struct send_session *s, const struct wire_message *message)
{
	if (message->type != WIRE_VERDICT || message->position.index != s->index ||
	    message->position.kind == WIRE_DONE)
		return channel_protocol_error(&s->channel, "an unexpected message", s->failure);
	return channel_peer_error(&s->channel, message, s->failure);
}

/* ---- offering -------------------------------------------------------------------------------- */

static const char *
offered_name(const struct send_session *s)
{
	const struct send_config *config = s->job->config;
	const char *name = config->name;

	if (name == NULL)
		name = config_transfer_name(config->files[s->index - 1]);
	return name != NULL ? name : "";
}

static int
send_offer(struct send_session *s)
{
	const struct stat *st = &s->source.opened;
	struct wire_offer *offer = &s->transcript.offer.offer;
	const char *name = offered_name(s);

	s->transcript.offer = (struct wire_message){ .type = WIRE_OFFER };
	offer->index = s->index;
	offer->mode = S_ISREG(st->st_mode) ? (uint16_t)(st->st_mode & 0777) : 0600;
	offer->size =
	    s->source.length == SIZE_UNKNOWN ? WIRE_SIZE_UNKNOWN : (uint64_t)s->source.length;
	offer->mtime_s = st->st_mtim.tv_sec;
	offer->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	offer->name_len = strlen(name);
	(void)memcpy(offer->name, name, offer->name_len);
	return channel_send(&s->channel, &s->transcript.offer, s->failure);
}

/* Hash the first bytes of the FILE, as the receiver does with what it holds. */
static int
hash_existing(struct send_session *s, int64_t held)
{
	while (s->done < held) {
		size_t len =
		    held - s->done < WIRE_DATA_MAX ? (size_t)(held - s->done) : WIRE_DATA_MAX;
		size_t got;

		switch (source_read(&s->source, s->done, s->buf, len, &got)) {
		case SOURCE_SENT:
			break;
		case SOURCE_READ_FAILED:
			s->job->local_failure = true;
			s->channel.abort_code = WIRE_CUT_SHORT;
			return fail_reading(s, errno);
		default:
			return 0; /* the FILE is shorter: no match */
		}
		digest_update(s->digest, s->buf, got);
		if (s->sha256 != NULL)
			sha256_update(s->sha256, s->buf, got);
		show_progress(s, s->done + (int64_t)got);
		if (run_check() == -1)
			return run_wait_failed(
			    s->failure, errno, LIMIT_OTHER, "read %s", s->source.name);
		if (channel_progress(&s->channel, (uint64_t)s->done, (uint64_t)held, s->failure) ==
		    -1)
			return -1;
	}
	return 0;
}

static bool
is_same_prefix(const struct send_session *s, const struct wire_position *prefix)
{
	uint8_t ours[WIRE_DIGEST_SIZE] = { 0 };
	bool key = s->job->config->key_file != NULL;

	digest_so_far(s->digest, ours);
	if (key && sha256_so_far(s->sha256, ours) == -1)
		return false; /* then all bytes are sent */
	return s->done == (int64_t)prefix->offset &&
	       prefix->kind == (key ? WIRE_SHA256 : WIRE_XXH3) &&
	       memcmp(ours, prefix->digest, sizeof(ours)) == 0;
}

/* The receiver holds a part: find out where to go on. */
static int
compare_prefix(struct send_session *s, const struct wire_position *have)
{
	struct wire_message message;
	bool comparable = s->source.seekable && (s->source.length == SIZE_UNKNOWN ||
						    (int64_t)have->offset <= s->source.length);

	/* With a key use SHA-256: what the receiver holds may have been made to collide in XXH3. */
	if (s->job->config->key_file != NULL && s->sha256 == NULL &&
	    (s->sha256 = sha256_new()) == NULL)
		return channel_fail(&s->channel, STATUS_FAILED, ENOMEM, NULL, s->failure);
	if (s->sha256 != NULL)
		sha256_reset(s->sha256);
	if (comparable && hash_existing(s, (int64_t)have->offset) == -1)
		return -1;
	if (channel_receive(&s->channel, &message, s->failure) == -1)
		return -1;
	s->channel.peer_works = false;
	if (message.type == WIRE_VERDICT)
		return receiver_stopped(s, &message);
	if (expect_message(s, WIRE_PREFIX, &message) == -1 ||
	    message.position.offset != have->offset)
		return channel_protocol_error(&s->channel, "an unexpected message", s->failure);
	if (comparable && is_same_prefix(s, &message.position)) {
		s->resumed = s->done;
		return 0;
	}
	digest_reset(s->digest);
	show_progress(s, 0);
	return 0;
}

/* Offer the FILE.  *refused: the receiver does not want it, and has said why. */
static int
offer_file(struct send_session *s, bool *refused)
{
	struct wire_message message;
	struct wire_message *start = &s->transcript.start;

	*refused = false;
	if (send_offer(s) == -1 || channel_receive(&s->channel, &message, s->failure) == -1)
		return -1;
	if (message.type == WIRE_VERDICT) {
		*refused = message.position.index == s->index && message.position.kind != WIRE_DONE;
		return receiver_stopped(s, &message);
	}
	if (expect_message(s, WIRE_HAVE, &message) == -1)
		return -1;
	s->job->accepted = true;
	channel_set_limit(&s->channel, sku_deadline_never());
	s->channel.peer_works = message.position.offset > 0;
	s->channel.peer_stores = false;
	if (message.position.offset > 0 && compare_prefix(s, &message.position) == -1)
		return -1;
	if (s->done > s->job->reached) {
		s->job->reached = s->done;
		s->job->progressed = true;
	}
	*start = (struct wire_message){ .type = WIRE_START };
	start->position.index = s->index;
	start->position.offset = (uint64_t)s->done;
	s->channel.peer_works = s->channel.peer_stores = true;
	return channel_send(&s->channel, start, s->failure);
}

/* ---- the bytes ------------------------------------------------------------------------------- */

/* Handle the result of channel_send_data() or channel_poll(): a message from the receiver ends the
 * file. */
static int
heed(struct send_session *s, enum channel_result result, const struct wire_message *message)
{
	switch (result) {
	case CHANNEL_MESSAGE:
		return receiver_stopped(s, message);
	case CHANNEL_FAILED:
		return -1;
	case CHANNEL_NOTHING:
		break;
	}
	return 0;
}

static int
check_for_stop(struct send_session *s)
{
	struct wire_message message;

	return heed(s, channel_poll(&s->channel, &message, s->failure), &message);
}

/* Wait until --limit-rate allows more, or the input has more.  The peer's --timeout does not run
 * meanwhile. */
static int
wait_without_timeout(struct send_session *s, int fd, int64_t at_ns)
{
	if (run_wait_fd(fd, POLLIN, (struct sku_deadline){ at_ns }) == -1 && run_check() == -1)
		return fd == -1 ? channel_fail_errno(&s->channel, errno, s->failure) :
				  run_wait_failed(
				      s->failure, errno, LIMIT_OTHER, "read %s", s->source.name);
	channel_set_limit(&s->channel, sku_deadline_never());
	return check_for_stop(s);
}

/* How much is sent at once.  A page of the buffer that is never used takes no memory. */
static size_t
message_size(void)
{
	return counter_value(&transfer_stats.connections) > FEW_CONNECTIONS ? HASH_CHUNK :
									      WIRE_DATA_MAX;
}

/* Read the next piece into the buffer; *got is 0 at the end, and before a hole, of *hole bytes. */
static enum source_result
read_chunk(struct send_session *s, struct rate *rate, size_t *got, int64_t *hole)
{
	size_t max = rate_allowance(rate, message_size(), sku_now());
	enum source_result result = SOURCE_SENT;

	*got = 0;
	if (max == 0)
		return SOURCE_BLOCKED;
	/* Hash in pieces that fit into the processor's cache; send all of them at once. */
	while (*got < max && result == SOURCE_SENT) {
		size_t chunk = max - *got < HASH_CHUNK ? max - *got : HASH_CHUNK, n;
		int64_t data = source_look_for_hole(&s->source, s->done + (int64_t)*got, hole);

		if (data == 0)
			break;
		if (data < (int64_t)chunk)
			chunk = (size_t)data;
		result = source_read(&s->source, s->done + (int64_t)*got, s->buf + *got, chunk, &n);
		digest_update(s->digest, s->buf + *got, n);
		*got += n;
	}
	if (s->source.consumed)
		s->job->input_consumed = true;
	return *got > 0 ? SOURCE_SENT : result; /* the result will come again */
}

/* So many bytes more are under way: see whether to go on. */
static int
after_piece(struct send_session *s, int64_t len)
{
	show_progress(s, s->done + len);
	if (run_check() == -1)
		return channel_fail_errno(&s->channel, errno, s->failure);
	return check_for_stop(s);
}

static int
send_chunk(struct send_session *s, struct rate *rate, size_t len)
{
	struct wire_message message;

	if (heed(s, channel_send_data(&s->channel, s->buf, len, &message, s->failure), &message) ==
	    -1)
		return -1;
	rate_account(rate, len, sku_now());
	return after_piece(s, (int64_t)len);
}

/* Say that a hole follows.  Its digest is that of zeros. */
static int
send_hole(struct send_session *s, int64_t hole)
{
	int64_t len = hole < WIRE_HOLE_MAX ? hole : WIRE_HOLE_MAX;
	struct wire_message message;

	if (heed(s, channel_send_hole(&s->channel, (uint64_t)len, &message, s->failure),
		&message) == -1)
		return -1;
	(void)memset(s->buf, 0, len < HASH_CHUNK ? (size_t)len : HASH_CHUNK);
	for (int64_t left = len; left > 0; left -= HASH_CHUNK)
		digest_update(s->digest, s->buf, left < HASH_CHUNK ? (size_t)left : HASH_CHUNK);
	return after_piece(s, len);
}

/* Send the FILE to its end.  If reading fails, it returns 0, and *how is what END must say. */
static int
send_bytes(struct send_session *s, enum wire_end *how, int *errnum)
{
	struct rate rate = { .bytes_per_second = s->job->config->limit_rate };
	int64_t hole;
	int result = 0;
	size_t got;

	*how = WIRE_WHOLE;
	while (result == 0) {
		switch (read_chunk(s, &rate, &got, &hole)) {
		case SOURCE_SENT:
			result = got > 0 ? send_chunk(s, &rate, got) : send_hole(s, hole);
			break;
		case SOURCE_BLOCKED:
			result = wait_without_timeout(s, -1, rate.next_at_ns);
			break;
		case SOURCE_WAIT:
			result = wait_without_timeout(s, s->source.fd, sku_now() + INPUT_PERIOD);
			break;
		case SOURCE_ENDED:
			s->change = source_look_for_change(&s->source, s->done);
			*errnum = errno;
			if (s->change == SOURCE_LOOKUP_FAILED)
				*how = WIRE_READ_FAILED;
			else if ((s->source.length != SIZE_UNKNOWN && s->done < s->source.length) ||
				 s->source.skip_left > 0 || s->source.is_cut_short ||
				 s->change != SOURCE_SAME)
				*how = WIRE_CHANGED;
			return 0;
		case SOURCE_READ_FAILED:
		case SOURCE_PEER_FAILED:
			*errnum = errno;
			*how = WIRE_READ_FAILED;
			return 0;
		}
	}
	return -1;
}

static int
send_end(struct send_session *s, enum wire_end how)
{
	struct wire_message message = { .type = WIRE_END };

	message.end.index = s->index;
	message.end.how = how;
	message.end.total = (uint64_t)s->done;
	transcript_digest(&s->transcript, s->digest, message.end.digest);
	return channel_send(&s->channel, &message, s->failure);
}

/* The FILE failed at this end: the receiver knows it from END.  Now report it here, too. */
static int
end_local_failure(struct send_session *s, enum wire_end how, int errnum)
{
	struct wire_message message;

	channel_set_limit(&s->channel, sku_deadline_in(CHANNEL_GOODBYE_TIMEOUT));
	(void)channel_receive(&s->channel, &message, s->failure);
	failure_clear(s->failure); /* whatever it answered */
	s->channel.closing = true;
	s->job->local_failure = true;
	if (how == WIRE_READ_FAILED)
		return fail_reading(s, errnum);
	return source_fail_changed(&s->source, s->done, s->change, s->failure);
}

static int
await_verdict(struct send_session *s)
{
	struct wire_message message;
	bool was_unknown = s->job->outcome_unknown;

	s->job->outcome_unknown = true;
	if (channel_receive(&s->channel, &message, s->failure) == -1) {
		if (s->channel.closing)
			s->job->outcome_unknown = was_unknown; /* the peer said why there is none */
		return -1;
	}
	if (expect_message(s, WIRE_VERDICT, &message) == -1)
		return -1;
	if (message.position.kind == WIRE_DONE && message.position.offset != (uint64_t)s->done)
		return channel_protocol_error(
		    &s->channel, "a VERDICT about another file", s->failure);
	s->job->outcome_unknown = false;
	s->channel.peer_works = false;
	if (message.position.kind != WIRE_DONE)
		return channel_peer_error(&s->channel, &message, s->failure);
	return 0;
}

/* ---- one FILE, all FILEs ----------------------------------------------------------------------
 */

static void
report_summary(struct send_session *s)
{
	const struct transfer_result result = { .sent = true,
		.name = s->source.name,
		.shown = s->job->config->file_count > 1 ? s->source.name : NULL,
		.peer = s->peer,
		.bytes = s->done,
		.resumed = s->resumed,
		.ns = sku_now() - s->started_ns,
		.remark = "",
		.verified = true };

	transfer_summary(&result);
}

static int
send_file(struct send_session *s, bool *refused)
{
	enum wire_end how;
	int errnum = 0;

	if (offer_file(s, refused) == -1 || send_bytes(s, &how, &errnum) == -1)
		return -1;
	if (s->source.count != SKU_SENDFILE_ALL && s->done < s->source.count && how == WIRE_WHOLE)
		how = WIRE_CHANGED;
	if (send_end(s, how) == -1)
		return -1;
	if (how != WIRE_WHOLE)
		return end_local_failure(s, how, errnum);
	if (await_verdict(s) == -1)
		return -1;
	report_summary(s);
	return 0;
}

/* This FILE is not sent, which was reported; the others are. */
static void
note_status(struct send_job *job, int status)
{
	if (status > job->status)
		job->status = status;
}

static void
mention_unknown(const struct send_job *job, struct failure *failure)
{
	if (job->outcome_unknown)
		failure_add(failure, "%s", outcome_unknown);
}

/* May the failure of a FILE be noted?  Receivers that refuse all, again and again, are only
 * counted. */
static bool
may_note(struct send_session *s)
{
	struct stranger_notes *failures = s->job->failures;
	bool may = failures == NULL || strangers_may_note(failures, sku_now());

	s->has_noted = s->has_noted || may;
	return may;
}

/* The receiver refused this file: report it and go on with the next. */
static void
report_refusal(struct send_session *s)
{
	struct send_job *job = s->job;

	note_status(job, s->failure->status);
	mention_unknown(job, s->failure);
	job->outcome_unknown = false;
	if (may_note(s))
		failure_note_file(s->failure, s->source.name, s->peer);
	failure_clear(s->failure);
	s->channel.closing = false;
}

/* This file cannot be opened any more.  If it is the only one, that is the failure of the program.
 */
static void
report_unopened(const struct send_session *s)
{
	if (s->job->config->file_count == 1)
		(void)failure_report(s->failure);
	else
		failure_note_file(s->failure, s->source.name, s->peer);
}

static void
begin_next(struct send_job *job)
{
	job->next++;
	job->reached = 0;
	job->progressed = true;
	job->input_consumed = false; /* of the previous FILE */
}

static int
send_next_file(struct send_session *s)
{
	struct send_job *job = s->job;
	const struct send_config *config = job->config;
	bool refused = false;
	uint64_t size;
	int result = 0;

	s->index = (uint32_t)job->next + 1;
	s->done = s->resumed = 0;
	s->started_ns = sku_now();
	digest_reset(s->digest);
	if (job->input_consumed) {
		job->next_is_named = true;
		(void)failure_set(s->failure, STATUS_NO_PEER, 0, "the connection was lost",
		    "send to %s", s->peer_text);
		send_mention_consumed(job, s->failure);
		return -1;
	}
	if (source_open(&s->source, config, job->next, s->failure) == -1) {
		mention_unknown(job, s->failure);
		job->outcome_unknown = false;
		note_status(job, s->failure->status); /* the others may be sent */
		if (may_note(s))
			report_unopened(s);
		failure_clear(s->failure);
	} else {
		size = (uint64_t)s->source.length; /* SIZE_UNKNOWN is STATE_UNKNOWN */
		transfer_stats_add_file(size);
		s->channel.file = s->source.name;
		result = send_file(s, &refused);
		s->channel.file = NULL;
		if (result == 0)
			transfer_stats_complete_file(size, (uint64_t)s->done);
		else
			transfer_stats_remove_file(size);
	}
	if (refused && config->file_count > 1 && s->failure->status != STATUS_NO_PEER) {
		report_refusal(s);
		result = 0;
	}
	job->next_is_named = result == -1;
	if (result == -1)
		show_progress(s, 0); /* the next connection counts it again */
	else
		begin_next(job);
	source_close(&s->source);
	return result;
}

static void
send_bye(struct send_session *s)
{
	struct wire_message message = { .type = WIRE_BYE };

	/* Every file has its verdict: it does not matter whether this message arrives. */
	channel_set_limit(&s->channel, sku_deadline_in(CHANNEL_GOODBYE_TIMEOUT));
	if (channel_send(&s->channel, &message, s->failure) == 0 &&
	    channel_receive(&s->channel, &message, s->failure) == 0)
		return;
	msg_verbose(1, "%s: %s", s->peer_text, s->failure->message);
	failure_clear(s->failure);
}

static int
greet(struct send_session *s)
{
	const struct send_job *job = s->job;
	const struct channel_options options = { .role = WIRE_SENDER,
		.key = job->config->key_file != NULL ? job->config->key : NULL };
	struct wire_message message;

	if (channel_open(&s->channel, &options, s->failure) == -1)
		return -1;
	channel_hello(
	    &s->channel, &s->transcript.hello, job->id, (uint32_t)job->config->file_count);
	if (channel_send(&s->channel, &s->transcript.hello, s->failure) == -1 ||
	    channel_receive(&s->channel, &message, s->failure) == -1)
		return -1;
	if (message.type != WIRE_HELLO || message.hello.files != 0 ||
	    memcmp(message.hello.id, job->id, WIRE_ID_SIZE) != 0)
		return channel_protocol_error(&s->channel, "an unexpected HELLO", s->failure);
	if (channel_check_hello(&s->channel, &message.hello, s->failure) == -1)
		return -1;
	if (job->may_start == NULL || job->may_start(job->arg))
		return 0;
	s->channel.abort_code = WIRE_BUSY;
	return failure_set(
	    s->failure, STATUS_NO_PEER, 0, "others are being served", "%s", s->peer_text);
}

static int
allocate(struct send_session *s)
{
	s->digest = digest_new();
	s->buf = malloc(WIRE_DATA_MAX);
	if (s->digest == NULL || s->buf == NULL)
		return failure_set(s->failure, STATUS_FAILED, ENOMEM, NULL, "get buffers");
	return 0;
}

int
send_random_id(uint8_t id[WIRE_ID_SIZE], struct failure *failure)
{
	if (getrandom(id, WIRE_ID_SIZE, 0) == WIRE_ID_SIZE)
		return 0;
	return failure_errno(failure, errno, "draw a transfer id");
}

/* ---- the end of a job ------------------------------------------------------------------------ */

void
send_mention_consumed(const struct send_job *job, struct failure *failure)
{
	failure_add(failure, "%s cannot be read again", source_name(job->config, job->next));
}

/* The first FILE of which the failure says nothing. */
static size_t
first_unnamed(const struct send_job *job)
{
	return job->next + (job->next_is_named ? 1 : 0);
}

static void
report_undelivered(
    const struct send_job *job, size_t index, const struct sku_address *peer, enum status status)
{
	const char *name = source_name(job->config, index);
	char action[FAILURE_ACTION_MAX], text[PEER_TEXT_MAX];
	const struct event_error error = { .status = status,
		.message =
		    index == job->next && job->outcome_unknown ? outcome_unknown : "not delivered",
		.during = action };

	(void)snprintf(action, sizeof(action), "send %s to %s", name, peer_text(peer, text));
	EVENT_RECORD("failed", EVENT_TEXT("name", name), EVENT_PEER(peer), EVENT_ERROR(&error));
}

static void
report_rest(const struct send_job *job, const struct sku_address *peer, int status)
{
	if (job->config->file_count == 1)
		return; /* the failure is about this one */
	for (size_t i = first_unnamed(job); i < job->config->file_count; i++)
		report_undelivered(job, i, peer, (enum status)status);
}

int
send_report_end(const struct send_job *job, const struct sku_address *peer, struct failure *failure)
{
	int status;

	if (job->next_is_named || job->config->file_count == 1)
		mention_unknown(job, failure);
	status = failure_report(failure);
	report_rest(job, peer, status);
	return status;
}

void
send_note_end(const struct send_job *job, const struct sku_address *peer, struct failure *failure)
{
	size_t rest = job->config->file_count - first_unnamed(job);
	bool over = run_check() == -1;

	mention_unknown(job, failure);
	if (job->next_is_named && rest > 0 && !over)
		failure_add(failure, "FILEs behind it that were not sent: %zu", rest);
	failure_note(failure, peer);
	if (job->next_is_named && over)
		report_rest(job, peer, failure->status);
}

/* ---- a connection of it ---------------------------------------------------------------------- */

int
send_session_run(struct send_job *job, struct sku_sock *sock, const struct sku_address *peer,
    struct failure *failure)
{
	char text[PEER_TEXT_MAX];
	struct send_session s = { .job = job,
		.peer = peer,
		.peer_text = peer_text(peer, text),
		.failure = failure,
		.source = SOURCE_INIT };
	int result;

	channel_init(&s.channel, sock, text, sku_now());
	result = allocate(&s);
	if (result == 0)
		result = greet(&s);
	while (result == 0 && job->next < job->config->file_count)
		result = send_next_file(&s);
	if (result == 0)
		send_bye(&s);
	if (s.has_noted && job->failures != NULL)
		strangers_note_rest(job->failures);
	channel_close(&s.channel, failure);
	digest_free(s.digest);
	sha256_free(s.sha256);
	free(s.buf);
	return result;
}

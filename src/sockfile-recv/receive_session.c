/* receive_session.c - verified: one connection, from its greeting to its goodbye.
 * Row tool. */
#include "sockfile-recv/receive_session.h"

#include "libsockutil/background.h"
#include "run/failure.h"
#include "run/rate.h"
#include "run/wait.h"
#include "transfer/channel.h"
#include "transfer/digest.h"
#include "transfer/leased.h"
#include "transfer/summary.h"
#include "transfer/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_PERIOD (100 * SKU_MS)
#define NO_VERDICT (-1)

struct receive_session {
	struct session_table *table;
	const struct recv_config *config;
	struct incoming *incoming;
	struct failure failure;
	struct channel channel;
	uint8_t *buf;
	struct transcript transcript;
	struct digest *digest;
	struct sha256 *sha256; /* what --sha256 or --key compares; else NULL */
	uint8_t id[WIRE_ID_SIZE];
	uint32_t files;
	uint32_t index; /* of the file under way */
	struct target *target;
	struct target own_target; /* with --dir */
	struct wire_offer offer;
	enum wire_have have;
	int64_t held, resumed, total;
	int64_t started_ns;
	int verdict; /* an enum wire_code that the sender has not heard; NO_VERDICT */
	bool was_writer, accepted, file_accepted, bye_received, other_id;
	bool all_files_done; /* every file has its verdict */
	int highest_refusal; /* the highest status of files that were not wanted */
};

/* ---- failing ------------------------------------------------------------------------------- */

/* It fails here, and the sender will be told why. */
__attribute__((format(printf, 4, 5))) static int
refuse(struct receive_session *s, enum wire_code code, const char *message, const char *format, ...)
{
	char during[600];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(during, sizeof(during), format, args);
	va_end(args);
	s->verdict = (int)code;
	return failure_set(
	    &s->failure, (enum status)wire_code_status((uint8_t)code), 0, message, "%s", during);
}

/* The target failed: what the sender shall know of it. */
static int
verdict_for_target(struct receive_session *s)
{
	switch (s->failure.errnum) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		s->verdict = WIRE_NO_SPACE;
		break;
	case EEXIST:
	case EISDIR:
		s->verdict = WIRE_EXISTS;
		break;
	case ECANCELED:
		s->verdict = WIRE_ENDED;
		break;
	case ENAMETOOLONG:
		s->verdict = WIRE_WRONG_NAME;
		break;
	default:
		s->verdict = WIRE_FAILED;
		break;
	}
	return s->failure.status;
}

static int
send_verdict(struct receive_session *s, enum wire_code code)
{
	struct wire_message message = { .type = WIRE_VERDICT };

	message.position.index = s->index;
	message.position.kind = (uint8_t)code;
	/* A bit that flips must not make one of these look like "done". */
	message.position.offset = code == WIRE_DONE ? (uint64_t)s->total : INT64_MAX;
	return channel_send(&s->channel, &message);
}

static void
set_progress(struct receive_session *s, int64_t total)
{
	s->total = total;
	counter_set(&transfer_stats.bytes, (uint64_t)total);
}

static int
check_canceled(struct receive_session *s)
{
	if (run_check() == 0)
		return STATUS_OK;
	return run_wait_failed(
	    &s->failure, errno, LIMIT_OTHER, "receive from %s", s->incoming->text);
}

/* ---- what is offered ------------------------------------------------------------------------- */

/* What the offer alone says against it. */
static int
check_offer(struct receive_session *s)
{
	const struct recv_config *config = s->config;
	bool known = s->offer.size != WIRE_SIZE_UNKNOWN;

	if (s->index > s->files)
		return channel_protocol_error(&s->channel, "more files than it said");
	if (config->dir != NULL && !wire_name_is_plain(s->offer.name, s->offer.name_len))
		return refuse(s, WIRE_WRONG_NAME,
		    s->offer.name_len == 0 ?
			"it comes without a name that a file may have (the sender's --name "
			"gives one)" :
			"no file may have this name",
		    "receive %s from %s", s->offer.name_len == 0 ? "a file" : s->offer.name,
		    s->incoming->text);
	if (known && config->max_size != UNLIMITED && (int64_t)s->offer.size > config->max_size)
		return refuse(s, WIRE_TOO_LARGE, "it is larger than --max-size allows",
		    "receive from %s", s->incoming->text);
	if (known && config->size != UNLIMITED && (int64_t)s->offer.size != config->size)
		return refuse(s, WIRE_WRONG_SIZE, "it has another size than --size says",
		    "receive from %s", s->incoming->text);
	return STATUS_OK;
}

static bool
is_another_file(struct receive_session *s)
{
	return s->other_id && s->config->dir != NULL &&
	       sessions_has_other_name(s->table, s->offer.name);
}

static int
refuse_busy(struct receive_session *s)
{
	s->accepted = false;
	return refuse(s, WIRE_BUSY, "another transfer is unfinished, and this is none of it",
	    "receive from %s", s->incoming->text);
}

/* The file that it would become: FILE, or a name in DIR. */
static int
open_target(struct receive_session *s)
{
	struct target_options options = s->config->options;

	if (s->config->retries > 0)
		options.resume = true;
	if (s->config->dir != NULL) {
		target_close(&s->own_target);
		s->target = &s->own_target;
		(void)target_init_at(s->target, s->config->place, s->offer.name, s->offer.name,
		    &options, &s->failure);
	} else {
		s->target = s->table->target;
		s->target->options = options;
		(void)target_inspect(s->target, &s->failure);
	}
	if (s->failure.status != STATUS_OK)
		return verdict_for_target(s);
	/* In a directory of others, what is no file is in the way. */
	if (s->config->dir != NULL && s->target->kind != TARGET_FILE)
		return refuse(
		    s, WIRE_EXISTS, "what stands there is no file", "write %s", s->offer.name);
	return STATUS_OK;
}

/* What is here of it already. */
static int
find_existing(struct receive_session *s)
{
	bool known = s->offer.size != WIRE_SIZE_UNKNOWN;
	struct target *target = s->target;

	s->have = WIRE_HAVE_NONE;
	s->held = 0;
	if (known && target_check_room(target, (int64_t)s->offer.size, &s->failure) != STATUS_OK)
		return verdict_for_target(s);
	if (target->kind != TARGET_FILE)
		return STATUS_OK;
	/* Is FILE this file?  Then there is nothing to do; --force alone would replace it. */
	if (target->exists && target->options.resume && (target->size > 0 || s->offer.size == 0) &&
	    (!known || (int64_t)s->offer.size == target->size)) {
		s->have = WIRE_HAVE_FINAL;
		s->held = target->size;
		return STATUS_OK;
	}
	if (target->exists && !target->options.force)
		return refuse(s, WIRE_EXISTS,
		    "it is there already, and is another file (--force "
		    "replaces it)",
		    "write %s", target->display_name);
	if (target_open_part(target, true, &s->failure) != STATUS_OK)
		return verdict_for_target(s);
	if (target->options.resume && target->part_size > 0 &&
	    (!known || target->part_size <= (int64_t)s->offer.size)) {
		s->have = WIRE_HAVE_PART;
		s->held = target->part_size;
	}
	return STATUS_OK;
}

/* ---- what is held ---------------------------------------------------------------------------- */

static int
hash_existing(struct receive_session *s, int fd)
{
	int64_t done = 0;

	while (done < s->held) {
		size_t len =
		    s->held - done < WIRE_DATA_MAX ? (size_t)(s->held - done) : WIRE_DATA_MAX;
		ssize_t n = pread(fd, s->buf, len, done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			s->verdict = WIRE_FAILED;
			return failure_set(&s->failure, STATUS_FAILED, n == 0 ? EIO : errno, NULL,
			    "read %s%s", s->target->display_name,
			    s->have == WIRE_HAVE_PART ? TARGET_SUFFIX : "");
		}
		digest_update(s->digest, s->buf, (size_t)n);
		if (s->sha256 != NULL)
			sha256_update(s->sha256, s->buf, (size_t)n);
		done += n;
		set_progress(s, done);
		if (check_canceled(s) != STATUS_OK ||
		    channel_progress(&s->channel, (uint64_t)done, (uint64_t)s->held) != STATUS_OK)
			return s->failure.status;
	}
	return STATUS_OK;
}

static int
send_prefix(struct receive_session *s)
{
	struct wire_message message = { .type = WIRE_PREFIX };
	int fd = s->have == WIRE_HAVE_FINAL ? target_open_final(s->target) : s->target->fd, status;

	if (fd == -1) {
		s->verdict = WIRE_FAILED;
		return open_leased_failed(&s->failure, errno, "read %s", s->target->display_name);
	}
	status = hash_existing(s, fd);
	if (s->have == WIRE_HAVE_FINAL)
		(void)close(fd);
	if (status != STATUS_OK)
		return status;
	message.position.index = s->index;
	message.position.offset = (uint64_t)s->held;
	message.position.kind = s->config->key_file != NULL ? WIRE_SHA256 : WIRE_XXH3;
	if (s->config->key_file != NULL)
		sha256_so_far(s->sha256, message.position.digest);
	else
		digest_so_far(s->digest, message.position.digest);
	return channel_send(&s->channel, &message);
}

static int
send_have(struct receive_session *s)
{
	struct wire_message message = { .type = WIRE_HAVE };

	message.position.index = s->index;
	message.position.kind = (uint8_t)s->have;
	message.position.offset = (uint64_t)s->held;
	if (channel_send(&s->channel, &message) != STATUS_OK)
		return s->failure.status;
	channel_restart_timeout(&s->channel);
	s->channel.peer_works = s->held > 0;
	return s->held > 0 ? send_prefix(s) : STATUS_OK;
}

/* Where the sender goes on: behind what is held, if that is the same file, or at the beginning. */
static int
receive_start(struct receive_session *s)
{
	struct wire_message message;
	int64_t offset;

	if (channel_receive(&s->channel, &message) != STATUS_OK)
		return s->failure.status;
	s->channel.peer_works = false;
	s->transcript.start = message;
	offset = (int64_t)message.position.offset;
	if (message.type != WIRE_START || message.position.index != s->index ||
	    (offset != 0 && offset != s->held))
		return channel_protocol_error(&s->channel, "a start out of its order");
	s->resumed = offset;
	if (s->have == WIRE_HAVE_FINAL && offset == s->held)
		return STATUS_OK; /* nothing is written */
	if (s->other_id && s->held > 0 && offset == 0)
		return refuse_busy(s);
	if (s->have == WIRE_HAVE_FINAL) {
		if (!s->target->options.force)
			return refuse(s, WIRE_EXISTS,
			    "it is there already, and is another file "
			    "(--force replaces it)",
			    "write %s", s->target->display_name);
		s->have = WIRE_HAVE_NONE;
		if (target_open_part(s->target, true, &s->failure) != STATUS_OK)
			return verdict_for_target(s);
	}
	if (offset == 0) {
		digest_reset(s->digest);
		if (s->sha256 != NULL)
			sha256_reset(s->sha256);
		set_progress(s, 0);
	}
	if (target_start(s->target, offset, &s->failure) != STATUS_OK)
		return verdict_for_target(s);
	return STATUS_OK;
}

/* ---- the bytes ------------------------------------------------------------------------------- */

static int
check_limits(struct receive_session *s, uint32_t len)
{
	int64_t after;

	if (__builtin_add_overflow(s->total, (int64_t)len, &after) ||
	    (s->offer.size != WIRE_SIZE_UNKNOWN && after > (int64_t)s->offer.size))
		return channel_protocol_error(&s->channel, "more bytes than it offered");
	if (s->have == WIRE_HAVE_FINAL)
		return refuse(s, WIRE_EXISTS,
		    "it is there already, and is shorter than what is "
		    "sent (--force replaces it)",
		    "write %s", s->target->display_name);
	if (s->config->max_size != UNLIMITED && after > s->config->max_size)
		return refuse(s, WIRE_TOO_LARGE, "it is larger than --max-size allows",
		    "receive from %s", s->incoming->text);
	if (s->config->size != UNLIMITED && after > s->config->size)
		return refuse(s, WIRE_WRONG_SIZE, "it has another size than --size says",
		    "receive from %s", s->incoming->text);
	return STATUS_OK;
}

/* A message of bytes is hashed as it comes, while the processor's cache still has it, and written
 * in one piece, for which the kernel takes larger pages. */
static int
receive_data(struct receive_session *s, uint32_t len)
{
	size_t have = 0, got;

	if (check_limits(s, len) != STATUS_OK)
		return s->failure.status;
	while (have < len) {
		if (channel_receive_data(&s->channel, s->buf + have, len - have, &got) != STATUS_OK)
			break;
		digest_update(s->digest, s->buf + have, got);
		if (s->sha256 != NULL && s->config->sha256_given)
			sha256_update(s->sha256, s->buf + have, got);
		have += got;
	}
	/* What came of one that is not whole is worth keeping all the same. */
	if (have > 0 && target_write(s->target, s->buf, have, &s->failure) != STATUS_OK)
		return verdict_for_target(s);
	set_progress(s, s->total + (int64_t)have);
	return s->failure.status != STATUS_OK ? s->failure.status : check_canceled(s);
}

/* To the END, which is in *end. */
static int
receive_bytes(struct receive_session *s, struct wire_ending *end)
{
	struct wire_message message;

	for (;;) {
		if (channel_receive(&s->channel, &message) != STATUS_OK)
			return s->failure.status;
		if (message.type == WIRE_END && message.end.index == s->index) {
			*end = message.end;
			return STATUS_OK;
		}
		if (message.type != WIRE_DATA)
			return channel_protocol_error(&s->channel, "a message among the bytes");
		if (receive_data(s, message.data_len) != STATUS_OK)
			return s->failure.status;
	}
}

/* What has come is not the file, and no beginning of it. */
static int
reject_and_remove(struct receive_session *s, enum wire_code code, const char *message)
{
	(void)refuse(s, code, message, "receive from %s", s->incoming->text);
	if (s->have != WIRE_HAVE_FINAL)
		target_discard(s->target);
	return s->failure.status;
}

static int
check_end(struct receive_session *s, const struct wire_ending *end)
{
	uint8_t digest[SHA256_BYTES];

	if (end->how == WIRE_CHANGED)
		return reject_and_remove(s, WIRE_CUT_SHORT, "the file changed while it was sent");
	if (end->how == WIRE_READ_FAILED)
		return refuse(s, WIRE_CUT_SHORT, "the sender could not read the file to its end",
		    "receive from %s", s->incoming->text);
	if (end->how == WIRE_STOPPED)
		return refuse(s, WIRE_ENDED, "the sender was told to end", "receive from %s",
		    s->incoming->text);
	if (end->total != (uint64_t)s->total ||
	    (s->offer.size != WIRE_SIZE_UNKNOWN && end->total != s->offer.size))
		return channel_protocol_error(
		    &s->channel, "an end that is not where its file ends");
	transcript_digest(&s->transcript, s->digest, digest);
	if (memcmp(digest, end->digest, DIGEST_BYTES) != 0)
		return reject_and_remove(
		    s, WIRE_WRONG_DIGEST, "what arrived is not what was sent: the digests differ");
	if (s->config->size != UNLIMITED && s->total != s->config->size)
		return refuse(s, WIRE_WRONG_SIZE, "it has another size than --size says",
		    "receive from %s", s->incoming->text);
	if (!s->config->sha256_given)
		return STATUS_OK;
	sha256_so_far(s->sha256, digest);
	if (memcmp(digest, s->config->sha256, sizeof(digest)) != 0)
		return reject_and_remove(s, WIRE_WRONG_SHA256, "its SHA-256 is another (--sha256)");
	return STATUS_OK;
}

/* ---- under its name -------------------------------------------------------------------------- */

static void
flush_target(void *arg)
{
	struct receive_session *s = arg;
	const struct timespec mtime = { (time_t)s->offer.mtime_s, (long)s->offer.mtime_ns };

	if (s->config->preserve) {
		s->target->options.mode = s->offer.mode;
		s->target->options.mode_asked = true;
	}
	(void)target_commit(s->target, s->config->preserve ? &mtime : NULL, &s->failure);
}

/* A disk may take its time: the sender is told that there is work.  A signal does not end that, but
 * who else waits for us does, when the disk takes too long (server.c, run.h). */
static int
commit_target(struct receive_session *s)
{
	const struct sku_work work = { .run = flush_target, .arg = s };
	struct failure lost = { .status = STATUS_OK };
	struct sku_background *job = sku_background_start(&work, -1);

	if (job == NULL) {
		flush_target(s);
		return s->failure.status != STATUS_OK ? verdict_for_target(s) : STATUS_OK;
	}
	s->channel.failure = &lost; /* the file counts, whether the sender is still there or not */
	while (sku_background_wait(job, sku_deadline_in(FLUSH_PERIOD)) == -1) {
		if (lost.status == STATUS_OK)
			(void)channel_progress(&s->channel, (uint64_t)s->total, (uint64_t)s->total);
	}
	sku_background_take(job);
	s->channel.failure = &s->failure;
	return s->failure.status != STATUS_OK ? verdict_for_target(s) : STATUS_OK;
}

static void
report_summary(const struct receive_session *s)
{
	const struct transfer_result result = { .event = "received",
		.name = s->target->display_name,
		.peer = &s->incoming->peer,
		.bytes = s->total,
		.resumed = s->resumed,
		.ns = sku_now() - s->started_ns,
		.remark = s->have == WIRE_HAVE_FINAL ? " (it was there already)" : " (verified)",
		.verified = true };

	transfer_summary(&result);
}

/* ---- a file ---------------------------------------------------------------------------------- */

static int
receive_file(struct receive_session *s)
{
	struct wire_ending end;

	if (check_offer(s) != STATUS_OK)
		return s->failure.status;
	if (is_another_file(s))
		return refuse_busy(s);
	if (open_target(s) != STATUS_OK || find_existing(s) != STATUS_OK)
		return s->failure.status;
	s->accepted = s->file_accepted = true;
	if (s->offer.size != WIRE_SIZE_UNKNOWN)
		counter_set(&transfer_stats.size, s->offer.size);
	else
		counter_set(&transfer_stats.size, STATE_UNKNOWN);
	if (send_have(s) != STATUS_OK || receive_start(s) != STATUS_OK ||
	    receive_bytes(s, &end) != STATUS_OK || check_end(s, &end) != STATUS_OK)
		return s->failure.status;
	if (s->have != WIRE_HAVE_FINAL && commit_target(s) != STATUS_OK)
		return s->failure.status;
	if (s->target->status > s->highest_refusal)
		s->highest_refusal = s->target->status;
	report_summary(s);
	counter_add(&transfer_stats.transfers, 1);
	s->all_files_done = s->index == s->files;
	return send_verdict(s, WIRE_DONE);
}

/* It is not wanted, and nothing was begun: the sender is told, and may offer the next. */
static int
refuse_file(struct receive_session *s)
{
	if (s->failure.status > s->highest_refusal)
		s->highest_refusal = s->failure.status;
	failure_note(&s->failure, &s->incoming->peer);
	s->failure = (struct failure){ .status = STATUS_OK };
	s->all_files_done = s->index == s->files;
	return send_verdict(s, (enum wire_code)s->verdict);
}

static int
receive_offer(struct receive_session *s, const struct wire_offer *offer)
{
	if (offer->index <= s->index)
		return channel_protocol_error(&s->channel, "an offer out of its order");
	s->offer = *offer;
	s->transcript.offer = (struct wire_message){ .type = WIRE_OFFER, .offer = *offer };
	s->index = offer->index;
	s->started_ns = sku_now();
	s->verdict = NO_VERDICT;
	s->file_accepted = false;
	digest_reset(s->digest);
	if (s->sha256 != NULL)
		sha256_reset(s->sha256);
	set_progress(s, 0);
	if (receive_file(s) == STATUS_OK)
		return STATUS_OK;
	if (!s->file_accepted && s->verdict != NO_VERDICT && s->verdict != WIRE_BUSY &&
	    s->files > 1)
		return refuse_file(s);
	return s->failure.status;
}

/* ---- the connection -------------------------------------------------------------------------- */

static int
receive_files(struct receive_session *s)
{
	struct wire_message message;

	for (;;) {
		if (channel_receive(&s->channel, &message) != STATUS_OK)
			return s->failure.status;
		if (message.type == WIRE_BYE && s->index > 0) {
			message.type = WIRE_BYE_OK;
			s->bye_received = true;
			return channel_send(&s->channel, &message);
		}
		if (message.type != WIRE_OFFER)
			return channel_protocol_error(&s->channel, "a message out of its order");
		if (receive_offer(s, &message.offer) != STATUS_OK || check_canceled(s) != STATUS_OK)
			return s->failure.status;
		/* The goodbye, or the next offer, is not waited for for ever. */
		s->channel.handshake = sku_deadline_in(CHANNEL_HANDSHAKE_TIMEOUT);
	}
}

static int
check_hello(struct receive_session *s, const struct wire_message *message)
{
	const struct wire_hello *hello = &message->hello;

	if (message->type != WIRE_HELLO || hello->files == 0)
		return channel_protocol_error(&s->channel, "its hello");
	if (channel_check_hello(&s->channel, hello) != STATUS_OK)
		return s->failure.status;
	if (hello->files > 1 && s->config->dir == NULL) {
		channel_abort(&s->channel, WIRE_ONE_FILE);
		return failure_set(&s->failure, STATUS_MISMATCH, 0,
		    "it has several files, and one is taken here (--dir takes several)",
		    "talk to %s", s->incoming->text);
	}
	s->transcript.hello = *message;
	(void)memcpy(s->id, hello->id, WIRE_ID_SIZE);
	s->files = hello->files;
	return STATUS_OK;
}

static int
claim_writer(struct receive_session *s)
{
	if (sessions_claim(s->table, s->incoming, s->id)) {
		s->was_writer = true;
		s->other_id = sessions_has_other_id(s->table, s->id);
		return STATUS_OK;
	}
	if (check_canceled(s) != STATUS_OK)
		return s->failure.status;
	channel_abort(&s->channel, WIRE_BUSY);
	return failure_set(&s->failure, STATUS_NO_PEER, 0, "another transfer is unfinished",
	    "receive from %s", s->incoming->text);
}

static int
greet(struct receive_session *s, bool connected)
{
	const struct recv_config *config = s->config;
	struct wire_message message;

	if (channel_open(&s->channel, WIRE_RECEIVER, config->key_file != NULL ? config->key : NULL,
		!config->verify, connected) != STATUS_OK ||
	    channel_receive(&s->channel, &message) != STATUS_OK ||
	    check_hello(s, &message) != STATUS_OK || claim_writer(s) != STATUS_OK)
		return s->failure.status;
	channel_hello(&s->channel, &message, s->id, 0);
	return channel_send(&s->channel, &message);
}

/* The sender learns why; what has come is kept, if it is worth it. */
static void
end_failed_session(struct receive_session *s)
{
	struct failure reason = s->failure;

	if (s->failure.status == STATUS_OK)
		return;
	if (s->was_writer && failure_is_connection_loss(&reason))
		sessions_begin_end(s->table);
	if (s->verdict != NO_VERDICT && !s->channel.closing) {
		struct failure ignored = { .status = STATUS_OK };

		s->channel.failure = &ignored;
		s->channel.closing = send_verdict(s, (enum wire_code)s->verdict) == STATUS_OK;
		s->channel.failure = &s->failure;
	}
	if (s->target != NULL && s->file_accepted && s->have != WIRE_HAVE_FINAL)
		target_keep(s->target, &reason);
	s->failure = reason;
	channel_abort(&s->channel, reason.errnum == ECANCELED	     ? WIRE_ENDED :
				   reason.status == STATUS_TIMED_OUT ? WIRE_TIMED_OUT :
								       WIRE_PROTOCOL);
}

static int
allocate(struct receive_session *s)
{
	s->buf = malloc(WIRE_DATA_MAX);
	s->digest = digest_new();
	if (s->config->sha256_given || s->config->key_file != NULL)
		s->sha256 = sha256_new();
	if (s->buf == NULL || s->digest == NULL ||
	    ((s->config->sha256_given || s->config->key_file != NULL) && s->sha256 == NULL))
		return failure_set(&s->failure, STATUS_FAILED, ENOMEM, NULL, "get buffers");
	return STATUS_OK;
}

static void
release(struct receive_session *s)
{
	free(s->buf);
	digest_free(s->digest);
	sha256_free(s->sha256);
	target_close(&s->own_target);
}

void
receive_session_run(struct session *session)
{
	struct receive_session s = { .table = session->table,
		.config = session->table->config,
		.incoming = session->incoming,
		.own_target = TARGET_INIT,
		.verdict = NO_VERDICT };
	int status;

	channel_init(&s.channel, &s.incoming->sock, s.incoming->text, &s.failure);
	status = allocate(&s);
	if (status == STATUS_OK)
		status = greet(&s, session->connected);
	if (status == STATUS_OK)
		status = receive_files(&s);
	/* Every file is dealt with, whether or not the sender is still there to hear it. */
	if (status != STATUS_OK && s.all_files_done && failure_is_connection_loss(&s.failure))
		s.failure = (struct failure){ .status = STATUS_OK };
	end_failed_session(&s);
	channel_close(&s.channel);
	if (s.was_writer)
		sessions_begin_end(s.table);
	(void)memcpy(session->id, s.id, sizeof(session->id));
	(void)memcpy(session->name, s.offer.name, sizeof(session->name));
	session->was_writer = s.was_writer;
	session->accepted = s.accepted;
	session->bye_received = s.bye_received;
	session->can_go_on = s.target == NULL || s.target->kind == TARGET_FILE;
	session->status = s.highest_refusal;
	session->failure = s.failure;
	release(&s);
}

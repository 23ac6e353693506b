/* receive_session.c - one verified connection, from its greeting to its goodbye.
 * Row tool. */
#include "sockfile-recv/receive_session.h"

#include "libsockutil/background.h"
#include "run/failure.h"
#include "run/rate.h"
#include "run/run.h"
#include "run/wait.h"
#include "transfer/digest.h"
#include "transfer/leased.h"
#include "transfer/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_PERIOD (100 * SKU_MS)
#define NO_VERDICT (-1)
#define PIPE_PIECE (64 * 1024) /* what a pipe holds */

/* ---- failing ------------------------------------------------------------------------------- */

/* Refuse what is offered or what came: fail here, and have a verdict with this code sent to the
 * sender. */
static int
refuse(struct receive_session *s, enum wire_code code, const char *message)
{
	s->verdict = (int)code;
	return channel_fail(
	    &s->channel, (enum status)wire_code_status((uint8_t)code), 0, message, &s->failure);
}

/* The same because of what stands where the file would be written. */
static int
refuse_to_write(struct receive_session *s, enum wire_code code, const char *message)
{
	s->verdict = (int)code;
	return failure_set(&s->failure, (enum status)wire_code_status((uint8_t)code), 0, message,
	    "write %s", s->target->display_name);
}

/* The target failed: choose the verdict for the sender. */
static int
verdict_for_target(struct receive_session *s)
{
	if (s->failure.status == STATUS_TIMED_OUT) {
		s->verdict = WIRE_TIMED_OUT;
		return -1;
	}
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
	case ENAMETOOLONG: /* from the file system: another name would do */
		s->verdict = WIRE_WRONG_NAME;
		s->failure.status = STATUS_MISMATCH;
		break;
	default:
		s->verdict = WIRE_FAILED;
		break;
	}
	return -1;
}

static int
send_verdict(struct receive_session *s, enum wire_code code, struct failure *failure)
{
	struct wire_message message = { .type = WIRE_VERDICT };

	message.position.index = s->index;
	message.position.kind = (uint8_t)code;
	/* A flipped bit must not turn another verdict into WIRE_DONE. */
	message.position.offset = code == WIRE_DONE ? (uint64_t)s->total : INT64_MAX;
	return channel_send(&s->channel, &message, failure);
}

static void
set_progress(struct receive_session *s, int64_t total)
{
	counter_add_shared(&transfer_stats.bytes, (uint64_t)(total - s->total));
	s->total = total;
}

static int
check_canceled(struct receive_session *s)
{
	if (run_check() == 0)
		return 0;
	return channel_fail_errno(&s->channel, errno, &s->failure);
}

/* ---- what is offered ------------------------------------------------------------------------- */

/* Until the session that has the file has ended, or was observed for long enough. */
static int
wait_for_claim(struct receive_session *s)
{
	struct pollfd fds[] = { { .fd = s->session.wake_fd, .events = POLLIN },
		{ .fd = sku_fileno(&s->incoming->sock), .events = POLLRDHUP } };

	if (run_wait(fds, 2, (struct sku_deadline){ s->session.ask_again_ns }) == -1 &&
	    (errno != ETIMEDOUT || run_check() == -1))
		return channel_fail_errno(&s->channel, errno, &s->failure);
	if (fds[1].revents != 0)
		return channel_fail_errno(&s->channel, ECONNRESET, &s->failure);
	return 0;
}

static int
claim_file(struct receive_session *s)
{
	enum claim_result result;

	while (
	    (result = sessions_claim(s->table, &s->session, &s->offer, sku_now())) == CLAIM_WAIT) {
		if (wait_for_claim(s) == -1)
			return -1;
	}
	if (result == CLAIM_GRANTED)
		return 0;
	if (check_canceled(s) == -1)
		return -1;
	return refuse(s, WIRE_BUSY, s->session.why_busy);
}

/* Is the name that of a FILE.part, if case is ignored?  FAT also ignores dots at the end of a
 * name. */
static bool
is_part_of_another(const struct place *place, const char *name)
{
	size_t len = strlen(name), suffix = strlen(TARGET_SUFFIX);

	if (place_can(place, PLACE_CASE))
		return false;
	while (len > suffix && name[len - 1] == '.')
		len--;
	return len > suffix && strncasecmp(name + len - suffix, TARGET_SUFFIX, suffix) == 0;
}

/* Refuse the offer because of its name or its size. */
static int
check_offer(struct receive_session *s)
{
	const struct recv_config *config = s->config;
	bool known = s->offer.size != WIRE_SIZE_UNKNOWN;

	if (config->dir != NULL && !wire_name_is_plain(s->offer.name, s->offer.name_len))
		return refuse(s, WIRE_WRONG_NAME,
		    s->offer.name_len == 0 ?
			"it comes without a name that a file may have (the sender's --name "
			"gives one)" :
			"no file may have this name");
	if (config->dir != NULL && is_part_of_another(config->place, s->offer.name))
		return refuse(s, WIRE_WRONG_NAME,
		    "it is the name of an unfinished file, where upper and lower case are the "
		    "same");
	if (known && config->max_size != UNLIMITED && (int64_t)s->offer.size > config->max_size)
		return refuse(s, WIRE_TOO_LARGE, "it is larger than --max-size allows");
	if (known && config->size != UNLIMITED && (int64_t)s->offer.size != config->size)
		return refuse(s, WIRE_WRONG_SIZE, "it has another size than --size says");
	return 0;
}

/* Prepare the target of the offer: FILE, or a name in DIR. */
static int
open_target(struct receive_session *s)
{
	struct target_options options = s->config->options;

	if (s->config->retries > 0)
		options.resume = true;
	if (s->config->dir != NULL) {
		s->target = &s->own_target;
		(void)target_init_at(s->target, s->config->place, s->offer.name, s->channel.file,
		    &options, &s->failure);
	} else {
		s->target->options = options;
		(void)target_inspect(s->target, &s->failure);
	}
	if (s->failure.status != STATUS_OK)
		return verdict_for_target(s);
	/* With --dir, write only regular files. */
	if (s->config->dir != NULL && s->target->kind != TARGET_FILE)
		return refuse_to_write(s, WIRE_EXISTS, "what stands there is no file");
	return 0;
}

/* A sender without a key that does not know the size learns only that FILE exists.  A FILE that is
 * to be replaced anyway may be a mere beginning of what comes. */
static bool
may_confirm(const struct receive_session *s)
{
	const struct target *target = s->target;

	if (!target->exists || !target->options.resume)
		return false;
	if (s->offer.size != WIRE_SIZE_UNKNOWN)
		return (int64_t)s->offer.size == target->size;
	return target->size > 0 && s->config->key_file != NULL && !target->options.force;
}

/* Find out what is here of the file already. */
static int
find_existing(struct receive_session *s)
{
	bool known = s->offer.size != WIRE_SIZE_UNKNOWN;
	struct target *target = s->target;

	s->have = WIRE_HAVE_NONE;
	s->held = 0;
	if (known && target_check_room(target, (int64_t)s->offer.size, &s->failure) == -1)
		return verdict_for_target(s);
	if (target->kind != TARGET_FILE)
		return 0;
	/* If FILE is this file, there is nothing to do.  With --force alone it would be
	 * replaced. */
	if (may_confirm(s)) {
		s->have = WIRE_HAVE_FINAL;
		s->held = target->size;
		return 0;
	}
	if (target->exists && !target->options.force)
		return refuse_to_write(s, WIRE_EXISTS,
		    "it is there already, and is another file (--force "
		    "replaces it)");
	if (target_open_part(target, true, &s->failure) == -1)
		return verdict_for_target(s);
	if (target->options.resume && target->part_size > 0 &&
	    (!known || target->part_size <= (int64_t)s->offer.size)) {
		s->have = WIRE_HAVE_PART;
		s->held = target->part_size;
	}
	return 0;
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
		if (check_canceled(s) == -1 || channel_progress(&s->channel, (uint64_t)done,
						   (uint64_t)s->held, &s->failure) == -1)
			return -1;
	}
	return 0;
}

static int
compute_sha256(struct receive_session *s, uint8_t digest[SHA256_BYTES])
{
	if (sha256_so_far(s->sha256, digest) == 0)
		return 0;
	s->verdict = WIRE_FAILED;
	return failure_errno(
	    &s->failure, ENOMEM, "compute the SHA-256 of %s", s->target->display_name);
}

/* Open FILE once: the file that is compared must be the one that is confirmed. */
static int
open_final(struct receive_session *s)
{
	if (s->final_fd == -1)
		s->final_fd = target_open_final(s->target);
	if (s->final_fd != -1)
		return 0;
	return open_leased_failed(&s->failure, errno, "read %s", s->target->display_name);
}

static void
close_final(struct receive_session *s)
{
	if (s->final_fd != -1) {
		(void)run_start_thread(); /* its file system may hang */
		(void)close(s->final_fd);
	}
	s->final_fd = -1;
}

static int
send_prefix(struct receive_session *s)
{
	struct wire_message message = { .type = WIRE_PREFIX };

	if (s->have == WIRE_HAVE_FINAL && open_final(s) == -1)
		return verdict_for_target(s);
	if (hash_existing(s, s->have == WIRE_HAVE_FINAL ? s->final_fd : s->target->fd) == -1)
		return -1;
	message.position.index = s->index;
	message.position.offset = (uint64_t)s->held;
	message.position.kind = s->config->key_file != NULL ? WIRE_SHA256 : WIRE_XXH3;
	digest_so_far(s->digest, message.position.digest);
	if (s->config->key_file != NULL && compute_sha256(s, message.position.digest) == -1)
		return -1;
	return channel_send(&s->channel, &message, &s->failure);
}

static int
send_have(struct receive_session *s)
{
	struct wire_message message = { .type = WIRE_HAVE };

	message.position.index = s->index;
	message.position.kind = (uint8_t)s->have;
	message.position.offset = (uint64_t)s->held;
	if (channel_send(&s->channel, &message, &s->failure) == -1)
		return -1;
	channel_set_limit(&s->channel, sku_deadline_never());
	s->channel.peer_works = s->held > 0;
	return s->held > 0 ? send_prefix(s) : 0;
}

/* Receive where the sender goes on: behind what is held, if that is the same file, or at the
 * beginning. */
static int
receive_start(struct receive_session *s)
{
	struct wire_message message;
	int64_t offset;

	if (channel_receive(&s->channel, &message, &s->failure) == -1)
		return -1;
	s->channel.peer_works = false;
	s->transcript.start = message;
	offset = (int64_t)message.position.offset;
	if (message.type != WIRE_START || message.position.index != s->index ||
	    (offset != 0 && offset != s->held))
		return channel_protocol_error(&s->channel, "an unexpected START", &s->failure);
	s->resumed = offset;
	if (s->have == WIRE_HAVE_FINAL && offset == s->held)
		return 0; /* nothing is written */
	if (s->have == WIRE_HAVE_FINAL) {
		if (!s->target->options.force)
			return refuse_to_write(s, WIRE_EXISTS,
			    "it is there already, and is another file "
			    "(--force replaces it)");
		s->have = WIRE_HAVE_NONE;
		s->held = 0;
		if (target_open_part(s->target, true, &s->failure) == -1)
			return verdict_for_target(s);
	}
	if (offset == 0) {
		digest_reset(s->digest);
		if (s->sha256 != NULL)
			sha256_reset(s->sha256);
		set_progress(s, 0);
	}
	if (target_start(s->target, offset, &s->failure) == -1 ||
	    (s->config->size != UNLIMITED &&
		target_reserve(s->target, s->config->size, &s->failure) == -1))
		return verdict_for_target(s);
	return 0;
}

/* ---- the bytes ------------------------------------------------------------------------------- */

static int
check_limits(struct receive_session *s, int64_t len)
{
	int64_t after;

	if (__builtin_add_overflow(s->total, len, &after) ||
	    (s->offer.size != WIRE_SIZE_UNKNOWN && after > (int64_t)s->offer.size))
		return channel_protocol_error(
		    &s->channel, "more bytes than were offered", &s->failure);
	if (s->have == WIRE_HAVE_FINAL)
		return refuse_to_write(s, WIRE_EXISTS,
		    "it is there already, and is shorter than what is "
		    "sent (--force replaces it)");
	if (s->config->max_size != UNLIMITED && after > s->config->max_size)
		return refuse(s, WIRE_TOO_LARGE, "it is larger than --max-size allows");
	if (s->config->size != UNLIMITED && after > s->config->size)
		return refuse(s, WIRE_WRONG_SIZE, "it has another size than --size says");
	return 0;
}

static void
hash_bytes(struct receive_session *s, const uint8_t *bytes, size_t len)
{
	digest_update(s->digest, bytes, len);
	if (s->sha256 != NULL && s->config->sha256_given)
		sha256_update(s->sha256, bytes, len);
}

/* Hash the bytes as they come, while they are in the processor's cache, and write them in one
 * piece. */
static int
receive_piece(struct receive_session *s, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n =
		    channel_receive_data(&s->channel, s->buf + have, len - have, &s->failure);

		if (n == -1)
			break;
		hash_bytes(s, s->buf + have, (size_t)n);
		have += (size_t)n;
	}
	/* What was here before, and is sent anew, is no progress. */
	if (s->total + (int64_t)have > s->held)
		s->progressed = true;
	/* Keep what came of a file that is not whole. */
	if (have > 0 && target_write(s->target, s->buf, have, &s->failure) == -1)
		return verdict_for_target(s);
	set_progress(s, s->total + (int64_t)have);
	return s->failure.status != STATUS_OK ? -1 : check_canceled(s);
}

/* What is written to may be slow: the sender's --timeout starts over with each piece. */
static int
tell_progress(struct receive_session *s)
{
	return channel_tell_progress(&s->channel, (uint64_t)s->total, s->offer.size, &s->failure);
}

/* A file is written in pieces as large as a DATA message, for which the kernel takes larger pages.
 * Whoever reads a pipe may be slow. */
static int
receive_data(struct receive_session *s, int64_t len)
{
	size_t piece = s->target->kind == TARGET_FILE ? (size_t)len : PIPE_PIECE;

	if (check_limits(s, len) == -1)
		return -1;
	for (size_t left = (size_t)len; left > 0; left -= piece) {
		if (piece > left)
			piece = left;
		if (receive_piece(s, piece) == -1 || (piece < left && tell_progress(s) == -1))
			return -1;
	}
	return 0;
}

/* A HOLE: so many bytes are zero.  They are written where there can be no hole.  That, or a slower
 * digest than the sender's, may take long. */
static int
receive_hole(struct receive_session *s, int64_t len)
{
	size_t piece = len < PIPE_PIECE ? (size_t)len : PIPE_PIECE;
	bool is_left;

	if (check_limits(s, len) == -1)
		return -1;
	if (target_check_size(s->target, &s->failure) == -1)
		return verdict_for_target(s);
	if (s->total + len > s->held)
		s->progressed = true;
	is_left = target_leave_hole(s->target, len);
	(void)memset(s->buf, 0, piece);
	for (; len > 0; len -= (int64_t)piece) {
		if (len < (int64_t)piece)
			piece = (size_t)len;
		hash_bytes(s, s->buf, piece);
		if (!is_left && target_write(s->target, s->buf, piece, &s->failure) == -1)
			return verdict_for_target(s);
		set_progress(s, s->total + (int64_t)piece);
		if (check_canceled(s) == -1 || tell_progress(s) == -1)
			return -1;
	}
	return 0;
}

/* Receive the bytes up to END, which is stored in *end. */
static int
receive_bytes(struct receive_session *s, struct wire_ending *end)
{
	struct wire_message message;

	for (;;) {
		if (channel_receive(&s->channel, &message, &s->failure) == -1)
			return -1;
		if (message.type == WIRE_END && message.end.index == s->index) {
			*end = message.end;
			return 0;
		}
		if (message.type != WIRE_DATA && message.type != WIRE_HOLE)
			return channel_protocol_error(
			    &s->channel, "an unexpected message among the data", &s->failure);
		if ((message.type == WIRE_DATA ? receive_data(s, (int64_t)message.data_len) :
						 receive_hole(s, (int64_t)message.hole_len)) == -1)
			return -1;
	}
}

/* What has come is not the file, nor its beginning: refuse and remove it. */
static int
reject_and_remove(struct receive_session *s, enum wire_code code, const char *message)
{
	(void)refuse(s, code, message);
	if (s->have != WIRE_HAVE_FINAL)
		target_discard(s->target);
	return -1;
}

static int
check_end(struct receive_session *s, const struct wire_ending *end)
{
	uint8_t digest[SHA256_BYTES];

	/* WIRE_CHANGED may also mean that a pipe ended before --count, or without --end-mark. */
	if (end->how == WIRE_CHANGED)
		return reject_and_remove(s, WIRE_CUT_SHORT,
		    s->offer.size == WIRE_SIZE_UNKNOWN || end->total < s->offer.size ?
			"the sender's input ended early" :
			"the file changed while it was sent, or is shorter than the sender's "
			"--count");
	if (end->how == WIRE_READ_FAILED)
		return refuse(s, WIRE_CUT_SHORT, "the sender could not read the file to its end");
	if (end->how == WIRE_STOPPED)
		return refuse(s, WIRE_ENDED, "the sender was told to end");
	if (end->total != (uint64_t)s->total ||
	    (s->offer.size != WIRE_SIZE_UNKNOWN && end->total != s->offer.size))
		return channel_protocol_error(
		    &s->channel, "END before or behind the end of its file", &s->failure);
	transcript_digest(&s->transcript, s->digest, digest);
	if (memcmp(digest, end->digest, DIGEST_BYTES) != 0)
		return reject_and_remove(
		    s, WIRE_WRONG_DIGEST, "what arrived is not what was sent: the digests differ");
	if (s->config->size != UNLIMITED && s->total != s->config->size)
		return refuse(s, WIRE_WRONG_SIZE, "it has another size than --size says");
	if (!s->config->sha256_given)
		return 0;
	if (compute_sha256(s, digest) == -1)
		return -1;
	if (memcmp(digest, s->config->sha256, sizeof(digest)) != 0)
		return reject_and_remove(s, WIRE_WRONG_SHA256, "its SHA-256 is another (--sha256)");
	return 0;
}

/* ---- under its name -------------------------------------------------------------------------- */

static void
flush_target(void *arg)
{
	struct receive_session *s = arg;
	const struct timespec mtime = { (time_t)s->offer.mtime_s, (long)s->offer.mtime_ns };

	const struct timespec *asked = s->config->preserve ? &mtime : NULL;

	if (s->config->preserve) {
		s->target->options.mode = s->offer.mode;
		s->target->options.mode_asked = true;
	}
	if (s->have != WIRE_HAVE_FINAL)
		(void)target_commit(s->target, asked, &s->failure);
	else if (open_final(s) == 0)
		(void)target_confirm(s->target, s->final_fd, asked, &s->failure);
}

/* False: nobody is there any more. */
__attribute__((noinline)) static bool
tell_of_work(struct receive_session *s)
{
	struct failure lost;

	failure_clear(&lost);
	return channel_progress(&s->channel, (uint64_t)s->total, (uint64_t)s->total, &lost) == 0;
}

/* The disk may take long: tell the sender that we are at work.  A signal does not end a flush; the
 * thread that owns the signals ends the program if it takes too long (run.h). */
static int
commit_target(struct receive_session *s)
{
	const struct sku_work work = { .run = flush_target, .arg = s };
	struct sku_background *job = sku_background_start(&work, -1);
	bool hears = true; /* counts, even if the sender is gone */

	if (job == NULL) {
		flush_target(s);
	} else {
		while (sku_background_wait(job, sku_deadline_in(FLUSH_PERIOD)) == -1)
			hears = hears && tell_of_work(s);
		sku_background_take(job);
	}
	return s->failure.status != STATUS_OK ? verdict_for_target(s) : 0;
}

/* May more than one file come, under names that the senders give? */
static bool
is_one_of_several(const struct receive_session *s)
{
	return s->config->dir != NULL && (s->files > 1 || s->config->connections != 1);
}

static void
report_summary(const struct receive_session *s)
{
	const struct transfer_result result = { .sent = false,
		.name = s->config->dir != NULL ? s->offer.name : s->target->display_name,
		.shown = is_one_of_several(s) ? s->target->display_name : NULL,
		.peer = &s->incoming->peer,
		.bytes = s->total,
		.resumed = s->resumed,
		.ns = sku_now() - s->started_ns,
		.remark = s->have == WIRE_HAVE_FINAL ? " (it was there already)" : " (verified)",
		.verified = true };

	transfer_summary(&result);
}

/* ---- a file ---------------------------------------------------------------------------------- */

/* Count the file: it is here. */
static void
count_file(struct receive_session *s)
{
	transfer_stats_complete_file(s->offer.size, (uint64_t)s->total);
	s->file_accepted = false;
	s->total = 0;
}

/* Take the file out of the statistics: it did not arrive, and may come again. */
static void
uncount_file(struct receive_session *s)
{
	set_progress(s, 0);
	transfer_stats_remove_file(s->offer.size);
}

static int
receive_file(struct receive_session *s)
{
	struct wire_ending end;
	int result;

	if (claim_file(s) == -1 || check_offer(s) == -1 || open_target(s) == -1 ||
	    find_existing(s) == -1)
		return -1;
	s->file_accepted = s->begun = true;
	transfer_stats_add_file(s->offer.size); /* or WIRE_SIZE_UNKNOWN, which is STATE_UNKNOWN */
	if (send_have(s) == -1 || receive_start(s) == -1 || receive_bytes(s, &end) == -1 ||
	    check_end(s, &end) == -1)
		return -1;
	if (commit_target(s) == -1)
		return -1;
	if (s->target->status > s->highest_refusal)
		s->highest_refusal = s->target->status;
	report_summary(s);
	s->all_files_done = s->index == s->files;
	result = send_verdict(s, WIRE_DONE, &s->failure);
	count_file(s);
	sessions_unclaim(s->table, &s->session);
	return result;
}

/* A file failed, that of the name or (NULL) files without one, and the connection goes on.  A
 * sender may offer 65,535 files that are refused: of many the most are only counted. */
static void
note_failure(struct receive_session *s, const char *name)
{
	if (s->failure.status > s->highest_refusal)
		s->highest_refusal = s->failure.status;
	if (strangers_may_note(s->failures, sku_now())) {
		failure_note_file(&s->failure, name, &s->incoming->peer);
		s->has_noted = true;
	}
	failure_clear(&s->failure);
}

/* Refuse the file before anything was begun: tell the sender, which may offer the next. */
static int
refuse_file(struct receive_session *s)
{
	enum wire_code verdict = (enum wire_code)s->verdict;

	s->verdict = NO_VERDICT; /* later failures are the connection's */
	note_failure(s, s->config->dir != NULL ? s->offer.name : NULL);
	s->all_files_done = s->index == s->files;
	return send_verdict(s, verdict, &s->failure);
}

/* What messages call the file that is offered: DIR/NAME, or FILE. */
static const char *
offered_file(struct receive_session *s)
{
	const struct place *place = s->config->place;

	if (s->config->dir == NULL)
		return s->target->display_name;
	target_close(&s->own_target); /* the previous one, which has this name */
	free(s->offered_file);
	if (asprintf(&s->offered_file, "%s%s%s", place->name, place_separator(place),
		s->offer.name) == -1)
		s->offered_file = NULL;
	return s->offered_file != NULL ? s->offered_file : s->offer.name;
}

static int
receive_offer(struct receive_session *s, const struct wire_offer *offer)
{
	if (offer->index > s->files)
		return channel_protocol_error(
		    &s->channel, "more files than were announced", &s->failure);
	if (offer->index <= s->index)
		return channel_protocol_error(&s->channel, "an unexpected OFFER", &s->failure);
	s->offer = *offer;
	s->channel.file = offered_file(s);
	/* The files before the first of a connection may have come by another one. */
	if (s->index > 0)
		s->left_out += offer->index - s->index - 1;
	s->transcript.offer = (struct wire_message){ .type = WIRE_OFFER, .offer = *offer };
	s->index = offer->index;
	s->started_ns = sku_now();
	s->verdict = NO_VERDICT;
	close_final(s);
	digest_reset(s->digest);
	if (s->sha256 != NULL)
		sha256_reset(s->sha256);
	if (receive_file(s) == 0)
		return 0;
	if (!s->file_accepted && s->verdict != NO_VERDICT && s->verdict != WIRE_BUSY &&
	    s->files > 1)
		return refuse_file(s);
	return -1;
}

/* ---- the connection -------------------------------------------------------------------------- */

/* BYE comes first if the sender could open none of its FILEs. */
static int
fail_no_offer(struct receive_session *s)
{
	s->channel.abort_code = WIRE_CUT_SHORT;
	return channel_fail(&s->channel, STATUS_MISMATCH, 0,
	    "it has nothing to offer: it could not open its files", &s->failure);
}

/* The sender could not open files that it had announced. */
static void
note_left_out(struct receive_session *s)
{
	char message[100];

	s->left_out += s->files - s->index;
	if (s->left_out == 0)
		return;
	(void)snprintf(message, sizeof(message), "the sender left out %u of %u files",
	    (unsigned)s->left_out, (unsigned)s->files);
	(void)channel_fail(&s->channel, STATUS_MISMATCH, 0, message, &s->failure);
	note_failure(s, NULL);
}

/* The limit for the next message.  The wait for the goodbye is short.  Before the next OFFER the
 * sender may have to wait for its disk: only --timeout counts. */
static struct sku_deadline
next_limit(const struct receive_session *s)
{
	return s->all_files_done ? sku_deadline_in(CHANNEL_GOODBYE_TIMEOUT) : sku_deadline_never();
}

static int
receive_files(struct receive_session *s)
{
	struct wire_message message;

	for (;;) {
		if (channel_receive(&s->channel, &message, &s->failure) == -1)
			return -1;
		if (message.type == WIRE_BYE && s->index > 0) {
			note_left_out(s);
			message.type = WIRE_BYE_OK;
			s->bye_received = true;
			return channel_send(&s->channel, &message, &s->failure);
		}
		if (message.type == WIRE_BYE)
			return fail_no_offer(s);
		if (message.type != WIRE_OFFER)
			return channel_protocol_error(
			    &s->channel, "an unexpected message", &s->failure);
		if (receive_offer(s, &message.offer) == -1)
			return -1;
		s->channel.file = NULL;
		if (check_canceled(s) == -1)
			return -1;
		channel_set_limit(&s->channel, next_limit(s));
	}
}

static int
check_hello(struct receive_session *s, const struct wire_message *message)
{
	const struct wire_hello *hello = &message->hello;

	if (message->type != WIRE_HELLO || hello->files == 0)
		return channel_protocol_error(&s->channel, "an unexpected HELLO", &s->failure);
	if (channel_check_hello(&s->channel, hello, &s->failure) == -1)
		return -1;
	if (hello->files > 1 && s->config->dir == NULL) {
		s->channel.abort_code = WIRE_ONE_FILE;
		return channel_fail(&s->channel, STATUS_MISMATCH, 0,
		    "it has several files, and one is taken here (--dir takes several)",
		    &s->failure);
	}
	s->transcript.hello = *message;
	(void)memcpy(s->session.id, hello->id, WIRE_ID_SIZE);
	s->files = hello->files;
	return 0;
}

static int
greet(struct receive_session *s)
{
	const struct recv_config *config = s->config;
	const struct channel_options options = { .role = WIRE_RECEIVER,
		.key = config->key_file != NULL ? config->key : NULL,
		.wait_first = !config->verify };
	struct wire_message message;

	if (channel_open(&s->channel, &options, &s->failure) == -1 ||
	    channel_receive(&s->channel, &message, &s->failure) == -1 ||
	    check_hello(s, &message) == -1)
		return -1;
	channel_hello(&s->channel, &message, s->session.id, 0);
	return channel_send(&s->channel, &message, &s->failure);
}

/* Tell the sender why, and keep FILE.part if it can be resumed. */
static void
end_failed_session(struct receive_session *s)
{
	struct failure ignored;

	failure_clear(&ignored);
	if (s->verdict != NO_VERDICT && !s->channel.closing)
		s->channel.closing = send_verdict(s, (enum wire_code)s->verdict, &ignored) == 0;
	if (s->file_accepted && s->have != WIRE_HAVE_FINAL)
		target_keep(s->target, &s->failure);
	s->holds = s->file_accepted && (s->held > 0 || s->total > 0);
	if (s->file_accepted)
		uncount_file(s);
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
	return 0;
}

struct receive_session *
receive_session_new(struct session_table *table, struct stranger_notes *failures,
    const struct recv_config *config, struct target *file, struct incoming *incoming)
{
	struct receive_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->session.sock = &incoming->sock;
	s->session.active_ns = sku_now();
	s->table = table;
	s->failures = failures;
	s->config = config;
	s->incoming = incoming;
	s->own_target = (struct target)TARGET_INIT;
	s->final_fd = -1;
	s->verdict = NO_VERDICT;
	s->target = file != NULL ? file : &s->own_target;
	channel_init(&s->channel, &incoming->sock, incoming->text, incoming->since_ns);
	s->channel.active_ns = &s->session.active_ns;
	return s;
}

void
receive_session_free(struct receive_session *s)
{
	incoming_free(s->incoming);
	free(s->buf);
	digest_free(s->digest);
	close_final(s);
	target_close(&s->own_target);
	free(s->offered_file);
	free(s);
}

void
receive_session_run(struct receive_session *s)
{
	int result = allocate(s);

	if (result == 0)
		result = greet(s);
	if (result == 0)
		result = receive_files(s);
	sessions_begin_end(s->table, &s->session);
	if (s->has_noted)
		strangers_note_rest(s->failures);
	/* Every file has its verdict: it does not matter whether the sender still hears it. */
	if (result == -1 && s->all_files_done &&
	    (failure_is_connection_loss(&s->failure) || s->failure.status == STATUS_FAILED))
		failure_clear(&s->failure);
	if (s->failure.status != STATUS_OK)
		end_failed_session(s);
	channel_close(&s->channel, &s->failure);
	sha256_free(s->sha256); /* in this thread, which has data of the library */
	s->sha256 = NULL;
}

struct session_outcome
receive_session_outcome(const struct receive_session *s)
{
	bool failed = s->failure.status != STATUS_OK;

	return (struct session_outcome){ .failed = failed,
		.begun = s->begun,
		.lost = failed && s->verdict == NO_VERDICT &&
			failure_is_connection_loss(&s->failure) && s->target->kind == TARGET_FILE,
		.holds = s->holds,
		.progressed = s->progressed,
		.heard = s->bye_received,
		.status = failed ? s->failure.status : s->highest_refusal };
}

/* summary.c - what transfers have done so far, and the summary of one that is done.
 * Row transfer. */
#include "transfer/summary.h"

#include "run/event.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/progress.h"
#include "run/run.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct transfer_stats transfer_stats = { .size = STATE_UNKNOWN };

void
transfer_stats_on_sigusr1(void)
{
	static const struct state_row rows[] = {
		{ "bytes", &transfer_stats.bytes },
		{ "size", &transfer_stats.size },
		{ "connections", &transfer_stats.connections },
		{ "transfers", &transfer_stats.transfers },
		{ NULL, NULL },
	};

	state_on_sigusr1("state", rows);
}

static struct {
	pthread_mutex_t lock;
	uint64_t known, unknown;
} sizes = { PTHREAD_MUTEX_INITIALIZER, 0, 0 };

static void
change_sizes(uint64_t size, bool add)
{
	uint64_t one = add ? 1 : (uint64_t)-1;

	(void)pthread_mutex_lock(&sizes.lock);
	if (size == STATE_UNKNOWN)
		sizes.unknown += one;
	else
		sizes.known += one * size;
	counter_set(&transfer_stats.size, sizes.unknown > 0 ? STATE_UNKNOWN : sizes.known);
	(void)pthread_mutex_unlock(&sizes.lock);
}

void
transfer_stats_add_file(uint64_t size)
{
	change_sizes(size, true);
}

void
transfer_stats_remove_file(uint64_t size)
{
	change_sizes(size, false);
}

static void
emit_transfer(const struct transfer_result *r)
{
	bool sent = strcmp(r->event, "sent") == 0;
	json_t *record = sent ? event_new("sent") : event_new("received");

	if (r->name != NULL)
		event_text(record, "name", r->name);
	peer_json(record, r->peer);
	event_number(record, "bytes", (uint64_t)r->bytes);
	event_number(record, "resumed", (uint64_t)r->resumed);
	event_seconds(record, "seconds", r->ns);
	event_add(record, "verified", json_boolean(r->verified));
	event_emit(record);
}

void
transfer_summary(const struct transfer_result *r)
{
	char peer[PEER_TEXT_MAX], rate[FORMAT_BYTES_MAX], before[64] = "";
	bool sent = strcmp(r->event, "sent") == 0;

	progress_conclude(r->bytes - r->resumed, r->ns);
	if (r->resumed > 0)
		(void)snprintf(before, sizeof(before), " (%lld bytes were there before)",
		    (long long)r->resumed);
	msg_note("%s %lld bytes %s %s in %.3f s (%s)%s%s", r->event, (long long)r->bytes,
	    sent ? "to" : "from", peer_text(r->peer, peer), (double)r->ns / 1e9,
	    format_rate(r->bytes - r->resumed, r->ns, rate), before, r->remark);
	if (run.json)
		emit_transfer(r);
}

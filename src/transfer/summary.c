/* summary.c - what a transfer has done so far, and the words for how it ended.
 * Row transfer. */
#include "transfer/summary.h"

#include "run/event.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/progress.h"
#include "run/run.h"

#include <stdio.h>
#include <string.h>

struct transfer_stats transfer_stats = { .size = CLI_COUNTER_UNKNOWN };

void
transfer_stats_on_sigusr1(void)
{
	static const struct cli_counter_row rows[] = {
		{ "bytes", &transfer_stats.bytes },
		{ "size", &transfer_stats.size },
		{ "connections", &transfer_stats.connections },
		{ "transfers", &transfer_stats.transfers },
		{ NULL, NULL },
	};

	cli_counters_on_sigusr1("state", rows);
}

static void
emit_transfer(const struct transfer_result *r)
{
	bool sent = strcmp(r->event, "sent") == 0;
	json_t *record = sent ? cli_record("sent") : cli_record("received");

	if (r->name != NULL)
		cli_record_text(record, "name", r->name);
	cli_record_peer(record, r->peer);
	cli_record_number(record, "bytes", (uint64_t)r->bytes);
	cli_record_number(record, "resumed", (uint64_t)r->resumed);
	cli_record_seconds(record, "seconds", r->ns);
	cli_record_add(record, "verified", json_boolean(r->verified));
	cli_record_emit(record);
}

void
transfer_summary(const struct transfer_result *r)
{
	char peer[CLI_PEER_TEXT_MAX], rate[CLI_AMOUNT_MAX], before[64] = "";
	bool sent = strcmp(r->event, "sent") == 0;

	if (r->resumed > 0)
		(void)snprintf(before, sizeof(before), " (%lld bytes were there before)",
		    (long long)r->resumed);
	cli_note("%s %lld bytes %s %s in %.3f s (%s)%s%s", r->event, (long long)r->bytes,
	    sent ? "to" : "from", cli_peer_text(r->peer, peer), (double)r->ns / 1e9,
	    cli_rate(r->bytes - r->resumed, r->ns, rate), before, r->remark);
	if (cli_voice.json)
		emit_transfer(r);
}

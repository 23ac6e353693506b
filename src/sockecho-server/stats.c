/* stats.c - what the server has done so far.
 * Row tool. */
#include "sockecho-server/stats.h"

#include "run/event.h"
#include "run/message.h"
#include "run/run.h"

#include <inttypes.h>

struct server_stats server_stats;

static const struct cli_counter_row rows[] = {
	{ "accepted", &server_stats.accepted },
	{ "active", &server_stats.active },
	{ "refused", &server_stats.refused },
	{ "timed_out", &server_stats.timed_out },
	{ "bytes_in", &server_stats.bytes_in },
	{ "bytes_out", &server_stats.bytes_out },
	{ "datagrams", &server_stats.datagrams },
	{ "dropped", &server_stats.dropped },
	{ NULL, NULL },
};

void
stats_on_sigusr1(void)
{
	cli_counters_on_sigusr1("stats", rows);
}

void
stats_report(void)
{
	if (cli_voice.json) {
		json_t *record = cli_record("stats");

		for (const struct cli_counter_row *row = rows; row->name != NULL; row++)
			cli_record_number(record, row->name, cli_counter_value(row->counter));
		cli_record_emit(record);
		return;
	}
	cli_verbose(1,
	    "stats: accepted=%" PRIu64 " refused=%" PRIu64 " timed_out=%" PRIu64
	    " bytes_in=%" PRIu64 " bytes_out=%" PRIu64 " datagrams=%" PRIu64 " dropped=%" PRIu64,
	    cli_counter_value(&server_stats.accepted), cli_counter_value(&server_stats.refused),
	    cli_counter_value(&server_stats.timed_out), cli_counter_value(&server_stats.bytes_in),
	    cli_counter_value(&server_stats.bytes_out), cli_counter_value(&server_stats.datagrams),
	    cli_counter_value(&server_stats.dropped));
}

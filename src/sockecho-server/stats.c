/* stats.c - what the server has done so far.
 * Row tool. */
#include "sockecho-server/stats.h"

#include "run/event.h"
#include "run/message.h"
#include "run/run.h"

struct server_stats server_stats;

static const struct state_row rows[] = {
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
	state_on_sigusr1("stats", rows);
}

void
stats_report(void)
{
	char text[STATE_TEXT_MAX];

	if (run.json) {
		json_t *record = event_new("stats");

		for (const struct state_row *row = rows; row->name != NULL; row++)
			event_number(record, row->name, counter_value(row->counter));
		event_emit(record);
		return;
	}
	state_text("stats", rows, text);
	msg_verbose(1, "%s", text);
}

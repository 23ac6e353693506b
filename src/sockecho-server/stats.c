/* stats.c - what the server has done so far.
 * Row tool. */
#include "sockecho-server/stats.h"

#include "run/event.h"
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

static struct event_field
field(const struct state_row *row)
{
	return (struct event_field)EVENT_NUMBER(row->name, counter_value(row->counter));
}

void
stats_report(void)
{
	char text[STATE_TEXT_MAX];

	state_text("stats", rows, text);
	EVENT("stats", 1, run.json ? NULL : text, /* the line is for people without records */
	    field(&rows[0]), field(&rows[1]), field(&rows[2]), field(&rows[3]), field(&rows[4]),
	    field(&rows[5]), field(&rows[6]), field(&rows[7]));
}

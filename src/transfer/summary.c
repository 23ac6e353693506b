/* summary.c - what transfers have done so far, and the summary of one that is done.
 * Row transfer. */
#include "transfer/summary.h"

#include "run/event.h"
#include "run/progress.h"

#include <pthread.h>
#include <stdio.h>

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
	uint64_t files, unknown; /* of these, files whose size is not known */
	uint64_t bytes;		 /* of the others */
} sizes = { PTHREAD_MUTEX_INITIALIZER, 0, 0, 0 };

/* With the lock held. */
static void
change_sizes(uint64_t size, uint64_t files)
{
	sizes.files += files;
	if (size == STATE_UNKNOWN)
		sizes.unknown += files;
	else
		sizes.bytes += files * size;
}

static void
end_change(void)
{
	bool is_known = sizes.files > 0 && sizes.unknown == 0;

	counter_set(&transfer_stats.size, is_known ? sizes.bytes : STATE_UNKNOWN);
	(void)pthread_mutex_unlock(&sizes.lock);
}

void
transfer_stats_add_file(uint64_t size)
{
	(void)pthread_mutex_lock(&sizes.lock);
	change_sizes(size, 1);
	end_change();
}

void
transfer_stats_remove_file(uint64_t size)
{
	(void)pthread_mutex_lock(&sizes.lock);
	change_sizes(size, (uint64_t)-1);
	end_change();
}

void
transfer_stats_complete_file(uint64_t size, uint64_t bytes)
{
	(void)pthread_mutex_lock(&sizes.lock);
	change_sizes(size, (uint64_t)-1);
	change_sizes(bytes, 1);
	end_change();
	counter_add_shared(&transfer_stats.transfers, 1);
}

void
transfer_summary(const struct transfer_result *r)
{
	char rate[FORMAT_BYTES_MAX], before[64] = "";

	progress_conclude(r->bytes - r->resumed, r->ns);
	if (r->resumed > 0)
		(void)snprintf(before, sizeof(before), " (%lld bytes were there before)",
		    (long long)r->resumed);
	(void)format_rate(r->bytes - r->resumed, r->ns, rate);
	EVENT(r->sent ? "sent" : "received", EVENT_NOTE,
	    r->sent ? "{shown}{colon}sent {bytes} bytes to {peer} in {seconds} s "
		      "({rate}){before}{remark}" :
		      "{shown}{colon}received {bytes} bytes from {peer} in {seconds} s "
		      "({rate}){before}{remark}",
	    EVENT_TEXT("name", r->name), EVENT_PEER(r->peer),
	    EVENT_NUMBER("bytes", (uint64_t)r->bytes),
	    EVENT_NUMBER("resumed", (uint64_t)r->resumed), EVENT_SECONDS("seconds", r->ns),
	    EVENT_FLAG("verified", r->verified), EVENT_REMARK("shown", r->shown),
	    EVENT_REMARK("colon", r->shown != NULL ? ": " : ""), EVENT_REMARK("rate", rate),
	    EVENT_REMARK("before", before), EVENT_REMARK("remark", r->remark));
}

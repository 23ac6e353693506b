/* strangers.h - notes about connections that came to nothing, and about transfers that failed; in a
 * flood most are only counted. */
#ifndef TRANSFER_STRANGERS_H
#define TRANSFER_STRANGERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Notes of one kind.  Any thread may use them. */
struct stranger_notes {
	const char *what;     /* what became of those that are counted */
	pthread_mutex_t lock; /* guards what follows */
	int64_t paid_until_ns;
	uint64_t left_out;
};

#define STRANGERS_CAME_TO_NOTHING                                                                  \
	{                                                                                          \
		.what = "connections came to nothing", .lock = PTHREAD_MUTEX_INITIALIZER           \
	}
#define STRANGERS_FAILED                                                                           \
	{                                                                                          \
		.what = "transfers failed", .lock = PTHREAD_MUTEX_INITIALIZER                      \
	}

/* May this one be noted?  If not, it is counted.  now is sku_now(). */
bool strangers_may_note(struct stranger_notes *notes, int64_t now);
/* Report how many were left out. */
void strangers_note_rest(struct stranger_notes *notes);

#endif

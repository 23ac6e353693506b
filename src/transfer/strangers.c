/* strangers.c - notes about connections that came to nothing, and about transfers that
 * failed.
 * Row transfer. */
#include "transfer/strangers.h"

#include "libsockutil/sockutil.h"
#include "run/message.h"

#define PERIOD (100 * SKU_MS) /* ten a second */
#define BURST 100	      /* but so many at once */

/* With the lock held. */
static bool
may_note(struct stranger_notes *notes, int64_t now)
{
	if (notes->paid_until_ns < now)
		notes->paid_until_ns = now;
	if (notes->paid_until_ns - now >= BURST * PERIOD)
		return false;
	notes->paid_until_ns += PERIOD;
	return true;
}

bool
strangers_may_note(struct stranger_notes *notes, int64_t now)
{
	bool may;

	(void)pthread_mutex_lock(&notes->lock);
	may = may_note(notes, now);
	notes->left_out += !may;
	(void)pthread_mutex_unlock(&notes->lock);
	if (may)
		strangers_note_rest(notes);
	return may;
}

/* Without the lock: what is printed may have to wait for a reader. */
void
strangers_note_rest(struct stranger_notes *notes)
{
	uint64_t left_out;

	(void)pthread_mutex_lock(&notes->lock);
	left_out = notes->left_out;
	notes->left_out = 0;
	(void)pthread_mutex_unlock(&notes->lock);
	if (left_out > 0)
		msg_note("%llu more %s", (unsigned long long)left_out, notes->what);
}

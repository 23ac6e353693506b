/* strangers.c - notes about connections that came to nothing.
 * Row transfer. */
#include "transfer/strangers.h"

#include "libsockutil/sockutil.h"
#include "run/message.h"

#define PERIOD (100 * SKU_MS) /* ten a second */
#define BURST 100	      /* but so many at once */

bool
strangers_may_note(struct stranger_notes *notes, int64_t now)
{
	if (notes->paid_until_ns < now)
		notes->paid_until_ns = now;
	if (notes->paid_until_ns - now >= BURST * PERIOD) {
		notes->left_out++;
		return false;
	}
	notes->paid_until_ns += PERIOD;
	strangers_note_rest(notes);
	return true;
}

void
strangers_note_rest(struct stranger_notes *notes)
{
	if (notes->left_out > 0)
		msg_note(
		    "%llu more connections came to nothing", (unsigned long long)notes->left_out);
	notes->left_out = 0;
}

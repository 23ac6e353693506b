/* strangers.h - notes about connections that came to nothing; in a flood most are only counted. */
#ifndef TRANSFER_STRANGERS_H
#define TRANSFER_STRANGERS_H

#include <stdbool.h>
#include <stdint.h>

struct stranger_notes {
	int64_t paid_until_ns;
	uint64_t left_out;
};

/* May this connection be noted?  If not, it is counted.  now is sku_now(). */
bool strangers_may_note(struct stranger_notes *notes, int64_t now);
/* Report how many were left out. */
void strangers_note_rest(struct stranger_notes *notes);

#endif

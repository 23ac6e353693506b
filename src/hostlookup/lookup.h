/* lookup.h - one query to the resolver. */
#ifndef HOSTLOOKUP_LOOKUP_H
#define HOSTLOOKUP_LOOKUP_H

#include "hostlookup/answer.h"
#include "hostlookup/config.h"

/* Ask the system's resolver once, however long it takes.  Thread-safe.  Free *answer with
 * answer_clear(). */
void lookup_ask(const struct host_config *config, const char *query, struct lookup_answer *answer);

#endif

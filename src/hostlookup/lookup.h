/* lookup.h - one query to the resolver. */
#ifndef HOSTLOOKUP_LOOKUP_H
#define HOSTLOOKUP_LOOKUP_H

#include "hostlookup/answer.h"
#include "hostlookup/config.h"

/* Ask the system's resolver once, however long it takes.  Thread-safe.  Free *answer with
 * answer_clear(). */
void lookup_ask(const struct host_config *config, const char *query, struct lookup_answer *answer);
/* Why this name of an address is no answer: what it is instead; NULL: it is one. */
const char *lookup_name_fault(const char *name);

#endif

/* print.h - an answer, as lines or as a record. */
#ifndef HOSTLOOKUP_PRINT_H
#define HOSTLOOKUP_PRINT_H

#include "hostlookup/answer.h"
#include "hostlookup/config.h"
#include "run/event.h"

/* A name from the resolver for a record, as it stands in a line; NULL is null.  NULL without
 * memory.
 */
json_t *answer_name_string(const char *name);
/* Print it, as a line of several or alone.  Returns its status. */
int answer_print(
    const struct host_config *config, const char *query, const struct lookup_answer *answer);

#endif

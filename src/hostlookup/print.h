/* print.h - an answer, as lines or as a record. */
#ifndef HOSTLOOKUP_PRINT_H
#define HOSTLOOKUP_PRINT_H

#include "hostlookup/answer.h"
#include "hostlookup/config.h"
#include "run/event.h"

/* A name from the resolver as JSON, escaped as in a line; for name NULL, null.  Returns NULL if out
 * of memory. */
json_t *answer_name_string(const char *name);
/* Print an answer, as one line of several or alone.  Returns its status. */
int answer_print(
    const struct host_config *config, const char *query, const struct lookup_answer *answer);

#endif

/* print.h - an answer, as lines or as a record. */
#ifndef HOSTLOOKUP_PRINT_H
#define HOSTLOOKUP_PRINT_H

#include "hostlookup/answer.h"
#include "hostlookup/config.h"

/* Print it, as a line of several or alone.  Returns its status. */
int answer_print(
    const struct host_config *config, const char *query, const struct lookup_answer *answer);

#endif

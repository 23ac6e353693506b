/* lookup.h - one query and what the resolver said. */
#ifndef HOSTLOOKUP_LOOKUP_H
#define HOSTLOOKUP_LOOKUP_H

#include "hostlookup/config.h"

struct lookup_answer {
	int status; /* enum status */
	int errnum; /* 0: none */
	char message[200];
	int64_t seconds_ns; /* how long it took */
	int family;
	char *name;	  /* all of these may be NULL */
	char **aliases;	  /* ends with NULL, as do the */
	char **addresses; /* addresses */
};

/* Why this cannot be a name (with --reverse: an address) to ask for; NULL: it can. */
const char *lookup_validate(const struct host_config *config, const char *query);
/* Ask the system's resolver once, however long it takes.  Safe in several threads.  Free with
 * lookup_clear(). */
void lookup_ask(const struct host_config *config, const char *query, struct lookup_answer *answer);
/* A failure that another question may mend. */
bool lookup_is_temporary(const struct lookup_answer *answer);
/* Its time is over, after this failure or (all zero) before any answer. */
void lookup_set_timed_out(struct lookup_answer *answer);
void lookup_set_no_memory(struct lookup_answer *answer);
void lookup_set_error(struct lookup_answer *answer, const char *message);
void lookup_clear(struct lookup_answer *answer);

/* Print it, as a line of several or alone.  Returns its status. */
int lookup_print(
    const struct host_config *config, const char *query, const struct lookup_answer *answer);

#endif

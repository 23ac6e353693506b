/* answer.h - one query and what the resolver said. */
#ifndef HOSTLOOKUP_ANSWER_H
#define HOSTLOOKUP_ANSWER_H

#include "hostlookup/config.h"

struct answer {
	int status; /* enum cli_status */
	int errnum; /* 0: none */
	char message[200];
	int64_t seconds_ns; /* how long it took */
	int family;
	char *name;	  /* all of these may be NULL */
	char **aliases;	  /* ends with NULL, as do the */
	char **addresses; /* addresses */
};

/* Why this cannot be a name (with --reverse: an address) to ask for; NULL: it can. */
const char *answer_find_fault(const struct host_config *config, const char *query);
/* Ask the system's resolver, however long it takes; with --wait again and again.  *started_ns is
 * set to when each question begins.  Safe in several threads.  Free with answer_clear(). */
void answer_query(const struct host_config *config, const char *query, _Atomic int64_t *started_ns,
    struct answer *answer);
/* The answer of a look-up that was given up. */
void answer_timed_out(struct answer *answer, const char *message);
void answer_malformed(struct answer *answer, const char *message);
void answer_clear(struct answer *answer);

/* Print it, as a line of several or alone.  Returns its status. */
int answer_print(const struct host_config *config, const char *query, const struct answer *answer);

#endif

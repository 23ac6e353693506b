/* answer.h - the resolver's answer to one query, or why there is none. */
#ifndef HOSTLOOKUP_ANSWER_H
#define HOSTLOOKUP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lookup_answer {
	int status; /* enum status */
	int errnum; /* 0: none */
	char message[400];
	int64_t seconds_ns; /* how long it took */
	bool from_memory;   /* from the cache; the resolver was not asked */
	int family;
	char *name;	  /* NULL: none; so with the next two */
	char **aliases;	  /* ends with NULL, and so does */
	char **addresses; /* addresses */
};

/* May asking again bring an answer? */
bool answer_is_temporary(const struct lookup_answer *answer);
/* Replace the answer by a failure. */
void answer_fail(struct lookup_answer *answer, int status, int errnum, const char *message);
/* Replace the answer by a time-out, after this failure or (all zero) before any answer.  limit:
 * text behind `timed out`. */
void answer_set_timed_out(struct lookup_answer *answer, const char *limit);
void answer_set_no_memory(struct lookup_answer *answer);
void answer_set_invalid(struct lookup_answer *answer, const char *message);
/* Append to one of the lists, unless text is there already.  False: out of memory. */
bool answer_append(char ***list, const char *text);
void answer_clear(struct lookup_answer *answer);

/* Pack the answer into bytes for answer_unpack(); how long it took is left out.  The caller frees
 * them.  NULL: out of memory. */
char *answer_pack(const struct lookup_answer *answer, size_t *len);
/* Unpack an answer: 0, or -1 if out of memory. */
int answer_unpack(struct lookup_answer *answer, const char *bytes);

#endif

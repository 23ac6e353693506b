/* answer.h - what the resolver said to one query, or why it did not. */
#ifndef HOSTLOOKUP_ANSWER_H
#define HOSTLOOKUP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lookup_answer {
	int status; /* enum status */
	int errnum; /* 0: none */
	char message[200];
	int64_t seconds_ns; /* how long it took */
	bool from_memory;   /* nobody was asked this time */
	int family;
	char *name;	  /* all of these may be NULL */
	char **aliases;	  /* ends with NULL, as do the */
	char **addresses; /* addresses */
};

/* Another question may bring an answer. */
bool answer_is_temporary(const struct lookup_answer *answer);
/* A failure in the place of what there was. */
void answer_fail(struct lookup_answer *answer, int status, int errnum, const char *message);
/* Its time is over, after this failure or (all zero) before any answer. */
void answer_set_timed_out(struct lookup_answer *answer);
void answer_set_no_memory(struct lookup_answer *answer);
void answer_set_invalid(struct lookup_answer *answer, const char *message);
/* Append to one of the lists; what is there already is left out.  False: there is no memory. */
bool answer_append(char ***list, const char *text);
void answer_clear(struct lookup_answer *answer);

/* Bytes from which answer_unpack() makes it again, but for how long it took.  The caller frees
 * them; NULL: there is no memory. */
char *answer_pack(const struct lookup_answer *answer, size_t *len);
/* 0, or -1: there is no memory. */
int answer_unpack(struct lookup_answer *answer, const char *bytes);

#endif

/* answer.c - what the resolver said to one query, or why it did not.
 * Row tool. */
#include "hostlookup/answer.h"

#include "run/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
free_list(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

void
answer_clear(struct lookup_answer *answer)
{
	free(answer->name);
	free_list(answer->aliases);
	free_list(answer->addresses);
	answer->name = NULL;
	answer->aliases = answer->addresses = NULL;
}

void
answer_fail(struct lookup_answer *answer, int status, int errnum, const char *message)
{
	answer_clear(answer);
	answer->status = status;
	answer->errnum = errnum;
	(void)snprintf(answer->message, sizeof(answer->message), "%s", message);
}

void
answer_set_timed_out(struct lookup_answer *answer)
{
	char message[sizeof(answer->message)] = "timed out";

	if (answer->status == STATUS_TIMED_OUT)
		return;
	if (answer->status != STATUS_OK)
		(void)snprintf(message, sizeof(message), "timed out; the last failure: %.160s",
		    answer->message);
	answer_fail(answer, STATUS_TIMED_OUT, ETIMEDOUT, message);
}

void
answer_set_no_memory(struct lookup_answer *answer)
{
	answer_fail(answer, STATUS_FAILED, ENOMEM, strerror(ENOMEM));
}

void
answer_set_invalid(struct lookup_answer *answer, const char *message)
{
	answer_fail(answer, STATUS_USAGE, 0, message);
}

/* Append to a list that ends with NULL; one that is there already is left out. */
bool
answer_append(char ***list, const char *text)
{
	size_t n = 0;
	char **grown;

	while (*list != NULL && (*list)[n] != NULL) {
		if (strcmp((*list)[n++], text) == 0)
			return true;
	}
	grown = reallocarray(*list, n + 2, sizeof(char *));
	if (grown == NULL)
		return false;
	*list = grown;
	grown[n] = strdup(text);
	grown[n + 1] = NULL;
	return grown[n] != NULL;
}

bool
answer_is_temporary(const struct lookup_answer *answer)
{
	return answer->status == STATUS_NOT_FOUND || answer->status == STATUS_TRY_AGAIN ||
	       answer->status == STATUS_MISMATCH || answer->status == STATUS_TIMED_OUT;
}

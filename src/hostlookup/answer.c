/* answer.c - the resolver's answer to one query, or why there is none.
 * Row tool. */
#include "hostlookup/answer.h"

#include "libsockutil/hosts.h"
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
answer_set_timed_out(struct lookup_answer *answer, const char *limit)
{
	bool has_failed = answer->status != STATUS_OK;
	char message[sizeof(answer->message)];

	if (answer->status == STATUS_TIMED_OUT)
		return;
	(void)snprintf(message, sizeof(message), "timed out%s%s%.350s", limit,
	    has_failed ? "; the last failure: " : "", has_failed ? answer->message : "");
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

/* Append to a list that ends with NULL, unless text is there already. */
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

/* ---- as bytes ------------------------------------------------------------------------------ */

/* The header before the texts, which are: message, name, aliases, addresses. */
struct packed {
	int status, errnum, family;
	bool has_name;
	size_t aliases, addresses;
};

/* Write text at *end, and move *end behind it.  With *end NULL, only count the bytes. */
static void
put_text(char **end, size_t *len, const char *text)
{
	size_t size = strlen(text) + 1;

	*len += size;
	if (*end == NULL)
		return;
	memcpy(*end, text, size);
	*end += size;
}

static void
put_texts(char *end, size_t *len, const struct lookup_answer *answer)
{
	put_text(&end, len, answer->message);
	if (answer->name != NULL)
		put_text(&end, len, answer->name);
	for (char *const *alias = answer->aliases; alias != NULL && *alias != NULL; alias++)
		put_text(&end, len, *alias);
	for (char *const *text = answer->addresses; text != NULL && *text != NULL; text++)
		put_text(&end, len, *text);
}

char *
answer_pack(const struct lookup_answer *answer, size_t *len)
{
	const struct packed packed = { answer->status, answer->errnum, answer->family,
		answer->name != NULL, sku_list_length(answer->aliases),
		sku_list_length(answer->addresses) };
	size_t texts = 0;
	char *bytes;

	put_texts(NULL, &texts, answer);
	bytes = malloc(sizeof(packed) + texts);
	if (bytes == NULL)
		return NULL;
	memcpy(bytes, &packed, sizeof(packed));
	*len = sizeof(packed);
	put_texts(bytes + sizeof(packed), len, answer);
	return bytes;
}

static const char *
take_text(const char **bytes)
{
	const char *text = *bytes;

	*bytes += strlen(text) + 1;
	return text;
}

/* Unpack a list of n texts; 0 texts leave it NULL. */
static bool
take_list(char ***list, const char **bytes, size_t n)
{
	bool ok = true;

	for (; n > 0; n--)
		ok = answer_append(list, take_text(bytes)) && ok;
	return ok;
}

int
answer_unpack(struct lookup_answer *answer, const char *bytes)
{
	struct packed packed;
	bool ok = true;

	memcpy(&packed, bytes, sizeof(packed));
	bytes += sizeof(packed);
	*answer = (struct lookup_answer){ .status = packed.status,
		.errnum = packed.errnum,
		.family = packed.family,
		.from_memory = true };
	(void)strlcpy(answer->message, take_text(&bytes), sizeof(answer->message));
	if (packed.has_name) {
		answer->name = strdup(take_text(&bytes));
		ok = answer->name != NULL;
	}
	ok = take_list(&answer->aliases, &bytes, packed.aliases) && ok;
	ok = take_list(&answer->addresses, &bytes, packed.addresses) && ok;
	if (ok)
		return 0;
	answer_clear(answer);
	return -1;
}

/* fuzz_faults.c - text as a line of --faults FILE, compared with a second parser, which was written
 * from the manual: which lines are accepted, and what they say.  The first byte says whether the
 * connections are TCP's.  What SECONDS and SIZE are is fuzz_values' question. */
#include "net/fault_plan.h"
#include "options/values.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST 4096

/* ^[0-9]+$, from 1 to 2^63 - 1. */
static bool
count_of(const char *text, int64_t *count)
{
	uint64_t n = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
		if (n <= INT64_MAX)
			n = n > (UINT64_MAX - 9) / 10 ? UINT64_MAX : n * 10 + (uint64_t)(*p - '0');
	}
	*count = (int64_t)n;
	return n >= 1 && n <= INT64_MAX;
}

/* The value of a word that has this name; NULL: it has another. */
static const char *
value_after(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

struct seen {
	int ok, delay, rate, close, reset, first;
};

static bool
take(const char *word, struct seen *seen, struct fault_line *line)
{
	struct faults *faults = &line->faults;
	const char *value;

	if (strcmp(word, "ok") == 0)
		return ++seen->ok == 1;
	if ((value = value_after(word, "delay")) != NULL)
		return ++seen->delay == 1 && value_parse_seconds(value, &faults->delay_ns);
	if ((value = value_after(word, "limit-rate")) != NULL)
		return ++seen->rate == 1 && value_parse_size(value, &faults->limit_rate) &&
		       faults->limit_rate >= 1 && faults->limit_rate <= INT64_C(1) << 50;
	if ((value = value_after(word, "close-after")) != NULL)
		return ++seen->close == 1 && value_parse_size(value, &faults->close_after);
	if ((value = value_after(word, "reset-after")) != NULL)
		return ++seen->reset == 1 && value_parse_size(value, &faults->reset_after);
	if ((value = value_after(word, "reset-first")) != NULL)
		return ++seen->first == 1 && count_of(value, &line->connections);
	return false;
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r' && c != '\n');
}

static bool
line_of(const char *text, bool is_tcp, struct fault_line *line)
{
	struct seen seen = { 0 };
	int others;

	*line = (struct fault_line){ .faults = { 0, -1, -1, -1 }, .connections = 1 };
	if (strlen(text) > LONGEST)
		return false;
	while (*text != '\0') {
		char word[LONGEST + 1];
		size_t len = 0;

		if (is_blank(*text)) {
			text++;
			continue;
		}
		while (*text != '\0' && !is_blank(*text))
			word[len++] = *text++;
		word[len] = '\0';
		if (!take(word, &seen, line))
			return false;
	}
	line->is_reset = seen.first > 0;
	others = seen.delay + seen.rate + seen.close + seen.reset;
	if (seen.ok + seen.first > 0)
		return seen.ok + seen.first == 1 && others == 0 && (is_tcp || seen.first == 0);
	return others > 0 && seen.close + seen.reset < 2 && (is_tcp || seen.reset == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, why[FAULT_WHY_MAX] = "";
	struct fault_line line, right;
	bool accepted, is_tcp;

	if (size == 0 || (text = malloc(size)) == NULL)
		return 0;
	is_tcp = data[0] != 'u';
	(void)memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	accepted = fault_line_parse(&line, text, is_tcp, why);
	if (accepted != line_of(text, is_tcp, &right))
		abort();
	if (accepted &&
	    (line.faults.delay_ns != right.faults.delay_ns ||
		line.faults.limit_rate != right.faults.limit_rate ||
		line.faults.close_after != right.faults.close_after ||
		line.faults.reset_after != right.faults.reset_after ||
		line.connections != right.connections || line.is_reset != right.is_reset))
		abort();
	/* It says why, on one line that is not cut. */
	if (!accepted && (*why == '\0' || strlen(why) >= sizeof(why) - 1))
		abort();
	free(text);
	return 0;
}

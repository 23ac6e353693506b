/* fault_plan.c - which connection has which faults: one line of --faults FILE after the other.
 * Row net. */
#include "net/fault_plan.h"

#include "options/inputs.h"
#include "options/values.h"
#include "run/message.h"
#include "run/wait.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHITE_SPACE " \t\v\f\r"
#define NAMES "delay, limit-rate, close-after, reset-after, reset-first"

/* Parse a whole number of at least 1: strtonum(3) alone would accept leading white space and '+'.
 * errno is ERANGE if it is too large. */
static bool
parse_count(const char *value, int64_t *number)
{
	const char *reason = NULL;

	errno = EINVAL;
	if (!value_is_digits(value))
		return false;
	*number = strtonum(value, 1, INT64_MAX, &reason);
	if (reason != NULL && strcmp(reason, "too large") == 0)
		errno = ERANGE;
	return reason == NULL;
}

/* Words and values are those of the options. */
enum { DELAY, LIMIT_RATE, CLOSE_AFTER, RESET_AFTER, RESET_FIRST, WORDS };

static const struct {
	const char *name, *takes;
	bool (*parse)(const char *value, int64_t *number);
	int64_t least, most;
	size_t offset;
} words[WORDS] = {
	[DELAY] = { "delay", "SECONDS (2, 0.25, 500ms, 1m, 1h; 100 years at most)",
	    value_parse_seconds, 0, INT64_MAX, offsetof(struct fault_line, faults.delay_ns) },
	[LIMIT_RATE] = { "limit-rate", "a SIZE of 1 to 1024T (bytes, or with K, M, G, T)",
	    value_parse_size, 1, FAULTS_RATE_MAX, offsetof(struct fault_line, faults.limit_rate) },
	[CLOSE_AFTER] = { "close-after", "a SIZE (bytes, or with K, M, G, T)", value_parse_size, 0,
	    INT64_MAX, offsetof(struct fault_line, faults.close_after) },
	[RESET_AFTER] = { "reset-after", "a SIZE (bytes, or with K, M, G, T)", value_parse_size, 0,
	    INT64_MAX, offsetof(struct fault_line, faults.reset_after) },
	[RESET_FIRST] = { "reset-first", "N, a whole number of at least 1", parse_count, 1,
	    INT64_MAX, offsetof(struct fault_line, connections) },
};

__attribute__((format(printf, 2, 3))) static bool
fail(char why[FAULT_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, FAULT_WHY_MAX, format, args);
	va_end(args);
	return false;
}

static bool
has_direction(const char *value)
{
	return strncmp(value, "up:", 3) == 0 || strncmp(value, "down:", 5) == 0;
}

/* Take a word of the line.  given: a bit for each word that was taken; bit WORDS is `ok`. */
static bool
take_word(struct fault_line *line, const char *word, unsigned *given, char why[FAULT_WHY_MAX])
{
	size_t i = 0, len = strcspn(word, "=");
	const char *value = word + len + 1;
	int64_t number;

	while (i < WORDS && (strlen(words[i].name) != len || memcmp(words[i].name, word, len) != 0))
		i++;
	if (i == WORDS && strcmp(word, "ok") != 0)
		return fail(why, "'%.60s' is none of ok, " NAMES, word);
	if ((*given & 1U << i) != 0)
		return fail(why, "'%.*s' stands there twice", (int)len, word);
	*given |= 1U << i;
	if (i == WORDS)
		return true;
	if (word[len] == '\0')
		return fail(why, "'%s' is without its value: it takes %s", word, words[i].takes);
	if (has_direction(value))
		return fail(why,
		    "'%.60s': what comes goes back, which is one direction: leave up: and down: "
		    "out",
		    word);
	errno = 0; /* value_parse_seconds() does not set it */
	if (!words[i].parse(value, &number))
		return fail(why, "'%.60s': %s takes %s%s", word, words[i].name, words[i].takes,
		    errno == ERANGE ? ", and this is too large" : "");
	if (number < words[i].least || number > words[i].most)
		return fail(why, "'%.60s': %s takes %s", word, words[i].name, words[i].takes);
	memcpy((char *)line + words[i].offset, &number, sizeof(number));
	return true;
}

/* Can the words be combined, and applied to these connections? */
static bool
check_words(unsigned given, bool can_reset, char why[FAULT_WHY_MAX])
{
	bool is_alone = (given & (given - 1)) == 0;

	if (given == 0)
		return fail(why, "it is without a word: 'ok' is a line without faults");
	if ((given & 1U << WORDS) != 0 && !is_alone)
		return fail(why, "'ok' is a line without faults: it stands alone");
	if ((given & 1U << RESET_FIRST) != 0 && !is_alone)
		return fail(why, "'reset-first' resets before a byte: it stands alone");
	if ((given & 1U << CLOSE_AFTER) != 0 && (given & 1U << RESET_AFTER) != 0)
		return fail(why, "close-after and reset-after exclude each other");
	if (!can_reset && (given & (1U << RESET_AFTER | 1U << RESET_FIRST)) != 0)
		return fail(why, "reset-after and reset-first are about TCP alone");
	return true;
}

bool
fault_line_parse(struct fault_line *line, const char *text, bool can_reset, char why[FAULT_WHY_MAX])
{
	char copy[INPUT_MAX + 1], *rest = copy, *word;
	unsigned given = 0;

	*line = (struct fault_line){ .faults = FAULTS_INIT, .connections = 1 };
	if (strlcpy(copy, text, sizeof(copy)) >= sizeof(copy))
		return fail(why, "it is too long");
	while ((word = strsep(&rest, WHITE_SPACE)) != NULL) {
		if (*word != '\0' && !take_word(line, word, &given, why))
			return false;
	}
	line->is_reset = (given & 1U << RESET_FIRST) != 0;
	return check_words(given, can_reset, why);
}

/* ---- the lines ----------------------------------------------------------------------------- */

int
fault_plan_add(struct fault_plan *plan, const struct fault_line *line)
{
	struct fault_line *lines = plan->lines;

	/* The array is full if count is 0 or a power of two. */
	if ((plan->count & (plan->count - 1)) == 0) {
		lines =
		    reallocarray(lines, plan->count > 0 ? 2 * plan->count : 1, sizeof(lines[0]));
		if (lines == NULL)
			return -1;
		plan->lines = lines;
	}
	lines[plan->count++] = *line;
	return 0;
}

/* Take the lines that were read so far: 0, or -1 and the failure, which may be that of the file. */
static int
take_lines(struct fault_plan *plan, struct inputs *inputs, bool can_reset, struct failure *failure)
{
	char why[FAULT_WHY_MAX];
	struct fault_line line;
	struct input input;

	while (inputs_next(inputs, &input)) {
		if (input.failure != NULL)
			return -1;
		if (input.error == NULL && !fault_line_parse(&line, input.text, can_reset, why))
			input.error = why;
		if (input.error != NULL)
			return failure_set(failure, STATUS_USAGE, 0, input.error,
			    "read %s, line %zu", inputs_name(inputs), inputs->line);
		if (fault_plan_add(plan, &line) == -1)
			return failure_errno(failure, ENOMEM, "read %s", inputs_name(inputs));
	}
	return 0;
}

int
fault_plan_read(struct fault_plan *plan, const char *file, bool can_reset, struct failure *failure)
{
	const struct input_files files = { &file, 1 };
	struct inputs inputs;
	int result;

	inputs_open(&inputs, NULL, 0, &files, failure);
	do {
		result = take_lines(plan, &inputs, can_reset, failure);
	} while (result == 0 && inputs_wait(&inputs));
	if (result == 0 && !inputs.ended)
		result =
		    run_wait_failed(failure, errno, LIMIT_OTHER, "read %s", inputs_name(&inputs));
	if (result == 0 && plan->count == 0)
		result = failure_set(failure, STATUS_USAGE, 0,
		    "no line says anything: 'ok' is a line without faults", "read %s",
		    inputs_name(&inputs));
	inputs_close(&inputs);
	return result;
}

const struct fault_line *
fault_plan_next(struct fault_plan *plan)
{
	bool is_last = plan->at + 1 == plan->count;

	if (!is_last && plan->used_up == plan->lines[plan->at].connections) {
		plan->at++;
		plan->used_up = 0;
	}
	plan->used_up++;
	return &plan->lines[plan->at];
}

void
fault_plan_free(struct fault_plan *plan)
{
	free(plan->lines);
	*plan = (struct fault_plan){ .lines = NULL };
}

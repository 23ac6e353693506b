/* options.c - one table of rows for each program, for getopt_long, --help, --options and the usage
 * errors.
 * Row options. */
#include "options/options.h"

#include "options/hints.h"
#include "options/values.h"
#include "run/escape.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "run/uninitialized.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 28
#define HELP_WIDTH 80

enum { OPERAND = 1, FIRST_ID = 256 }; /* results of getopt_long besides letters */

struct getopt_table;

/* While the command line is parsed: what is being parsed, and into what. */
static struct {
	int argc; /* 0: not parsing */
	char **argv;
	struct options *options;
	const struct getopt_table *table; /* NULL: no option has come yet */
	const void *config;
} parsing;

static void read_output_options(void);

const struct option_row common_options[] = {
	OPTION_GROUP("Output"),
	STEP('q', "quiet", struct run, quiet,
	    "print no summary, progress or notes; twice, with --json, no messages"),
	STEP('v', "verbose", struct run, verbose, "say more about what is done"),
	FLAG('J', "json", struct run, json, "print JSON Lines, one object a record"),
	{ .kind = OPTION_HELP, .letter = 'h', .name = "help", .help = "print this help and exit" },
	{ .kind = OPTION_VERSION,
	    .letter = 'V',
	    .name = "version",
	    .help = "print the version and exit" },
	OPTION_END_ROW,
};

/* ---- usage errors -------------------------------------------------------------------------- */

static void __attribute__((noreturn)) end_misused(const char *message)
{
	read_output_options();
	(void)failure_report_usage(message);
	(void)failure_report_output();
	exit(STATUS_USAGE);
}

void
opt_usage_error(const char *format, ...)
{
	va_list args;
	char *line = NULL;

	va_start(args, format);
	if (vasprintf(&line, format, args) == -1)
		line = NULL;
	va_end(args);
	end_misused(line != NULL ? line : "bad usage");
}

int
opt_misuse(struct failure *failure, const char *format, ...)
{
	char message[sizeof(failure->message)];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return failure_set(failure, STATUS_USAGE, 0, message, "usage");
}

void
opt_fail(const struct failure *failure)
{
	int status;

	if (failure->status == STATUS_USAGE)
		end_misused(failure->message);
	read_output_options();
	status = failure_report(failure);
	(void)failure_report_output();
	exit(status);
}

void
opt_cannot(const char *during, const char *reason)
{
	struct failure failure;

	failure_clear(&failure);
	(void)failure_set(&failure, STATUS_FAILED, 0, reason, "%s", during);
	opt_fail(&failure);
}

void
opt_no_memory(const char *during)
{
	struct failure failure;

	failure_clear(&failure);
	(void)failure_errno(&failure, ENOMEM, "%s", during);
	opt_fail(&failure);
}

static const char *
quote_part(const char *text, size_t all)
{
	static ASIDE char quotes[2][60 * 4 + sizeof("...")];
	static unsigned next;
	char *quote = quotes[next++ % 2];
	size_t len = 0, characters = 0;

	/* Do not count a continuation byte of UTF-8 (10xxxxxx). */
	while (len < all && len < 60 * 4) {
		if (((unsigned char)text[len] & 0xc0) != 0x80 && ++characters > 60)
			break;
		len++;
	}
	(void)snprintf(quote, sizeof(quotes[0]), "%.*s%s", (int)len, text, len < all ? "..." : "");
	return quote;
}

const char *
opt_quote(const char *text)
{
	return quote_part(text, strlen(text));
}

/* ---- the table as a list ------------------------------------------------------------------- */

static bool
is_option(const struct option_row *row)
{
	return row->kind >= OPTION_HELP;
}

static void
store_number(const struct option_entry *entry, int64_t number)
{
	int narrow = (int)number;

	if (entry->row->width == sizeof(narrow))
		memcpy(entry->member, &narrow, sizeof(narrow));
	else
		memcpy(entry->member, &number, sizeof(number));
}

static void
store_default(const struct option_entry *entry)
{
	const struct option_row *row = entry->row;

	if (row->kind == OPTION_UNSET)
		*(bool *)entry->member = true;
	else if (row->width != 0 && row->preset != 0 && !row->optional)
		store_number(entry, row->preset);
}

/* Add the rows of a table, whose members are in config, and store their defaults. */
static void
add_rows(struct options *o, const struct option_row *rows, char *config, uint32_t needs)
{
	for (const struct option_row *row = rows; row->kind != OPTION_END; row++) {
		void *member = row->object != NULL ? row->object : config + row->offset;

		if (row->kind == OPTION_ROWS) {
			add_rows(o, row->rows, member, needs | row->needs);
			continue;
		}
		if (o->count == OPTIONS_MAX)
			abort();
		o->entries[o->count] =
		    (struct option_entry){ row, member, needs | row->needs, false };
		store_default(&o->entries[o->count++]);
	}
}

/* The options, for getopt_long. */
struct getopt_table {
	struct option longs[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
};

static void
make_getopt_table(const struct options *o, struct getopt_table *table)
{
	struct option *to = table->longs;
	char *s = table->letters;

	/* '-': getopt_long leaves the words in their order.  ':': it prints no messages. */
	*s++ = '-';
	*s++ = ':';
	for (size_t i = 0; i < o->count; i++) {
		const struct option_row *row = o->entries[i].row;

		if (!is_option(row))
			continue;
		*to++ = (struct option){ row->name,
			row->arg == NULL ? no_argument :
			row->optional	 ? optional_argument :
					   required_argument,
			NULL, FIRST_ID + (int)i };
		if (row->letter == '\0')
			continue;
		*s++ = row->letter;
		if (row->arg != NULL)
			*s++ = ':';
	}
	*to = (struct option){ NULL, 0, NULL, 0 };
	*s = '\0';
}

static struct option_entry *
entry_of_id(struct options *o, int id)
{
	size_t i = 0;

	if (id >= FIRST_ID)
		return &o->entries[id - FIRST_ID];
	while (o->entries[i].row->letter != id)
		i++;
	return &o->entries[i];
}

/* Find an option by its name.  NULL: the program does not have it. */
static const struct option_entry *
entry_of_name(const struct options *o, const char *name, size_t len)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct option_row *row = o->entries[i].row;

		/* Most names differ in the first letter. */
		if (is_option(row) && row->name[0] == name[0] &&
		    strncmp(row->name, name, len) == 0 && row->name[len] == '\0')
			return &o->entries[i];
	}
	return NULL;
}

/* ---- --help, --version, --options ---------------------------------------------------------- */

static const char *const kind_names[] = { [OPTION_HELP] = "help",
	[OPTION_VERSION] = "version",
	[OPTION_FLAG] = "flag",
	[OPTION_UNSET] = "unset",
	[OPTION_STEP] = "step",
	[OPTION_VALUE] = "value",
	[OPTION_SECONDS] = "seconds",
	[OPTION_DEADLINE] = "deadline",
	[OPTION_SIZE] = "size",
	[OPTION_COUNT] = "count",
	[OPTION_PERCENT] = "percent",
	[OPTION_TEXT] = "text",
	[OPTION_FILE] = "file",
	[OPTION_DIRECTORY] = "directory",
	[OPTION_FD] = "fd",
	[OPTION_CHOICE] = "choice",
	[OPTION_CIDR] = "cidr",
	[OPTION_USER] = "user",
	[OPTION_ADDRESS] = "address",
	[OPTION_OTHER] = "other" };

#define DEFAULT_MAX 32

/* The default as a user would type it; "" if there is none, or if it varies. */
static const char *
default_value(const struct option_row *row, char buf[DEFAULT_MAX])
{
	*buf = '\0';
	if (row->preset_text != NULL)
		return buf;
	if (row->kind == OPTION_CHOICE)
		return row->choices[row->preset];
	if (row->preset == OPTION_NONE && row->none)
		return "none";
	if (row->preset <= 0 || (row->width == 0 && row->kind != OPTION_OTHER))
		return buf;
	if (row->kind == OPTION_SECONDS)
		value_show_seconds(row->preset, buf, DEFAULT_MAX);
	else if (row->kind == OPTION_SIZE)
		value_show_size(row->preset, buf, DEFAULT_MAX);
	else
		(void)snprintf(buf, DEFAULT_MAX, "%lld", (long long)row->preset);
	return buf;
}

/* Describe the default for --help, or "". */
static void
describe_default(const struct option_row *row, char *text, size_t size)
{
	char buf[DEFAULT_MAX];
	const char *value = default_value(row, buf);

	if (row->preset_text != NULL)
		(void)snprintf(text, size, "(%s)", row->preset_text);
	else if (*value == '\0')
		*text = '\0';
	else if (row->optional)
		(void)snprintf(text, size, "(%s without a value)", value);
	else if (row->preset == OPTION_NONE)
		(void)snprintf(text, size, "(no limit by default)");
	else
		(void)snprintf(
		    text, size, "(default %s%s)", value, row->none ? "; none: no limit" : "");
}

/* Print text in lines of at most HELP_WIDTH columns, from HELP_COLUMN on.  The cursor is there. */
static void
print_wrapped(const char *text)
{
	while (strlen(text) > HELP_WIDTH - HELP_COLUMN) {
		size_t len = HELP_WIDTH - HELP_COLUMN;

		while (len > 0 && text[len] != ' ')
			len--;
		output_print("%.*s\n%*s", (int)len, text, HELP_COLUMN, "");
		text += len + 1;
	}
	output_print("%s\n", text);
}

static void
print_option(const struct option_row *row)
{
	char left[80], preset[200], text[400];
	int n = 0;

	if (row->letter != '\0')
		n = snprintf(left, sizeof(left), "  -%c, --%s", row->letter, row->name);
	else
		n = snprintf(left, sizeof(left), "      --%s", row->name);
	if (row->arg != NULL)
		n += snprintf(
		    left + n, sizeof(left) - (size_t)n, row->optional ? "[=%s]" : " %s", row->arg);
	if (n < HELP_COLUMN - 1)
		output_print("%-*s", HELP_COLUMN, left);
	else
		output_print("%s\n%*s", left, HELP_COLUMN, "");
	describe_default(row, preset, sizeof(preset));
	n = snprintf(
	    text, sizeof(text), "%s%s", row->help, row->repeats ? "; may be repeated" : "");
	/* Do not wrap inside the default. */
	if (*preset != '\0' && n + 1 + (int)strlen(preset) <= HELP_WIDTH - HELP_COLUMN) {
		(void)snprintf(text + n, sizeof(text) - (size_t)n, " %s", preset);
		*preset = '\0';
	}
	print_wrapped(text);
	if (*preset != '\0') {
		output_print("%*s", HELP_COLUMN, "");
		print_wrapped(preset);
	}
}

static void __attribute__((noreturn)) print_help(const struct options *o)
{
	const struct command *command = o->command;

	for (size_t i = 0; command->synopsis[i] != NULL; i++)
		output_print("%s %s %s\n", i == 0 ? "usage:" : "      ", command->name,
		    command->synopsis[i]);
	output_print("%s\n", command->summary);
	for (size_t i = 0; i < o->count; i++) {
		const struct option_row *row = o->entries[i].row;

		if (is_option(row))
			print_option(row);
		else
			output_print("\n%s:\n", row->help);
	}
	output_print("\nThe manual: man %s, man sockutils.\n", command->name);
	exit(failure_report_output());
}

static void __attribute__((noreturn)) print_version(const struct options *o)
{
	output_print("%s (sockutils) %s\n", o->command->name, PACKAGE_VERSION);
	exit(failure_report_output());
}

/* Print a line for each operand. */
static void
list_operands(const struct command *command)
{
	const char *word = command->operands;

	while (*word != '\0') {
		size_t len = strcspn(word, " "), dots = 0;

		if (len > 3 && strncmp(word + len - 3, "...", 3) == 0)
			dots = 3;
		output_print("%s\t\t\t\t\t%.*s\t%s\t\t\t\n", command->name, (int)(len - dots), word,
		    dots > 0 ? "repeats" : "");
		word += len + (word[len] == ' ');
	}
}

/* The properties of a row as words, separated by blanks. */
static const char *
properties_of(const struct option_row *row)
{
	static const char *const words[] = { "", "none", "repeats", "none repeats", "optional",
		"none optional", "repeats optional", "none repeats optional" };

	return words[(row->none ? 1 : 0) + (row->repeats ? 2 : 0) + (row->optional ? 4 : 0)];
}

static void __attribute__((noreturn)) list_options(const struct options *o)
{
	const char *heading = "";

	for (size_t i = 0; i < o->count; i++) {
		const struct option_row *row = o->entries[i].row;
		char preset[DEFAULT_MAX];

		if (!is_option(row)) {
			heading = row->help;
			continue;
		}
		output_print("%s\t%s\t%.1s\t%s\t%s\t%s\t%s\t", o->command->name, heading,
		    &row->letter, row->name, row->arg != NULL ? row->arg : "",
		    kind_names[row->kind], properties_of(row));
		for (size_t c = 0; row->kind == OPTION_CHOICE && row->choices[c] != NULL; c++)
			output_print("%s%s", c > 0 ? " " : "", row->choices[c]);
		output_print("\t%s\t%s\n", default_value(row, preset), row->help);
	}
	list_operands(o->command);
	exit(failure_report_output());
}

/* ---- mistakes ------------------------------------------------------------------------------ */

static bool
word_matches(const char *pattern, size_t n, const char *word, size_t len)
{
	if (n > 1 && pattern[n - 1] == '*')
		return strncmp(word, pattern, n - 1) == 0;
	return n == len && strncmp(word, pattern, n) == 0;
}

/* The text of a line of hints, if that is about the word; else NULL. */
static const char *
hint_of_line(const char *line, const char *word, size_t len)
{
	const char *text = strchr(line, '\t') + 1;

	while (line < text) {
		size_t n = strcspn(line, " \t");

		if (word_matches(line, n, word, len))
			return text;
		line += n + 1;
	}
	return NULL;
}

/* End the program if the word is known from other programs. */
static void
check_hints(const struct command *command, const char *word, size_t len, const char *what)
{
	for (size_t i = 0; command->hints != NULL && command->hints[i] != NULL; i++) {
		for (const char *line = command->hints[i]; *line != '\0';
		     line = strchr(line, '\n') + 1) {
			const char *text = hint_of_line(line, word, len);

			if (text != NULL)
				opt_usage_error("%s'%s': %.*s", what, opt_quote(word),
				    (int)strcspn(text, "\n"), text);
		}
	}
}

/* Is the word an option of another program?  Asked before getopt_long takes it for an abbreviation
 * or for letters.  Single letters are looked up only if they are unknown. */
static void
check_word(const struct options *o, const char *word)
{
	bool is_long = strncmp(word, "--", 2) == 0;
	size_t len = is_long ? strcspn(word, "=") : strlen(word);

	if (len <= 2 || *word != '-' || (is_long && entry_of_name(o, word + 2, len - 2) != NULL))
		return;
	check_hints(o->command, word, len, "unknown option ");
}

/* Is the value one for another program's option of this name? */
static void
check_value(const struct options *o, const struct option_entry *entry, const char *value)
{
	char *word;

	if (o->command->hints == NULL || asprintf(&word, "--%s=%s", entry->row->name, value) == -1)
		return;
	check_hints(o->command, word, strlen(word), "option ");
	free(word);
}

static void
check_operand(const struct options *o, const char *operand)
{
	if (*operand == '@' || *operand == '+')
		check_hints(o->command, operand, strlen(operand), "");
}

static bool
is_letter_of_option(const struct options *o, char letter)
{
	for (size_t i = 0; i < o->count; i++) {
		if (is_option(o->entries[i].row) && o->entries[i].row->letter == letter)
			return true;
	}
	return false;
}

/* The length of the character at text; 1 if it is no UTF-8. */
static size_t
character_length(const char *text)
{
	enum { LONGEST = 4 };
	size_t bytes = strnlen(text, LONGEST);

	for (size_t len = 1; len <= bytes; len++) {
		if (escape_is_utf8(text, len))
			return len;
	}
	return 1;
}

/* One of the letters of the word is unknown.  It may be a character of several bytes, of which
 * getopt_long tells the first. */
static void __attribute__((noreturn)) fail_unknown_letter(const struct options *o, const char *word)
{
	const char *letter = word + 1;
	char option[8];

	while (letter[1] != '\0' && is_letter_of_option(o, *letter))
		letter++;
	(void)snprintf(option, sizeof(option), "-%.*s", (int)character_length(letter), letter);
	check_hints(o->command, option, strlen(option), "unknown option ");
	opt_usage_error("unknown option '%s'", option);
}

static void __attribute__((noreturn))
fail_ambiguous(const struct options *o, const char *name, size_t len)
{
	char names[400];
	size_t n = 0;

	for (size_t i = 0; i < o->count && n < sizeof(names); i++) {
		const struct option_row *row = o->entries[i].row;

		if (is_option(row) && strncmp(row->name, name, len) == 0)
			n += (size_t)snprintf(
			    names + n, sizeof(names) - n, "%s--%s", n > 0 ? ", " : "", row->name);
	}
	opt_usage_error("ambiguous option '--%.*s': %s", (int)len, name, names);
}

/* getopt_long returned '?' for --name: it is unknown or ambiguous, or has a value that it does not
 * take. */
static void __attribute__((noreturn)) fail_unknown_name(const struct options *o, const char *name)
{
	size_t len = strcspn(name, "="), matches = 0, least = HINT_DISTANCE_MAX + 1;
	const struct option_entry *exact = entry_of_name(o, name, len);
	const char *meant = NULL, *nearest = NULL;

	for (size_t i = 0; i < o->count; i++) {
		const struct option_row *other = o->entries[i].row;
		size_t distance;

		if (!is_option(other))
			continue;
		if (strncmp(other->name, name, len) == 0) {
			matches++;
			meant = other->name;
		}
		distance = hint_distance(name, len, other->name);
		if (distance < least) {
			least = distance;
			nearest = other->name;
		}
	}
	if (name[len] == '=' && (matches == 1 || exact != NULL))
		opt_usage_error(
		    "option '--%s' takes no value", exact != NULL ? exact->row->name : meant);
	if (matches > 1)
		fail_ambiguous(o, name, len);
	if (nearest != NULL)
		opt_usage_error(
		    "unknown option '--%.*s': did you mean --%s?", (int)len, name, nearest);
	opt_usage_error("unknown option '--%s'", quote_part(name, len));
}

/* ---- values -------------------------------------------------------------------------------- */

static int64_t
seconds_of(const struct option_row *row, const char *value)
{
	int64_t ns = value_seconds(row->name, value, row->none);
	char least[DEFAULT_MAX];

	if (ns >= row->least || ns == OPTION_NONE)
		return ns;
	if (row->least <= 1)
		opt_usage_error("option '--%s' takes more than 0 SECONDS here", row->name);
	value_show_seconds(row->least, least, sizeof(least));
	opt_usage_error(
	    "option '--%s' takes %s or more, not '%s'", row->name, least, opt_quote(value));
}

static int64_t
choice_of(const struct option_row *row, const char *value)
{
	char names[200];
	size_t n = 0;

	for (size_t i = 0; row->choices[i] != NULL; i++) {
		if (strcmp(row->choices[i], value) == 0)
			return (int64_t)i;
	}
	for (size_t i = 0; row->choices[i] != NULL && n < sizeof(names); i++) {
		const char *between = row->choices[i + 1] == NULL ? " or " : ", ";

		n += (size_t)snprintf(
		    names + n, sizeof(names) - n, "%s%s", i > 0 ? between : "", row->choices[i]);
	}
	opt_usage_error("option '--%s' takes %s, not '%s'", row->name, names, opt_quote(value));
}

static int64_t
number_of(const struct option_row *row, const char *value)
{
	switch (row->kind) {
	case OPTION_VALUE:
		return row->value;
	case OPTION_SECONDS:
		return seconds_of(row, value);
	case OPTION_SIZE:
		return value_size(row->name, value, row->least, row->most);
	case OPTION_PERCENT:
		return value_percent(row->name, value);
	case OPTION_FD:
		return value_fd(row->name, value);
	case OPTION_CHOICE:
		return choice_of(row, value);
	default:
		return value_number(row->name, value, row->least, row->most, row->none);
	}
}

static void
store_other(const struct option_entry *entry, const char *value)
{
	const struct option_row *row = entry->row;
	const char *wanted = row->set(entry->member, value);

	if (wanted != NULL)
		opt_usage_error(
		    "option '--%s' takes %s, not '%s'", row->name, wanted, opt_quote(value));
}

static void
store(const struct options *o, const struct option_entry *entry, const char *value)
{
	const struct option_row *row = entry->row;

	switch (row->kind) {
	case OPTION_HELP:
		print_help(o);
	case OPTION_VERSION:
		print_version(o);
	case OPTION_FLAG:
	case OPTION_UNSET:
		*(bool *)entry->member = row->kind == OPTION_FLAG;
		break;
	case OPTION_STEP:
		++*(int *)entry->member;
		break;
	case OPTION_DEADLINE:
		*(struct sku_deadline *)entry->member = sku_deadline_in(seconds_of(row, value));
		break;
	case OPTION_TEXT:
	case OPTION_FILE:
	case OPTION_DIRECTORY:
		if (*value == '\0' && row->kind != OPTION_TEXT)
			opt_usage_error("option '--%s' takes a %s, and it is empty", row->name,
			    row->kind == OPTION_FILE ? "FILE" : "directory");
		if (row->without != NULL && strcmp(value, "-") == 0)
			opt_usage_error("option '--%s' takes a FILE, not '-': %s (./- is a file of "
					"that name)",
			    row->name, row->without);
		if (row->set != NULL)
			store_other(entry, value);
		else
			*(const char **)entry->member = value;
		break;
	default:
		if (row->width == 0)
			store_other(entry, value);
		else if (row->optional && value == NULL)
			store_number(entry, row->preset);
		else
			store_number(entry, number_of(row, value));
	}
}

/* ---- parsing ------------------------------------------------------------------------------- */

static void
check_spelling(const struct option_entry *entry, const char *word)
{
	const char *name = entry->row->name;
	size_t len = strlen(name);

	if (!entry->row->spelt_out || strncmp(word, "--", 2) != 0)
		return;
	if (strncmp(word + 2, name, len) != 0 || (word[2 + len] != '\0' && word[2 + len] != '='))
		opt_usage_error("--%s must be spelt out", name);
}

static bool
is_in_list(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; (p = strstr(p, name)) != NULL; p += len) {
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
			return true;
	}
	return false;
}

/* An option that was given and excludes this one, which was given, too; NULL: none. */
static const struct option_entry *
excluding(const struct options *o, const struct option_entry *entry)
{
	const struct option_row *row = entry->row;

	for (size_t i = 0; i < o->count; i++) {
		const struct option_entry *other = &o->entries[i];

		if (!other->given || other == entry)
			continue;
		if (row->excludes != NULL && is_in_list(row->excludes, other->row->name))
			return other;
		if (row->alone && other->row->alone && other->member == entry->member)
			return other;
	}
	return NULL;
}

static void
check_exclusions(const struct options *o)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct option_entry *entry = &o->entries[i], *other;

		other = entry->given ? excluding(o, entry) : NULL;
		if (other != NULL)
			opt_usage_error(
			    "--%s and --%s exclude each other", entry->row->name, other->row->name);
	}
}

/* Add an operand.  False: it ends the options (ends_options()). */
static bool
add_operand(struct options *o, const void *config, char *operand)
{
	bool (*ends)(const void *, char *const *, size_t) = o->command->ends_options;
	bool is_first = ends != NULL && o->option_end == SIZE_MAX &&
			ends(config, o->operands, o->operand_count);

	if (is_first)
		o->option_end = o->operand_count;
	o->operands[o->operand_count++] = operand;
	return !is_first;
}

static bool
is_operand(const char *word)
{
	return word[0] != '-' || word[1] == '\0';
}

/* Take the next word as an operand.  False: the options have ended. */
static bool
parse_operand(void)
{
	char *operand = parsing.argv[optind++];

	if (!add_operand(parsing.options, parsing.config, operand))
		return false;
	check_operand(parsing.options, operand);
	return true;
}

/* From here on getopt_long reads the words. */
static void
begin_options(struct getopt_table *table)
{
	int at = optind;

	make_getopt_table(parsing.options, table);
	parsing.table = table;
	/* It forgets where it was in another command line. */
	optind = 0;
	(void)getopt_long(1, parsing.argv, table->letters, table->longs, NULL);
	optind = at;
}

/* The next word, or the next letter of a word: a result of getopt_long. */
static int
read_next(void)
{
	return getopt_long(
	    parsing.argc, parsing.argv, parsing.table->letters, parsing.table->longs, NULL);
}

/* After a mistake: do --json and --quiet follow?  They say where it is told. */
static void
read_output_options(void)
{
	struct getopt_table table UNINITIALIZED;
	const void *member;
	int id;

	if (parsing.argc > 0 && parsing.table == NULL)
		begin_options(&table);
	while (parsing.argc > 0 && (id = read_next()) != -1) {
		if (id == OPERAND &&
		    !add_operand(parsing.options, parsing.config, parsing.argv[optind - 1]))
			return;
		if (id == OPERAND || id == '?' || id == ':')
			continue;
		member = entry_of_id(parsing.options, id)->member;
		run.json = run.json || member == &run.json;
		run.quiet += member == &run.quiet;
	}
}

/* Parse the next word, or the next letter of a word.  False: the options have ended. */
static bool
parse_next(void)
{
	struct options *o = parsing.options;
	const char *word = parsing.argv[optind];
	struct option_entry *entry;
	int id;

	if (is_operand(word))
		return parse_operand();
	check_word(o, word);
	id = read_next();
	switch (id) {
	case -1:
		return false;
	case '?':
		if (strncmp(word, "--", 2) == 0)
			fail_unknown_name(o, word + 2);
		fail_unknown_letter(o, word);
	case ':':
		entry = entry_of_id(o, optopt);
		opt_usage_error(
		    "option '--%s' takes a value: %s", entry->row->name, entry->row->arg);
	default:
		entry = entry_of_id(o, id);
		check_spelling(entry, word);
		entry->given = true;
		if (optarg != NULL)
			check_value(o, entry, optarg);
		if (entry->row->kind == OPTION_HELP && strcmp(word, "-h") == 0 &&
		    optind < parsing.argc && is_operand(parsing.argv[optind]))
			check_hints(o->command, word, strlen(word), "option ");
		store(o, entry, optarg);
		return true;
	}
}

/* Parse the words from the first option on.  The table of getopt_long takes a page of the stack,
 * and a program without options does not touch it. */
static __attribute__((noinline)) void
parse_options(void)
{
	struct getopt_table table UNINITIALIZED;

	begin_options(&table);
	while (optind < parsing.argc && parse_next())
		;
	parsing.table = NULL;
}

void
opt_parse(
    struct options *options, const struct command *command, void *config, int argc, char **argv)
{
	bool goes_on = true;

	options->command = command;
	options->operands = argv;
	options->operand_count = options->count = 0;
	options->option_end = SIZE_MAX;
	add_rows(options, command->options, config, 0);
	if (argc == 2 && strcmp(argv[1], "--options") == 0)
		list_options(options);
	parsing.argc = argc;
	parsing.argv = argv;
	parsing.options = options;
	parsing.table = NULL;
	parsing.config = config;
	opterr = 0;
	optind = 1;
	while (goes_on && optind < argc && is_operand(argv[optind]))
		goes_on = parse_operand();
	if (goes_on && optind < argc)
		parse_options();
	while (optind < argc)
		(void)add_operand(options, config, argv[optind++]);
	if (options->option_end == SIZE_MAX)
		options->option_end = options->operand_count;
	options->operands[options->operand_count] = NULL;
	parsing.argc = 0;
	check_exclusions(options);
	run_keep_limit();
}

void
opt_check_modes(const struct options *options, uint32_t modes)
{
	for (size_t i = 0; i < options->count; i++) {
		const struct option_entry *entry = &options->entries[i];
		uint32_t missing = entry->needs & ~modes;
		const struct option_need *need = options->command->needs;

		if (!entry->given || missing == 0)
			continue;
		while (need->mode != 0 && (need->mode & missing) == 0)
			need++;
		if (need->mode == 0)
			abort(); /* the table of the program lacks it */
		opt_usage_error("option '--%s' %s", entry->row->name, need->otherwise);
	}
}

bool
opt_given(const struct options *options, const char *name)
{
	const struct option_entry *entry = entry_of_name(options, name, strlen(name));

	if (entry == NULL)
		abort();
	return entry->given;
}

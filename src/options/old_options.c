/* options.c - one table for each program, which getopt_long, --help and the tests read.
 * Row options. */
#include "options/old_options.h"

#include "run/message.h"
#include "run/output.h"
#include "run/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 30

static bool
is_row(const struct old_row *o)
{
	return o->name != NULL;
}

static bool
is_end(const struct old_row *o)
{
	return o->id == -1;
}

/* Usage errors become records even when --json comes after the mistake: look ahead for it. */
static void
usage_errors_as_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-J") == 0)
			run.json = true;
	}
}

void
old_init(struct opt_parser *parser, const struct old_command *command, int argc, char **argv)
{
	char *s = parser->shortopts;
	size_t n = 0;

	memset(parser, 0, sizeof(*parser));
	parser->command = command;
	parser->argc = argc;
	parser->argv = argv;
	usage_errors_as_json(argc, argv);
	/* '-': getopt returns operands in their place.  ':': getopt prints no messages. */
	*s++ = '-';
	*s++ = ':';
	for (const struct old_row *o = command->options; !is_end(o); o++) {
		if (!is_row(o))
			continue;
		parser->longopts[n++] = (struct option){ o->name,
			o->arg != NULL ? required_argument : no_argument, NULL, o->id };
		if (o->id < 256) {
			*s++ = (char)o->id;
			if (o->arg != NULL)
				*s++ = ':';
		}
	}
	opterr = 0;
	optind = 1;
}

static void
print_option(const struct old_row *o)
{
	char left[80];
	int n = 0;

	if (o->id < 256)
		n = snprintf(left, sizeof(left), "  -%c, --%s", o->id, o->name);
	else
		n = snprintf(left, sizeof(left), "      --%s", o->name);
	if (o->arg != NULL)
		n += snprintf(left + n, sizeof(left) - (size_t)n, " %s", o->arg);
	if (n < HELP_COLUMN - 1)
		output_print("%-*s%s\n", HELP_COLUMN, left, o->help);
	else
		output_print("%s\n%*s%s\n", left, HELP_COLUMN, "", o->help);
}

static void
print_help(const struct old_command *command)
{
	for (size_t i = 0; command->synopsis[i] != NULL; i++)
		output_print("%s %s %s\n", i == 0 ? "usage:" : "      ", command->name,
		    command->synopsis[i]);
	output_print("%s\n", command->summary);
	for (const struct old_row *o = command->options; !is_end(o); o++) {
		if (is_row(o))
			print_option(o);
		else
			output_print("\n%s:\n", o->help);
	}
	output_print("\nThe manual: man %s, man sockutils.\n", command->name);
}

/* The index of the row with this id, or -1. */
static int
find_row(const struct old_command *command, int id)
{
	for (int i = 0; !is_end(&command->options[i]); i++) {
		if (is_row(&command->options[i]) && command->options[i].id == id)
			return i;
	}
	return -1;
}

/* getopt_long returns '?' for an unknown option, for an ambiguous one and for one with a value that
 * it does not take. */
static void __attribute__((noreturn))
report_unknown_option(const struct opt_parser *parser, const char *token)
{
	size_t len = strcspn(token + 2, "="), matches = 0;

	if (token[0] != '-' || token[1] != '-')
		opt_usage_error("unknown option '-%c'", optopt);
	for (const struct option *o = parser->longopts; o->name != NULL; o++) {
		if (strncmp(o->name, token + 2, len) != 0)
			continue;
		matches++;
		if (token[2 + len] == '=' && o->has_arg == no_argument && o->name[len] == '\0')
			opt_usage_error("option '--%s' takes no value", o->name);
	}
	opt_usage_error(
	    "%s option '%.*s'", matches > 1 ? "ambiguous" : "unknown", (int)len + 2, token);
}

static void __attribute__((noreturn)) report_missing_value(const struct opt_parser *parser)
{
	int row = find_row(parser->command, optopt);
	const struct old_row *o = &parser->command->options[row < 0 ? 0 : row];

	opt_usage_error("option '--%s' takes a value: %s", o->name, o->arg);
}

static bool
common_option(const struct opt_parser *parser, int id)
{
	switch (id) {
	case 'h':
		print_help(parser->command);
		exit(msg_flush());
	case 'V':
		output_print("%s (sockutils) %s\n", parser->command->name, PACKAGE_VERSION);
		exit(msg_flush());
	case 'q':
		run.quiet = true;
		return true;
	case 'v':
		run.verbose++;
		return true;
	case 'J':
		run.json = true;
		return true;
	default:
		return false;
	}
}

int
old_next(struct opt_parser *parser, const char **value)
{
	for (;;) {
		int before = optind, id = -1;

		/* Called again after its end, getopt_long would start anew. */
		if (!parser->ended)
			id = getopt_long(
			    parser->argc, parser->argv, parser->shortopts, parser->longopts, NULL);
		*value = optarg;
		if (id == -1) {
			parser->ended = true;
			if (optind >= parser->argc)
				return OPT_DONE;
			*value = parser->argv[optind++]; /* an operand after "--" */
			return OPT_OPERAND;
		}
		if (id == OPT_OPERAND)
			return OPT_OPERAND;
		if (id == '?')
			report_unknown_option(
			    parser, parser->argv[before < parser->argc ? before : optind - 1]);
		if (id == ':')
			report_missing_value(parser);
		parser->given[find_row(parser->command, id)] = true;
		if (!common_option(parser, id))
			return id;
	}
}

char **
old_rest(const struct opt_parser *parser)
{
	return &parser->argv[optind - 1];
}

char *
old_operand(const struct opt_parser *parser)
{
	return parser->argv[optind - 1];
}

bool
old_was_written_in_full(const struct opt_parser *parser, const char *name)
{
	size_t len = strlen(name);

	/* The option is the last word, or the one before if its value is a word of its own. */
	for (int i = optind - 1; i >= optind - 2 && i > 0; i--) {
		const char *word = parser->argv[i];

		if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, len) == 0 &&
		    (word[2 + len] == '\0' || word[2 + len] == '='))
			return true;
	}
	return false;
}

void
old_check_modes(const struct opt_parser *parser, unsigned mode)
{
	const struct old_row *options = parser->command->options;

	for (int i = 0; !is_end(&options[i]); i++) {
		if (parser->given[i] && options[i].modes != 0 && (options[i].modes & mode) == 0)
			opt_usage_error("option '--%s' %s", options[i].name, options[i].where);
	}
}

bool
old_given(const struct opt_parser *parser, int id)
{
	int row = find_row(parser->command, id);

	return row >= 0 && parser->given[row];
}

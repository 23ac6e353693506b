/* options.h - one table for each program, which getopt_long, --help and the tests read.
 *
 * A row says what an option is called, what value it takes and what it does.  It may name the modes
 * in which the option has a meaning; giving the option in another mode is a usage error. */
#ifndef OPTIONS_OPTIONS_H
#define OPTIONS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option_row {
	int id;		   /* the short option's character, or a number from 256 up */
	const char *name;  /* the long option; NULL: the row ends the table or begins a group */
	const char *arg;   /* the value's name, as "SECONDS"; NULL for a flag */
	const char *help;  /* one line; for a group: its heading */
	unsigned modes;	   /* bits of the program's own modes; 0: all modes */
	const char *where; /* with modes: the rest of the message, as "goes with --udp" */
};

/* Begin a group in --help. */
#define OPTION_GROUP(heading)                                                                      \
	{                                                                                          \
		0, NULL, NULL, heading, 0, NULL                                                    \
	}
#define OPTION_END                                                                                 \
	{                                                                                          \
		-1, NULL, NULL, NULL, 0, NULL                                                      \
	}

#define OPTIONS_MAX 96

struct command {
	const char *name;
	const char *const *synopsis; /* one for each line after "usage: NAME "; ends with NULL */
	const char *summary;
	const struct option_row *options; /* ends with OPTION_END */
};

/* The state of one pass over the command line. */
struct opt_parser {
	const struct command *command;
	int argc;
	char **argv;
	struct option longopts[OPTIONS_MAX + 1];
	char shortopts[2 * OPTIONS_MAX + 4];
	bool given[OPTIONS_MAX]; /* indexed by row */
	bool ended;		 /* no option follows, only operands */
};

enum { OPT_OPERAND = 1, OPT_DONE = -1 };

/* Begin a pass over the command line, which stays in use as long as the parser. */
void opt_init(struct opt_parser *parser, const struct command *command, int argc, char **argv);
/* Return the next option's id and store its value in *value, or return OPT_OPERAND and store the
 * operand, or return OPT_DONE.  Options may follow operands; `--` ends the options.  The options of
 * every program (--quiet, --verbose, --json, --help, --version) are handled here.  Misuse ends the
 * program with status 2. */
int opt_next(struct opt_parser *parser, const char **value);
/* The operand that was returned last and all arguments after it, unparsed, for a command line whose
 * options end there.  The list is part of argv and ends with NULL. */
char **opt_rest(const struct opt_parser *parser);
/* The operand that was returned last, as a pointer from argv. */
char *opt_operand(const struct opt_parser *parser);
/* Was the option that was returned last given by its full name, not by an abbreviation? */
bool opt_was_written_in_full(const struct opt_parser *parser, const char *name);
/* After OPT_DONE: end the program with a usage error if an option was given that has no meaning in
 * this mode. */
void opt_check_modes(const struct opt_parser *parser, unsigned mode);
/* Was the option with this id given? */
bool opt_given(const struct opt_parser *parser, int id);

/* Print `PROGRAM: …` and `Try 'PROGRAM --help' for more information.`, and end the program with
 * status 2. */
__attribute__((format(printf, 1, 2), noreturn)) void opt_usage_error(const char *format, ...);

/* The options that every program has. */
#define COMMON_OPTION_ROWS                                                                         \
	OPTION_GROUP("Output"), { 'q', "quiet", NULL, "no summary, progress or notes", 0, NULL },  \
	    { 'v', "verbose", NULL, "say more; may be repeated", 0, NULL },                        \
	    { 'J', "json", NULL, "print JSON Lines", 0, NULL },                                    \
	    { 'h', "help", NULL, "print this help and exit", 0, NULL },                            \
	{                                                                                          \
		'V', "version", NULL, "print the version and exit", 0, NULL                        \
	}

#endif

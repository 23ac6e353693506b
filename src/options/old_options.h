/* options.h - one table for each program, which getopt_long, --help and the tests read.
 *
 * A row says what an option is called, what value it takes and what it does.  It may name the modes
 * in which the option has a meaning; giving the option in another mode is a usage error. */
#ifndef OPTIONS_OLD_OPTIONS_H
#define OPTIONS_OLD_OPTIONS_H

#include "options/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct old_row {
	int id;		   /* the short option's character, or a number from 256 up */
	const char *name;  /* the long option; NULL: the row ends the table or begins a group */
	const char *arg;   /* the value's name, as "SECONDS"; NULL for a flag */
	const char *help;  /* one line; for a group: its heading */
	unsigned modes;	   /* bits of the program's own modes; 0: all modes */
	const char *where; /* with modes: the rest of the message, as "goes with --udp" */
};

/* Begin a group in --help. */
#define OLD_GROUP(heading)                                                                         \
	{                                                                                          \
		0, NULL, NULL, heading, 0, NULL                                                    \
	}
#define OLD_END                                                                                    \
	{                                                                                          \
		-1, NULL, NULL, NULL, 0, NULL                                                      \
	}

#define OLD_OPTIONS_MAX 96

struct old_command {
	const char *name;
	const char *const *synopsis; /* one for each line after "usage: NAME "; ends with NULL */
	const char *summary;
	const struct old_row *options; /* ends with OLD_END */
};

/* The state of one pass over the command line. */
struct opt_parser {
	const struct old_command *command;
	int argc;
	char **argv;
	struct option longopts[OLD_OPTIONS_MAX + 1];
	char shortopts[2 * OLD_OPTIONS_MAX + 4];
	bool given[OLD_OPTIONS_MAX]; /* indexed by row */
	bool ended;		     /* no option follows, only operands */
};

enum { OPT_OPERAND = 1, OPT_DONE = -1 };

/* Begin a pass over the command line, which stays in use as long as the parser. */
void old_init(struct opt_parser *parser, const struct old_command *command, int argc, char **argv);
/* Return the next option's id and store its value in *value, or return OPT_OPERAND and store the
 * operand, or return OPT_DONE.  Options may follow operands; `--` ends the options.  The options of
 * every program (--quiet, --verbose, --json, --help, --version) are handled here.  Misuse ends the
 * program with status 2. */
int old_next(struct opt_parser *parser, const char **value);
/* The operand that was returned last and all arguments after it, unparsed, for a command line whose
 * options end there.  The list is part of argv and ends with NULL. */
char **old_rest(const struct opt_parser *parser);
/* The operand that was returned last, as a pointer from argv. */
char *old_operand(const struct opt_parser *parser);
/* Was the option that was returned last given by its full name, not by an abbreviation? */
bool old_was_written_in_full(const struct opt_parser *parser, const char *name);
/* After OPT_DONE: end the program with a usage error if an option was given that has no meaning in
 * this mode. */
void old_check_modes(const struct opt_parser *parser, unsigned mode);
/* Was the option with this id given? */
bool old_given(const struct opt_parser *parser, int id);

/* The options that every program has. */
#define OLD_COMMON_ROWS                                                                            \
	OLD_GROUP("Output"), { 'q', "quiet", NULL, "no summary, progress or notes", 0, NULL },     \
	    { 'v', "verbose", NULL, "say more; may be repeated", 0, NULL },                        \
	    { 'J', "json", NULL, "print JSON Lines", 0, NULL },                                    \
	    { 'h', "help", NULL, "print this help and exit", 0, NULL },                            \
	{                                                                                          \
		'V', "version", NULL, "print the version and exit", 0, NULL                        \
	}

#endif

/* options.h - one table a program: it feeds getopt_long, --help and the tests.
 *
 * A row says what an option is called, what it takes and what it does; it may name the modes in
 * which it has a meaning, and giving it in another one is a usage error. */
#ifndef OPTIONS_OPTIONS_H
#define OPTIONS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option_row {
	int id;		   /* the short option's character, or a number from 256 on */
	const char *name;  /* the long option; NULL ends the table, or begins a group: */
	const char *arg;   /* what it takes: "SECONDS"; NULL for a flag */
	const char *help;  /* one line; of a group, its heading */
	unsigned modes;	   /* bits of the program's own modes; 0: any mode */
	const char *where; /* with modes: "goes with --udp", for the message */
};

/* A heading in --help. */
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
	const char *const *synopsis; /* lines after "usage: NAME ", ends with NULL */
	const char *summary;
	const struct option_row *options; /* ends with OPTION_END */
};

/* One pass over the command line. */
struct opt_parser {
	const struct command *command;
	int argc;
	char **argv;
	struct option longopts[OPTIONS_MAX + 1];
	char shortopts[2 * OPTIONS_MAX + 4];
	bool given[OPTIONS_MAX]; /* by row */
	bool ended;		 /* the options are over: only operands are left */
};

enum { OPT_OPERAND = 1, OPT_DONE = -1 };

void opt_init(struct opt_parser *parser, const struct command *command, int argc, char **argv);
/* The next option's id and its argument in *value, OPT_OPERAND and the operand, or OPT_DONE.
 * Options may stand after operands; `--` ends them.  Options of every program (help, version,
 * quiet, verbose, json) are dealt with inside.  Misuse ends the program with status 2. */
int opt_next(struct opt_parser *parser, const char **value);
/* The operand that was returned last and everything after it, unparsed: for a command line whose
 * options end there.  Ends with NULL. */
char **opt_rest(const struct opt_parser *parser);
/* The operand that was returned last, as it stands in argv. */
char *opt_operand(const struct opt_parser *parser);
/* Was the option that was returned last written in full, not abbreviated? */
bool opt_was_written_in_full(const struct opt_parser *parser, const char *name);
/* After OPT_DONE: was an option given that has no meaning in this mode?  Then a usage error. */
void opt_check_modes(const struct opt_parser *parser, unsigned mode);
bool opt_given(const struct opt_parser *parser, int id);

/* `PROGRAM: …`, `Try 'PROGRAM --help' for more information.`, status 2; does not return. */
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

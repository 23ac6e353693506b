/* options.h - one table of rows for each program.  getopt_long, --help, --options, the usage errors
 * and the tests read it.
 *
 * A row says all about an option: its names, the kind of its value and the range, the default, the
 * member that it sets, and when it has a meaning.
 *
 * To add a flag: give the config a member; add a row to the table of the program, or to that of the
 * module that several programs share, as
 *	FLAG(0, "upper", struct server_config, upper, "echo in upper case"),
 *	COUNT('j', "jobs", "N", struct host_config, jobs, 1, 4096, 16, "look N names up at once"),
 * describe it in the manual under the heading that the row has, make the completions anew, and test
 * what it does.  What a row leaves out is 0.  More fields may follow the help, by their names:
 *	"answer that much later", .needs = MODE_STREAM, .excludes = "close-after reset-after"),
 *
 * To add a program: a table, a `struct command`, and in its config_parse()
 *	opt_parse(&options, &command, config, argc, argv);
 * which sets the members, and leaves the operands; then, once it is known what is to be done,
 *	opt_check_modes(&options, modes);
 */
#ifndef OPTIONS_OPTIONS_H
#define OPTIONS_OPTIONS_H

#include "run/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The comments say which type the member has. */
enum option_kind {
	OPTION_END,	  /* the table ends */
	OPTION_GROUP_ROW, /* a heading of --help */
	OPTION_ROWS,	  /* the rows of a module come here */
	/* without a value */
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_FLAG,  /* bool: true */
	OPTION_UNSET, /* bool: false; without the option true */
	OPTION_STEP,  /* int: one more each time */
	OPTION_VALUE, /* number or enum: row->value is stored */
	/* with a value */
	OPTION_SECONDS,	 /* int64_t: nanoseconds */
	OPTION_DEADLINE, /* struct sku_deadline: so many seconds from now */
	OPTION_SIZE,	 /* number: bytes */
	OPTION_COUNT,	 /* number */
	OPTION_PERCENT,	 /* int64_t: millionths of the whole */
	OPTION_TEXT,	 /* const char * */
	OPTION_FILE,	 /* const char *, a file name; or parsed by row->set */
	OPTION_DIRECTORY,
	OPTION_FD,     /* int: an open descriptor; -1 without the option */
	OPTION_CHOICE, /* enum: the index in row->choices */
	/* These are parsed by row->set. */
	OPTION_CIDR,
	OPTION_USER,
	OPTION_ADDRESS,
	OPTION_OTHER,
};

/* A number that stands for no limit, as SKU_NO_TIMEOUT and UNLIMITED do. */
#define OPTION_NONE INT64_C(-1)

struct option_row {
	enum option_kind kind;
	char letter;	      /* 0: there is none */
	unsigned char width;  /* the size of a member that is a number */
	bool none : 1;	      /* the value may be `none`, which stores OPTION_NONE */
	bool repeats : 1;     /* all that are given count, not only the last */
	bool optional : 1;    /* --name or --name=VALUE; without VALUE preset is stored */
	bool spelt_out : 1;   /* it cannot be abbreviated */
	bool alone : 1;	      /* excludes the others that set the same member (OPTION_VALUE) */
	uint32_t needs;	      /* it has a meaning only if all these modes hold */
	const char *name;     /* the long option */
	const char *arg;      /* the value's name, as "SECONDS"; NULL: there is no value */
	const char *help;     /* what it does, in a line that stands alone; no default */
	const char *excludes; /* options that it excludes, separated by blanks */
	/* NULL, or the program writes the FILE, which is never standard output.  Then what is said
	 * to those who write `-` for it: how things are without the option. */
	const char *without;
	/* The default, which is stored before the options are read, unless it is 0 or the option is
	 * optional.  --help shows preset_text if that is not NULL, else preset if it is above 0 (or
	 * `none`). */
	int64_t preset;
	const char *preset_text;
	union {
		int64_t least; /* of a value */
		int64_t value; /* for OPTION_VALUE */
	};
	int64_t most;
	size_t offset; /* of the member in the config */
	void *object;  /* NULL, or what is set instead of the member; OPTION_ROWS: their config */
	union {
		const char *const *choices; /* ends with NULL */
		const struct option_row *rows;
		/* Store value, which is NULL for an option without one.  Returns NULL, or what the
		 * option takes, for "option '--mode' takes …, not 'VALUE'". */
		const char *(*set)(void *member, const char *value);
	};
};

/* ---- writing rows -------------------------------------------------------------------------- */

/* The offset of a member, which must have that type, or be an integer or an enum. */
#define OPTION_MEMBER(type, member, of)                                                            \
	(offsetof(type, member) + 0 * sizeof(char[_Generic(((type *)0)->member, of : 1, default    \
							   : -1)]))
#define OPTION_NUMBER(type, member)                                                                \
	(offsetof(type, member) +                                                                  \
	    0 * sizeof(char[_Generic(((type *)0)->member, int : 1, unsigned : 1, long : 1,         \
				     unsigned long : 1, long long : 1, unsigned long long : 1,     \
				     default                                                       \
				     : -1)]))
#define OPTION_WIDTH(type, member) sizeof(((type *)0)->member)

/* The maximum of a number, which must fit into the member. */
#define OPTION_MOST(type, member, most)                                                            \
	((most) +                                                                                  \
	    0 * (int64_t)sizeof(                                                                   \
		    char[OPTION_WIDTH(type, member) == sizeof(int64_t) || (most) <= INT32_MAX ?    \
			     1 :                                                                   \
			     -1]))

/* A heading of --help.  The help text is last in each macro, so that more fields may follow it. */
#define OPTION_GROUP(heading)                                                                      \
	{                                                                                          \
		.kind = OPTION_GROUP_ROW, .help = (heading)                                        \
	}
/* The rows of a module, for the member that is their config.  A field that may follow: needs. */
#define OPTION_INCLUDE(type, member_, of, ...)                                                     \
	{                                                                                          \
		.kind = OPTION_ROWS, .offset = OPTION_MEMBER(type, member_, of),                   \
		.rows = __VA_ARGS__                                                                \
	}
/* The rows of a module, for one object of the program. */
#define OPTION_INCLUDE_FOR(object_, ...)                                                           \
	{                                                                                          \
		.kind = OPTION_ROWS, .object = (object_), .rows = __VA_ARGS__                      \
	}
/* The options that every program has: the last row before OPTION_END_ROW. */
#define OPTION_COMMON OPTION_INCLUDE_FOR(&run, common_options)
#define OPTION_END_ROW                                                                             \
	{                                                                                          \
		.kind = OPTION_END                                                                 \
	}

#define FLAG(letter_, name_, type, member, ...)                                                    \
	{                                                                                          \
		.kind = OPTION_FLAG, .letter = (letter_), .name = (name_),                         \
		.offset = OPTION_MEMBER(type, member, bool), .help = __VA_ARGS__                   \
	}
#define UNSET(letter_, name_, type, member, ...)                                                   \
	{                                                                                          \
		.kind = OPTION_UNSET, .letter = (letter_), .name = (name_),                        \
		.offset = OPTION_MEMBER(type, member, bool), .help = __VA_ARGS__                   \
	}
#define STEP(letter_, name_, type, member, ...)                                                    \
	{                                                                                          \
		.kind = OPTION_STEP, .letter = (letter_), .name = (name_), .repeats = 1,           \
		.offset = OPTION_MEMBER(type, member, int), .help = __VA_ARGS__                    \
	}
/* Of these, the last one that is given counts. */
#define VALUE(letter_, name_, type, member, value_, ...)                                           \
	{                                                                                          \
		.kind = OPTION_VALUE, .letter = (letter_), .name = (name_), .value = (value_),     \
		.width = OPTION_WIDTH(type, member), .offset = OPTION_NUMBER(type, member),        \
		.help = __VA_ARGS__                                                                \
	}
/* Of these, at most one may be given. */
#define ONE_OF(letter_, name_, type, member, value_, ...)                                          \
	VALUE(letter_, name_, type, member, value_, __VA_ARGS__, .alone = 1)
#define SECONDS(letter_, name_, type, member, preset_, ...)                                        \
	{                                                                                          \
		.kind = OPTION_SECONDS, .letter = (letter_), .name = (name_), .arg = "SECONDS",    \
		.width = OPTION_WIDTH(type, member),                                               \
		.offset = OPTION_MEMBER(type, member, int64_t), .preset = (preset_),               \
		.help = __VA_ARGS__                                                                \
	}
#define DEADLINE(letter_, name_, type, member, ...)                                                \
	{                                                                                          \
		.kind = OPTION_DEADLINE, .letter = (letter_), .name = (name_), .arg = "SECONDS",   \
		.offset = OPTION_MEMBER(type, member, struct sku_deadline), .preset = OPTION_NONE, \
		.none = 1, .help = __VA_ARGS__                                                     \
	}
#define SIZE(letter_, name_, type, member, least_, most_, preset_, ...)                            \
	{                                                                                          \
		.kind = OPTION_SIZE, .letter = (letter_), .name = (name_), .arg = "SIZE",          \
		.width = OPTION_WIDTH(type, member), .offset = OPTION_NUMBER(type, member),        \
		.least = (least_), .most = OPTION_MOST(type, member, most_), .preset = (preset_),  \
		.help = __VA_ARGS__                                                                \
	}
#define COUNT(letter_, name_, arg_, type, member, least_, most_, preset_, ...)                     \
	{                                                                                          \
		.kind = OPTION_COUNT, .letter = (letter_), .name = (name_), .arg = (arg_),         \
		.width = OPTION_WIDTH(type, member), .offset = OPTION_NUMBER(type, member),        \
		.least = (least_), .most = OPTION_MOST(type, member, most_), .preset = (preset_),  \
		.help = __VA_ARGS__                                                                \
	}
#define PERCENT(letter_, name_, type, member, ...)                                                 \
	{                                                                                          \
		.kind = OPTION_PERCENT, .letter = (letter_), .name = (name_), .arg = "PERCENT",    \
		.width = OPTION_WIDTH(type, member),                                               \
		.offset = OPTION_MEMBER(type, member, int64_t), .help = __VA_ARGS__                \
	}
#define TEXT(kind_, letter_, name_, arg_, type, member, ...)                                       \
	{                                                                                          \
		.kind = (kind_), .letter = (letter_), .name = (name_), .arg = (arg_),              \
		.offset = OPTION_MEMBER(type, member, const char *), .help = __VA_ARGS__           \
	}
#define FD(letter_, name_, type, member, ...)                                                      \
	{                                                                                          \
		.kind = OPTION_FD, .letter = (letter_), .name = (name_), .arg = "N",               \
		.width = OPTION_WIDTH(type, member), .offset = OPTION_MEMBER(type, member, int),   \
		.least = 0, .most = INT32_MAX, .preset = -1, .help = __VA_ARGS__                   \
	}
#define CHOICE(letter_, name_, arg_, type, member, choices_, ...)                                  \
	{                                                                                          \
		.kind = OPTION_CHOICE, .letter = (letter_), .name = (name_), .arg = (arg_),        \
		.width = OPTION_WIDTH(type, member), .offset = OPTION_NUMBER(type, member),        \
		.choices = (choices_), .help = __VA_ARGS__                                         \
	}
/* of is the type of the member, which set_ takes. */
#define SETS(kind_, letter_, name_, arg_, type, member, of, set_, ...)                             \
	{                                                                                          \
		.kind = (kind_), .letter = (letter_), .name = (name_), .arg = (arg_),              \
		.offset = OPTION_MEMBER(type, member, of), .set = (set_), .help = __VA_ARGS__      \
	}

extern const struct option_row common_options[];

/* ---- a program ----------------------------------------------------------------------------- */

/* The usage error of an option that needs the mode, when the mode does not hold: "goes with
 * --listen". */
struct option_need {
	uint32_t mode; /* 0 ends the table */
	const char *otherwise;
};

struct command {
	const char *name;
	const char *const *synopsis; /* a line each, after "usage: NAME "; ends with NULL */
	const char *summary;
	/* The kinds of the operands, for completions: "host port file...", from host, port,
	 * service, path, file, target (a host or a path) and none. */
	const char *operands;
	const struct option_row *options; /* ends with OPTION_END_ROW */
	const struct option_need *needs;  /* NULL: no option needs a mode */
	/* What users of other programs type, and the usage error for it: lines of words, a tab and
	 * the text, as "-p --port\tPORT is an operand\n".  A word that ends in '*' stands for all
	 * words with that beginning.  Letters and long options that the program has are looked up
	 * only with their values, as "--timeout=mx", and -h if an operand follows.  Operands are
	 * looked up only if they begin with '@' or '+'. Ends with NULL; NULL: none. */
	const char *const *hints;
	/* After these operands, are all further words operands, even those that look like options?
	 * NULL: only "--" ends the options. */
	bool (*ends_options)(const void *config, char *const *operands, size_t count);
};

#define OPTIONS_MAX 96

struct option_entry {
	const struct option_row *row;
	void *member;
	uint32_t needs; /* including those of the rows that include it */
	bool given;
};

/* A command line that was parsed. */
struct options {
	const struct command *command;
	char **operands; /* in argv, in place of what was parsed; ends with NULL */
	size_t operand_count;
	size_t option_end; /* how many operands come before "--" or ends_options() */
	size_t count;
	struct option_entry entries[OPTIONS_MAX];
};

/* Store the defaults and the values of the options in config, which is zeroed but for what no row
 * sets.  Misuse ends the program with status 2; so do --help and --version, with 0.  `--options`,
 * alone, prints for the makers of completions and tests a line for each row, and one for each
 * operand, with tabs between the columns:
 *	program, heading, letter, name, argument, kind, properties, choices, default, help
 * The kinds are those of enum option_kind in lower case (flag, seconds, file, …; for an operand
 * those of struct command), the properties none, repeats and optional, and words of one column
 * stand apart by blanks.  An operand has no letter and no name.
 */
void opt_parse(
    struct options *options, const struct command *command, void *config, int argc, char **argv);
/* End the program with a usage error if an option was given that needs a mode that is not in
 * modes. */
void opt_check_modes(const struct options *options, uint32_t modes);
/* Was the option given?  The program must have it. */
bool opt_given(const struct options *options, const char *name);

/* Print `PROGRAM: …` and `Try 'PROGRAM --help' for more information.`, and end the program with
 * status 2. */
__attribute__((format(printf, 1, 2), noreturn)) void opt_usage_error(const char *format, ...);
/* Fill the failure with a usage error (STATUS_USAGE), for code that must not end the program.
 * Returns -1. */
__attribute__((format(printf, 2, 3))) int opt_misuse(
    struct failure *failure, const char *format, ...);
/* Report a failure or a usage error of the command line, and end the program. */
__attribute__((noreturn)) void opt_fail(const struct failure *failure);
/* What the command line asks for is not possible: report it, and end the program with status 1. */
__attribute__((noreturn)) void opt_cannot(const char *during, const char *reason);
/* The same, for lack of memory. */
__attribute__((noreturn)) void opt_no_memory(const char *during);
/* Quote text of the command line for a usage error: at most 60 characters.  The results of the last
 * two calls stay valid. */
const char *opt_quote(const char *text);

#endif

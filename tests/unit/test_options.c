/* test_options.c - rows of options: each kind of value, right and wrong, abbreviations, and what
 * goes together. */
#include "options/options.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MODE_LISTENS = 1, MODE_INET = 2 };
enum colour { RED, GREEN, BLUE };

struct part {
	bool nagle;
	int backlog;
};

static struct {
	int64_t limit_ns;
} elsewhere;

struct config {
	bool upper, listening;
	int loud, family, fd, port;
	enum colour colour;
	int64_t delay_ns, pause_ns, count, drop, keepalive_ns;
	size_t size;
	struct sku_deadline deadline;
	const char *text, *file;
	char letters[8];
	struct part part;
};

/* A word of up to 3 letters is added to those that are there. */
static const char *
add_letters(void *member, const char *value)
{
	char *letters = member;

	if (strlen(value) > 3)
		return "up to 3 letters";
	strcat(letters, value);
	return NULL;
}

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct option_row part_options[] = {
	FLAG(0, "nagle", struct part, nagle, "leave Nagle's algorithm on"),
	COUNT(0, "backlog", "N", struct part, backlog, INT32_MIN, INT32_MAX, 5, "so many wait",
	    .needs = MODE_LISTENS),
	OPTION_END_ROW,
};

static const struct option_row limit_options[] = {
	SECONDS('t', "timeout", __typeof__(elsewhere), limit_ns, OPTION_NONE, "limit", .none = 1),
	OPTION_END_ROW,
};

static const struct option_row rows[] = {
	OPTION_GROUP("Everything"),
	FLAG('u', "upper", struct config, upper, "flag"),
	UNSET(0, "connect", struct config, listening, "unset"),
	STEP('l', "loud", struct config, loud, "step"),
	ONE_OF('4', "ipv4", struct config, family, 4, "one"),
	ONE_OF('6', "ipv6", struct config, family, 6, "another"),
	VALUE(0, "draw", struct config, port, 1, "one"),
	VALUE(0, "no-draw", struct config, port, 2, "another, the last counts"),
	CHOICE(0, "colour", "red|green|blue", struct config, colour, colours, "choice",
	    .preset = GREEN),
	SECONDS('d', "delay", struct config, delay_ns, 0, "seconds", .least = 1),
	SECONDS(0, "pause", struct config, pause_ns, 0, "seconds", .least = 2 * SKU_MS),
	SECONDS(0, "keepalive", struct config, keepalive_ns, 60 * SKU_SECOND, "optional",
	    .optional = 1),
	COUNT(
	    'c', "count", "N", struct config, count, 1, INT64_MAX, OPTION_NONE, "count", .none = 1),
	PERCENT(0, "drop", struct config, drop, "percent", .excludes = "count size"),
	SIZE('s', "size", struct config, size, 1, 1 << 20, 65536, "size"),
	DEADLINE('w', "max-time", struct config, deadline, "deadline"),
	TEXT(OPTION_TEXT, 0, "text", "TEXT", struct config, text, "text", .spelt_out = 1),
	TEXT(OPTION_FILE, 'f', "file", "FILE", struct config, file, "file"),
	FD(0, "fd", struct config, fd, "descriptor"),
	SETS(OPTION_OTHER, 'a', "add", "WORD", struct config, letters, char *, add_letters, "word",
	    .repeats = 1),
	OPTION_INCLUDE(struct config, part, struct part, part_options, .needs = MODE_INET),
	OPTION_INCLUDE_FOR(&elsewhere, limit_options),
	OPTION_COMMON,
	OPTION_END_ROW,
};

static const char *const synopsis[] = { "[options] WORD...", NULL };
static const struct option_need needs[] = { { MODE_INET, "does not go with a UNIX path" },
	{ MODE_LISTENS, "goes with --listen" }, { 0, NULL } };
static const char *const hints[] = { "--fi --fx\tit is --file\n--size\tthis program has it\n",
	"-k -z\tit goes on by itself\n-type=* -t=* --timeout=mx --timeout=MX\tno types\n@*\tno "
	"servers\n",
	NULL };

/* Everything behind "stop" is taken as it stands. */
static bool
stops(const void *config, char *const *operands, size_t count)
{
	(void)config;
	return count > 0 && strcmp(operands[count - 1], "stop") == 0;
}

static const struct command command = { .name = "test",
	.synopsis = synopsis,
	.summary = "Test.",
	.operands = "host...",
	.options = rows,
	.needs = needs,
	.hints = hints,
	.ends_options = stops };

#define WORDS_MAX 30

/* A command line as words with blanks between, which are cut in buf. */
static int
split(const char *line, char *buf, char *argv[WORDS_MAX + 2])
{
	int argc = 0;

	argv[argc++] = buf;
	strcpy(buf, "test");
	buf += sizeof("test");
	strcpy(buf, line);
	for (char *word = strtok(buf, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

static struct options parsed;
static char text[400];
static char *words[WORDS_MAX + 2];

static struct config
parse(const char *line)
{
	struct config config = { .text = NULL };

	elsewhere.limit_ns = 0;
	opt_parse(&parsed, &command, &config, split(line, text, words), words);
	opt_check_modes(&parsed, MODE_INET | MODE_LISTENS);
	return config;
}

/* In a process of its own, which a usage error ends: what it says up to the end of its line. */
static const char *
complaint(const char *line, uint32_t modes)
{
	static char said[1000];
	int ends[2], status;
	ssize_t n, len = 0;
	pid_t child;
	char *newline;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0) {
		struct config config = { .text = NULL };

		if (dup2(ends[1], STDERR_FILENO) == -1)
			_exit(99);
		opt_parse(&parsed, &command, &config, split(line, text, words), words);
		opt_check_modes(&parsed, modes);
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], said + len, sizeof(said) - 1 - (size_t)len)) > 0)
		len += n;
	close(ends[0]);
	said[len] = '\0';
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 2)
		fail_msg("'%s' ended with %#x: %s", line, (unsigned)status, said);
	newline = strchr(said, '\n');
	assert_non_null(newline);
	assert_string_equal(newline, "\nTry 'test --help' for more information.\n");
	*newline = '\0';
	assert_memory_equal(said, "test: ", 6);
	return said + 6;
}

static void
without_options_there_are_the_defaults(void **state)
{
	struct config c = parse("");

	(void)state;
	assert_false(c.upper);
	assert_true(c.listening);
	assert_int_equal(c.colour, GREEN);
	assert_int_equal(c.delay_ns, 0);
	assert_int_equal(c.keepalive_ns, 0);
	assert_int_equal(c.count, -1);
	assert_int_equal(c.size, 65536);
	assert_int_equal(c.fd, -1);
	assert_int_equal(c.part.backlog, 5);
	assert_int_equal(elsewhere.limit_ns, SKU_NO_TIMEOUT);
	assert_int_equal(parsed.operand_count, 0);
}

static void
each_kind_sets_its_member(void **state)
{
	struct config c = parse("--upper --connect -ll --loud -4 --draw --no-draw --colour blue");

	(void)state;
	assert_true(c.upper);
	assert_false(c.listening);
	assert_int_equal(c.loud, 3);
	assert_int_equal(c.family, 4);
	assert_int_equal(c.port, 2);
	assert_int_equal(c.colour, BLUE);
	c = parse("-d1.5 --count=7 -s 1K -w 5 --text t -f - --fd 0 -a ab --add=c");
	assert_int_equal(c.delay_ns, 1500 * SKU_MS);
	assert_int_equal(c.count, 7);
	assert_int_equal(c.size, 1024);
	assert_true(sku_deadline_left(c.deadline) > 4 * SKU_SECOND);
	assert_string_equal(c.text, "t");
	assert_string_equal(c.file, "-");
	assert_int_equal(c.fd, 0);
	assert_string_equal(c.letters, "abc");
	c = parse("--drop 12.5 --nagle --backlog -1 -t 500ms -w none --keepalive");
	assert_int_equal(c.drop, 125000);
	assert_true(c.part.nagle);
	assert_int_equal(c.part.backlog, -1);
	assert_int_equal(elsewhere.limit_ns, 500 * SKU_MS);
	assert_int_equal(sku_deadline_left(c.deadline), SKU_NO_TIMEOUT);
	assert_int_equal(c.keepalive_ns, 60 * SKU_SECOND);
	assert_true(opt_given(&parsed, "drop"));
	assert_false(opt_given(&parsed, "upper"));
	assert_int_equal(parse("--keepalive=2").keepalive_ns, 2 * SKU_SECOND);
	assert_int_equal(parse("-c 3 -c none").count, -1);
	(void)parse("-t 5 -t none");
	assert_int_equal(elsewhere.limit_ns, SKU_NO_TIMEOUT);
}

static void
operands_stand_apart(void **state)
{
	(void)state;
	assert_true(parse("a --up b -s 5 -").upper);
	assert_int_equal(parsed.operand_count, 3);
	assert_string_equal(parsed.operands[0], "a");
	assert_string_equal(parsed.operands[1], "b");
	assert_string_equal(parsed.operands[2], "-");
	assert_null(parsed.operands[3]);
	assert_false(parse("a -- -u --what @x").upper);
	assert_int_equal(parsed.operand_count, 4);
	assert_string_equal(parsed.operands[3], "@x");
	assert_true(parse("stop -u x --json -- y").upper);
	assert_int_equal(parsed.operand_count, 5);
	assert_string_equal(parsed.operands[1], "x");
	assert_string_equal(parsed.operands[2], "--json");
	assert_string_equal(parsed.operands[3], "--");
	assert_false(run.json);
}

static void
misuse_is_said_in_one_line(void **state)
{
	static const struct {
		const char *line, *said;
	} cases[] = {
		/* names */
		{ "--uper", "unknown option '--uper': did you mean --upper?" },
		{ "--upepr=3", "unknown option '--upepr': did you mean --upper?" },
		{ "--fil x --conut 3", "unknown option '--conut': did you mean --count?" },
		{ "--xyz", "unknown option '--xyz'" },
		{ "--fu", "unknown option '--fu'" },
		{ "-ux", "unknown option '-x'" },
		{ "--c", "ambiguous option '--c': --connect, --colour, --count" },
		{ "--upper=1", "option '--upper' takes no value" },
		{ "--upp=1", "option '--upper' takes no value" },
		{ "-s", "option '--size' takes a value: SIZE" },
		{ "--size", "option '--size' takes a value: SIZE" },
		{ "--tex t", "--text must be spelt out" },
		/* other programs' */
		{ "--fi x", "unknown option '--fi': it is --file" },
		{ "--fi=x", "unknown option '--fi=x': it is --file" },
		{ "-k", "unknown option '-k': it goes on by itself" },
		{ "-uk", "unknown option '-k': it goes on by itself" },
		{ "-z", "unknown option '-z': it goes on by itself" },
		{ "--fx", "unknown option '--fx': it is --file" },
		{ "-type=mx a", "unknown option '-type=mx': no types" },
		{ "a @1.2.3.4", "'@1.2.3.4': no servers" },
		/* values */
		{ "-d 0", "option '--delay' takes more than 0 SECONDS here" },
		{ "--pause 1.5ms", "option '--pause' takes 2ms or more, not '1.5ms'" },
		{ "-d none",
		    "option '--delay' takes SECONDS (2, 0.25, 500ms, 1m, 1h; 100 years at most), "
		    "not 'none'" },
		{ "-t 1x",
		    "option '--timeout' takes SECONDS (2, 0.25, 500ms, 1m, 1h; 100 years at most; "
		    "or none), not '1x'" },
		{ "--keepalive=x",
		    "option '--keepalive' takes SECONDS (2, 0.25, 500ms, 1m, 1h; 100 years at "
		    "most), not 'x'" },
		{ "-w -1",
		    "option '--max-time' takes SECONDS (2, 0.25, 500ms, 1m, 1h; 100 years at "
		    "most; or none), not '-1'" },
		{ "-c 0", "option '--count' takes a whole number of at least 1 or none, not '0'" },
		{ "-s none",
		    "option '--size' takes a SIZE (bytes, or with K, M, G, T: powers of 1024), "
		    "not 'none'" },
		{ "-c 9223372036854775808",
		    "option '--count' takes a whole number from 1 to 9223372036854775807 or none, "
		    "not '9223372036854775808'" },
		{ "-s 99999999999999999999",
		    "option '--size' takes a SIZE of 1 to 1048576 bytes, not "
		    "'99999999999999999999'" },
		{ "-s 99999999999T",
		    "option '--size' takes a SIZE of 1 to 1048576 bytes, not '99999999999T'" },
		{ "-s 99999999999x",
		    "option '--size' takes a SIZE (bytes, or with K, M, G, T: powers of 1024), not "
		    "'99999999999x'" },
		{ "--file=", "option '--file' takes a FILE, and it is empty" },
		{ "-t mx", "option '--timeout=mx': no types" },
		{ "-tMX", "option '--timeout=MX': no types" },
		{ "--time=mx a", "option '--timeout=mx': no types" },
		{ "-s 2M", "option '--size' takes a SIZE of 1 to 1048576 bytes, not '2M'" },
		{ "--drop 101", "option '--drop' takes a PERCENT from 0 to 100, not '101'" },
		{ "--colour pink", "option '--colour' takes red, green or blue, not 'pink'" },
		{ "--fd 99", "option '--fd' takes a descriptor that is open, which 99 is not" },
		{ "--fd x", "option '--fd' takes a whole number from 0 to 2147483647, not 'x'" },
		{ "-a abcd", "option '--add' takes up to 3 letters, not 'abcd'" },
		{ "--backlog 2147483648",
		    "option '--backlog' takes a whole number from -2147483648 to 2147483647, not "
		    "'2147483648'" },
		/* together */
		{ "-4 -6", "--ipv4 and --ipv6 exclude each other" },
		{ "--count 3 --drop 1", "--drop and --count exclude each other" },
		{ "--drop 1 --size 1", "--drop and --size exclude each other" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    complaint(cases[i].line, MODE_INET | MODE_LISTENS), cases[i].said);
}

static void
modes_that_do_not_hold_are_said(void **state)
{
	(void)state;
	assert_string_equal(
	    complaint("--nagle", MODE_LISTENS), "option '--nagle' does not go with a UNIX path");
	assert_string_equal(
	    complaint("--backlog 1", MODE_INET), "option '--backlog' goes with --listen");
	/* The first of the table. */
	assert_string_equal(
	    complaint("--backlog 1", 0), "option '--backlog' does not go with a UNIX path");
}

static void
what_is_quoted_is_cut(void **state)
{
	char line[300] = "--colour ", right[300];

	(void)state;
	for (int i = 0; i < 61; i++)
		strcat(line, "\xc3\xa9");
	snprintf(right, sizeof(right), "option '--colour' takes red, green or blue, not '%.*s...'",
	    60 * 2, line + strlen("--colour "));
	assert_string_equal(complaint(line, 0), right);
	line[strlen(line) - 2] = '\0';
	assert_string_equal(opt_quote(line + strlen("--colour ")), line + strlen("--colour "));
	memset(line, 0x80, sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(strlen(opt_quote(line)), 240 + 3);
	assert_string_equal(complaint("--colour \x1b[2J", 0),
	    "option '--colour' takes red, green or blue, not '\\x1b[2J'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_there_are_the_defaults),
		cmocka_unit_test(each_kind_sets_its_member),
		cmocka_unit_test(operands_stand_apart),
		cmocka_unit_test(misuse_is_said_in_one_line),
		cmocka_unit_test(modes_that_do_not_hold_are_said),
		cmocka_unit_test(what_is_quoted_is_cut),
	};

	run_begin("test");
	return cmocka_run_group_tests_name("rows of options", tests, NULL, NULL);
}

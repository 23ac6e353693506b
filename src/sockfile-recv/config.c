/* config.c - the options of sockfile-recv.
 * Row tool. */
#include "sockfile-recv/config.h"

#include "options/run_options.h"
#include "options/values.h"
#include "run/rate.h"
#include "run/run.h"
#include "transfer/tls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	OPT_CONNECT = 400,
	OPT_FORCE,
	OPT_SIZE,
	OPT_MAX_SIZE,
	OPT_SHA256,
	OPT_MODE,
	OPT_VERIFY,
	OPT_RESUME,
	OPT_RETRY,
	OPT_DIR,
	OPT_PRESERVE,
	OPT_KEY,
};

/* The program's own modes of option_row. */
enum {
	TO_DIRECTORY = MODES_END,
	TO_FILE = 2 * MODES_END,
	TO_DISK = 4 * MODES_END,
};

#define ABOUT_CONNECTING "is about connecting: it goes with --connect"
#define ABOUT_LISTENING "is about listening: it does not go with --connect"

#define ABOUT_DISK "is about files: it does not go with - (standard output)"
#define ABOUT_ONE_FILE "is about one FILE: it does not go with --dir"

static const struct option_row options[] = {
	OPTION_GROUP("Where from"),
	{ OPT_CONNECT, "connect", NULL, "connect to the sender instead of waiting", 0, NULL },
	PEER_OPTION_ROWS(ABOUT_CONNECTING, ABOUT_LISTENING),
	OPTION_GROUP("What to take, and how"),
	{ OPT_FORCE, "force", NULL, "replace FILE if it is there", TO_DISK, ABOUT_DISK },
	{ OPT_SIZE, "size", "SIZE", "so much must arrive", TO_FILE, ABOUT_ONE_FILE },
	{ OPT_MAX_SIZE, "max-size", "SIZE", "refuse more than that", 0, NULL },
	{ OPT_SHA256, "sha256", "HEX", "the SHA-256 of what must arrive", TO_FILE, ABOUT_ONE_FILE },
	{ OPT_MODE, "mode", "OCTAL", "the mode of FILE (666 less the umask)", TO_DISK, ABOUT_DISK },
	TIMEOUT_OPTION_ROW(0, NULL),
	MAX_TIME_OPTION_ROW,
	PROGRESS_OPTION_ROWS,
	OPTION_GROUP("Verified transfers"),
	{ OPT_VERIFY, "verify", NULL, "accept verified transfers alone", 0, NULL },
	{ OPT_RESUME, "resume", NULL, "continue FILE.part; implies --verify", TO_DISK, ABOUT_DISK },
	{ OPT_RETRY, "retry", "N", "go on after a lost connection, N times at most", TO_DISK,
	    ABOUT_DISK },
	{ OPT_DIR, "dir", "DIR", "take files into DIR, under the names they have", 0, NULL },
	{ 'c', "connections", "N", "take N connections (1); none", TO_DIRECTORY,
	    "goes with --dir" },
	{ OPT_PRESERVE, "preserve", NULL, "apply the sender's mode and time", TO_DISK, ABOUT_DISK },
	{ OPT_KEY, "key", "FILE", "accept only who has the secret in FILE", 0, NULL },
	COMMON_OPTION_ROWS,
	OPTION_END,
};

static const char *const synopsis[] = { "[options] [HOST] PORT FILE", "[options] -U PATH FILE",
	"[options] --connect HOST PORT FILE", "[options] --dir DIR [HOST] PORT", NULL };

static const struct command command = { "sockfile-recv", synopsis,
	"Receive a file (-: to standard output) so that nothing is lost.", options };

static mode_t
parse_mode(const char *value)
{
	size_t digits = strspn(value, "01234567");

	if (digits == 0 || digits > 4 || value[digits] != '\0' || strtoul(value, NULL, 8) > 0777)
		opt_usage_error("option '--mode' takes an OCTAL mode of 0 to 777 (no set-id bits), "
				"not '%s'",
		    value);
	return (mode_t)strtoul(value, NULL, 8);
}

static void
take_option(struct recv_config *c, int id, const char *value)
{
	switch (id) {
	case OPT_CONNECT:
		c->peer.listening = false;
		break;
	case OPT_FORCE:
		c->options.force = true;
		break;
	case OPT_SIZE:
		c->size = value_size("size", value, 0, INT64_MAX);
		break;
	case OPT_MAX_SIZE:
		c->max_size = value_size("max-size", value, 0, INT64_MAX);
		break;
	case OPT_SHA256:
		if (!sha256_parse(value, c->sha256))
			opt_usage_error(
			    "option '--sha256' takes 64 hexadecimal digits, not '%s'", value);
		c->sha256_given = true;
		break;
	case OPT_VERIFY:
		c->verify = true;
		break;
	case OPT_RESUME:
		c->options.resume = true;
		c->verify = true;
		break;
	case OPT_RETRY:
		c->retries = value_count("retry", value, 0, INT64_MAX);
		c->verify = true;
		break;
	case OPT_DIR:
		c->dir = value;
		c->verify = true;
		break;
	case 'c':
		c->connections = value_count_or_none("connections", value, 1, INT64_MAX);
		break;
	case OPT_PRESERVE:
		c->preserve = true;
		c->verify = true;
		break;
	case OPT_KEY:
		c->key_file = value;
		c->verify = true;
		break;
	case OPT_MODE:
		c->options.mode = parse_mode(value);
		c->options.mode_asked = true;
		break;
	default:
		if (!progress_take_option(&c->progress, id))
			(void)peer_options_take_option(&c->peer, id, value);
	}
}

static mode_t
default_mode(void)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

static void
check_combinations(const struct recv_config *c, bool mode_given)
{
	const char *reason;

	if (c->file != NULL && *c->file == '\0')
		opt_usage_error("FILE is empty");
	if (c->dir != NULL && *c->dir == '\0')
		opt_usage_error("option '--dir' takes a directory");
	if (c->size != UNLIMITED && c->max_size != UNLIMITED && c->size > c->max_size)
		opt_usage_error("--size is more than --max-size allows");
	if (c->preserve && mode_given)
		opt_usage_error("--preserve and --mode exclude each other");
	if (c->sha256_given && !sha256_load(&reason))
		opt_usage_error("option '--sha256' is not possible: %s", reason);
	if (c->key_file != NULL && (!tls_load(&reason) || !sha256_load(&reason)))
		opt_usage_error("option '--key' is not possible: %s", reason);
	if (c->dir != NULL && !c->peer.listening && c->connections != 1)
		opt_usage_error("option '--connections' is about listening: --connect is one "
				"connection");
}

/* Take FILE, the last operand unless --dir is given.  Returns how many operands are left for the
 * address. */
static size_t
take_file_operand(struct recv_config *c, const char *const *operands, size_t count)
{
	bool open = peer_options_is_open(&c->peer);

	if (c->dir != NULL) {
		if (open && count > 0)
			opt_usage_error("the socket is open already (--fd or LISTEN_FDS): with "
					"--dir there are no operands");
		/* With --dir, a number in front is a PORT, so the operand after it is a FILE by
		 * mistake. */
		if (count > 2 ||
		    (count == 2 && (value_is_digits(operands[0]) ||
				       operand_has_port(&c->peer.address, operands[0]))))
			opt_usage_error(
			    "--dir takes the place of FILE: '%s' is too much", operands[count - 1]);
		return count;
	}
	if (count == 0)
		opt_usage_error("operands are missing: %s FILE",
		    c->peer.listening ? "[HOST] PORT" : "HOST PORT");
	c->file = operands[--count];
	if (open && count > 0)
		opt_usage_error("the socket is open already (--fd or LISTEN_FDS): FILE is the only "
				"operand");
	if (count == 0 && !open)
		opt_usage_error("a FILE is missing behind '%s' (-: standard output)", c->file);
	return count;
}

/* As /dev/stdout, or the terminal by its name. */
static bool
is_standard_output(const char *file)
{
	struct stat there, ours;

	return stat(file, &there) == 0 && fstat(STDOUT_FILENO, &ours) == 0 &&
	       !S_ISREG(there.st_mode) && there.st_dev == ours.st_dev &&
	       there.st_ino == ours.st_ino;
}

static unsigned
target_modes(const struct recv_config *c)
{
	if (c->dir != NULL)
		return TO_DIRECTORY | TO_DISK;
	return strcmp(c->file, "-") == 0 ? TO_FILE : TO_FILE | TO_DISK;
}

void
config_parse(struct recv_config *config, int argc, char **argv)
{
	struct opt_parser parser;
	const char **operands, *value;
	size_t count = 0;
	int id;

	*config = (struct recv_config){ .peer = PEER_OPTIONS_INIT,
		.options = { .mode = default_mode() },
		.size = UNLIMITED,
		.max_size = UNLIMITED,
		.connections = 1 };
	config->peer.listening = true;
	config->operands = operands = calloc((size_t)argc + 1, sizeof(*operands));
	if (operands == NULL)
		opt_usage_error("no memory for the command line");
	opt_init(&parser, &command, argc, argv);
	while ((id = opt_next(&parser, &value)) != OPT_DONE) {
		if (id == OPT_OPERAND)
			operands[count++] = value;
		else
			take_option(config, id, value);
	}
	count = take_file_operand(config, operands, count);
	opt_check_modes(&parser,
	    peer_options_finish(&config->peer, &parser, operands, count) | target_modes(config));
	check_combinations(config, opt_given(&parser, OPT_MODE));
	if (opt_given(&parser, OPT_RETRY))
		peer_options_check_retry(&config->peer);
	run.stdout_is_data = config->file != NULL &&
			     (strcmp(config->file, "-") == 0 || is_standard_output(config->file));
}

void
config_free(struct recv_config *config)
{
	free(config->operands);
	access_free(&config->peer.listen.access);
}

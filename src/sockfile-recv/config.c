/* config.c - the options of sockfile-recv.
 * Row tool. */
#include "config.h"

#include "numbers.h"

#include <stdlib.h>
#include <string.h>

enum {
	OPT_CONNECT = 400,
	OPT_FORCE,
	OPT_SIZE,
	OPT_MAX_SIZE,
	OPT_SHA256,
	OPT_MODE,
};

#define ABOUT_CONNECTING "is about connecting: it goes with --connect"
#define ABOUT_LISTENING "is about listening: it does not go with --connect"

static const struct cli_option options[] = {
	CLI_GROUP("Where from"),
	{ OPT_CONNECT, "connect", NULL, "connect to the sender instead of waiting", 0, NULL },
	TRANSFER_LINK_OPTIONS(ABOUT_CONNECTING, ABOUT_LISTENING),
	CLI_GROUP("What to take, and how"),
	{ OPT_FORCE, "force", NULL, "replace FILE if it is there", 0, NULL },
	{ OPT_SIZE, "size", "SIZE", "so much must arrive", 0, NULL },
	{ OPT_MAX_SIZE, "max-size", "SIZE", "refuse more than that", 0, NULL },
	{ OPT_SHA256, "sha256", "HEX", "the SHA-256 of what must arrive", 0, NULL },
	{ OPT_MODE, "mode", "OCTAL", "the mode of FILE (666 less the umask)", 0, NULL },
	CLI_TIMEOUT_OPTION(0, NULL),
	CLI_MAX_TIME_OPTION,
	CLI_PROGRESS_OPTIONS,
	CLI_COMMON_OPTIONS,
	CLI_END,
};

static const char *const synopsis[] = { "[options] [HOST] PORT FILE", "[options] -U PATH FILE",
	"[options] --connect HOST PORT FILE", NULL };

static const struct cli_command command = { "sockfile-recv", synopsis,
	"Receive a file (-: to standard output) so that nothing is lost.", options };

static mode_t
parse_mode(const char *value)
{
	size_t digits = strspn(value, "01234567");

	if (digits == 0 || digits > 4 || value[digits] != '\0' || strtoul(value, NULL, 8) > 0777)
		cli_usage_error("option '--mode' takes an OCTAL mode of 0 to 777 (no set-id bits), "
				"not '%s'",
		    value);
	return (mode_t)strtoul(value, NULL, 8);
}

static void
take_option(struct recv_config *c, int id, const char *value)
{
	switch (id) {
	case OPT_CONNECT:
		c->link.listening = false;
		break;
	case OPT_FORCE:
		c->rules.force = true;
		break;
	case OPT_SIZE:
		c->size = cli_size("size", value, 0, INT64_MAX);
		break;
	case OPT_MAX_SIZE:
		c->max_size = cli_size("max-size", value, 0, INT64_MAX);
		break;
	case OPT_SHA256:
		if (!sha256_parse(value, c->sha256))
			cli_usage_error(
			    "option '--sha256' takes 64 hexadecimal digits, not '%s'", value);
		c->sha256_given = true;
		break;
	case OPT_MODE:
		c->rules.mode = parse_mode(value);
		break;
	default:
		if (!cli_progress_option(&c->progress, id))
			(void)transfer_link_option(&c->link, id, value);
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
check_combinations(const struct recv_config *c)
{
	const char *why;

	if (*c->file == '\0')
		cli_usage_error("FILE is empty");
	if (c->size != NO_LIMIT && c->max_size != NO_LIMIT && c->size > c->max_size)
		cli_usage_error("--size is more than --max-size allows");
	if (c->sha256_given && !sha256_load(&why))
		cli_usage_error("option '--sha256' is not possible: %s", why);
}

void
config_parse(struct recv_config *config, int argc, char **argv)
{
	struct cli_parser parser;
	const char **operands, *value;
	size_t count = 0;
	int id;

	*config = (struct recv_config){ .link = TRANSFER_LINK_INIT,
		.rules = { .mode = default_mode() },
		.size = NO_LIMIT,
		.max_size = NO_LIMIT };
	config->link.listening = true;
	config->operands = operands = calloc((size_t)argc + 1, sizeof(*operands));
	if (operands == NULL)
		cli_usage_error("no memory for the command line");
	cli_parser_init(&parser, &command, argc, argv);
	while ((id = cli_parser_next(&parser, &value)) != CLI_DONE) {
		if (id == CLI_OPERAND)
			operands[count++] = value;
		else
			take_option(config, id, value);
	}
	if (count == 0)
		cli_usage_error("operands are missing: %s FILE",
		    config->link.listening ? "[HOST] PORT" : "HOST PORT");
	config->file = operands[--count];
	if (transfer_link_is_open(&config->link) && count > 0)
		cli_usage_error("the socket is open already (--fd or LISTEN_FDS): FILE is the only "
				"operand");
	if (count == 0 && config->link.listen.fd == -1)
		cli_usage_error("a FILE is missing behind '%s' (-: standard output)", config->file);
	cli_parser_check_modes(
	    &parser, transfer_link_finish(&config->link, &parser, operands, count));
	check_combinations(config);
	cli_voice.stdout_is_data = strcmp(config->file, "-") == 0;
}

void
config_free(struct recv_config *config)
{
	free(config->operands);
	cli_access_free(&config->link.listen.access);
}

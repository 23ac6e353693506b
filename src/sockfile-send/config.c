/* config.c - the options of sockfile-send.
 * Row tool. */
#include "config.h"

#include "numbers.h"

#include <stdlib.h>
#include <string.h>

enum {
	OPT_LISTEN = 400,
	OPT_OFFSET,
	OPT_COUNT,
	OPT_LIMIT_RATE,
};

#define ABOUT_CONNECTING "is about connecting: it does not go with --listen"
#define ABOUT_LISTENING "goes with --listen"

static const struct cli_option options[] = {
	CLI_GROUP("Where to"),
	{ OPT_LISTEN, "listen", NULL, "wait for the receiver instead of connecting", 0, NULL },
	TRANSFER_LINK_OPTIONS(ABOUT_CONNECTING, ABOUT_LISTENING),
	{ 'c', "connections", "N", "serve N receivers, at once if they come at once (1); none",
	    LINK_LISTENS, ABOUT_LISTENING },
	CLI_GROUP("What to send, and how"),
	{ OPT_OFFSET, "offset", "SIZE", "start at this byte of FILE (0)", 0, NULL },
	{ OPT_COUNT, "count", "SIZE", "send exactly that much", 0, NULL },
	{ OPT_LIMIT_RATE, "limit-rate", "SIZE", "at most SIZE bytes a second", 0, NULL },
	CLI_TIMEOUT_OPTION(0, NULL),
	CLI_MAX_TIME_OPTION,
	CLI_PROGRESS_OPTIONS,
	CLI_COMMON_OPTIONS,
	CLI_END,
};

static const char *const synopsis[] = { "[options] HOST PORT FILE", "[options] -U PATH FILE",
	"[options] --listen [HOST:]PORT FILE", NULL };

static const struct cli_command command = { "sockfile-send", synopsis,
	"Send a file (-: standard input) and know that it arrived.", options };

static void
take_option(struct send_config *c, int id, const char *value)
{
	switch (id) {
	case OPT_LISTEN:
		c->link.listening = true;
		break;
	case 'c':
		c->connections = cli_count_or_none("connections", value, 1, INT64_MAX);
		break;
	case OPT_OFFSET:
		c->offset = cli_size("offset", value, 0, INT64_MAX);
		break;
	case OPT_COUNT:
		c->count = cli_size("count", value, 1, INT64_MAX);
		break;
	case OPT_LIMIT_RATE:
		c->limit_rate = cli_size("limit-rate", value, 1, INT64_C(1) << 50);
		break;
	default:
		if (!cli_progress_option(&c->progress, id))
			(void)transfer_link_option(&c->link, id, value);
	}
}

static bool
is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* How many of the operands say where to; the rest are FILEs. */
static size_t
address_operands(const struct transfer_link *link, const char *const *operands, size_t count)
{
	if (link->listen.fd != -1)
		return 0;
	if (count == 0 || cli_operand_is_whole(&link->address, operands[0]))
		return count == 0 ? 0 : 1;
	if (!link->listening)
		return count < 2 ? count : 2;
	/* --listen PORT FILE; but `HOST PORT FILE`, as other listeners take it, is understood. */
	return !is_number(operands[0]) && count > 2 && is_number(operands[1]) ? 2 : 1;
}

static void
check_combinations(const struct send_config *c)
{
	if (c->file_count == 0)
		cli_usage_error("a FILE is missing: what to send (-: standard input)");
	if (c->file_count > 1)
		cli_usage_error("one FILE is sent, not %zu", c->file_count);
	if (*c->files[0] == '\0')
		cli_usage_error("FILE is empty");
	if (c->count != SKU_SENDFILE_ALL && c->offset > INT64_MAX - c->count)
		cli_usage_error("--offset and --count together are too large");
}

void
config_parse(struct send_config *config, int argc, char **argv)
{
	const char **operands;
	struct cli_parser parser;
	const char *value;
	size_t count = 0, address;
	unsigned modes;
	int id;

	*config = (struct send_config){ .link = TRANSFER_LINK_INIT,
		.count = SKU_SENDFILE_ALL,
		.connections = 1,
		.limit_rate = CLI_NO_RATE };
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
	(void)transfer_link_is_open(&config->link);
	address = address_operands(&config->link, operands, count);
	config->files = operands + address;
	config->file_count = count - address;
	modes = transfer_link_finish(&config->link, &parser, operands, address);
	cli_parser_check_modes(&parser, modes);
	check_combinations(config);
}

void
config_free(struct send_config *config)
{
	free(config->operands);
	cli_access_free(&config->link.listen.access);
}

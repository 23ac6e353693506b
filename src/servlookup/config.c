/* config.c - the options of servlookup.
 * Row tool. */
#include "servlookup/config.h"

#include "options/options.h"
#include "run/run.h"

#include <string.h>

enum { OPT_SERVICES = 400 };

static const struct option_row options[] = {
	OPTION_GROUP("What to ask"),
	{ 'p', "proto", "tcp|udp|...", "of this protocol alone", 0, NULL },
	{ 'e', "ex", NULL, "print name, aliases, port and protocol", 0, NULL },
	{ 'a', "all", NULL, "print every protocol's answer; alone, the whole table", 0, NULL },
	{ 'f', "file", "FILE", "read the queries from FILE; - is standard input", 0, NULL },
	{ OPT_SERVICES, "services", "FILE", "read FILE in the place of the system's services", 0,
	    NULL },
	COMMON_OPTION_ROWS,
	OPTION_END,
};

static const char *const synopsis[] = { "[options] PORT|NAME[/PROTO]...", "[options] PORT-PORT...",
	"[options] --all", NULL };

static const struct command command = { "servlookup", synopsis,
	"Look services up: the name of a port, the port of a name.", options };

bool
config_is_bulk(const struct serv_config *config)
{
	return config->file != NULL || config->query_count > 1;
}

static void
take_option(struct serv_config *c, int id, const char *value)
{
	switch (id) {
	case 'p':
		if (*value == '\0' || strpbrk(value, "/ \t\n") != NULL)
			opt_usage_error(
			    "option '--proto' takes the name of a protocol, not '%s'", value);
		c->proto = value;
		break;
	case 'e':
		c->ex = true;
		break;
	case 'a':
		c->all = true;
		break;
	case 'f':
		c->file = value;
		break;
	default:
		c->services = value;
	}
}

void
config_parse(struct serv_config *config, int argc, char **argv)
{
	struct opt_parser parser;
	const char *value;
	int id;

	*config = (struct serv_config){ .queries = argv };
	opt_init(&parser, &command, argc, argv);
	while ((id = opt_next(&parser, &value)) != OPT_DONE) {
		if (id != OPT_OPERAND)
			take_option(config, id, value);
		else /* the operands go to the front of argv, over what was parsed */
			argv[config->query_count++] = opt_operand(&parser);
	}
	if (config->query_count == 0 && config->file == NULL && !config->all)
		opt_usage_error("missing operand: PORT or NAME (or --all for the whole table)");
	if (config->ex && config->all)
		opt_usage_error("--ex and --all exclude each other");
	if (config->ex && config_is_bulk(config) && !run.json)
		opt_usage_error("--ex with several queries goes with --json");
}

/* config.c - the options of servlookup.
 * Row tool. */
#include "servlookup/config.h"

#include "options/options.h"
#include "options/run_options.h"
#include "run/run.h"

#include <string.h>

static const char *
set_proto(void *member, const char *value)
{
	if (*value == '\0' || strpbrk(value, "/ \t\n") != NULL)
		return "the name of a protocol";
	*(const char **)member = value;
	return NULL;
}

static const struct option_row options[] = {
	OPTION_GROUP("Query"),
	SETS(OPTION_OTHER, 'p', "proto", "tcp|udp|...", struct serv_config, proto, const char *,
	    set_proto, "answer for this protocol alone", .preset_text = "default: any"),
	FLAG('e', "ex", struct serv_config, ex, "print name, aliases, port and protocol",
	    .excludes = "all"),
	FLAG('a', "all", struct serv_config, all,
	    "print every protocol's answer; alone, the whole table"),
	SETS(OPTION_FILE, 'f', "file", "FILE", struct serv_config, files, struct input_files,
	    inputs_add_file, "read queries from FILE; - is standard input", .repeats = 1),
	TEXT(OPTION_FILE, 0, "services", "FILE", struct serv_config, services,
	    "read FILE in the place of the system's services"),
	OPTION_GROUP("Time"),
	OPTION_INCLUDE_FOR(&run.timeouts, max_time_options),
	OPTION_COMMON,
	OPTION_END_ROW,
};

static const char *const synopsis[] = { "[options] PORT|NAME[/PROTO]...", "[options] PORT-PORT...",
	"[options] --all", NULL };

static const char habits[] = "-u --udp\tthe protocol is --proto udp, or PORT/udp\n"
			     "-t --tcp\tthe protocol is --proto tcp, or PORT/tcp\n"
			     "-l -z -k -N --bind --host\tservices are looked up, and nothing is "
			     "connected (sockecho-client does that)\n"
			     "--port\tPORT is an operand: servlookup 80\n"
			     "--name\tNAME is an operand: servlookup http\n"
			     "--protocol\tit is called --proto\n";
static const char *const hints[] = { habits, NULL };

static const struct command command = {
	.name = "servlookup",
	.synopsis = synopsis,
	.summary = "Look services up: the name of a port, the port of a name.",
	.operands = "service...",
	.options = options,
	.hints = hints,
};

bool
config_is_bulk(const struct serv_config *config)
{
	return config->files.count > 0 || config->query_count > 1;
}

void
config_parse(struct serv_config *config, int argc, char **argv)
{
	struct options parsed;

	*config = (struct serv_config){ .proto = NULL };
	opt_parse(&parsed, &command, config, argc, argv);
	config->queries = parsed.operands;
	config->query_count = parsed.operand_count;
	if (config->query_count == 0 && config->files.count == 0 && !config->all)
		opt_usage_error("missing operand: PORT or NAME (or --all for the whole table)");
	if (config->ex && config_is_bulk(config) && !run.json)
		opt_usage_error("--ex with several queries goes with --json");
}

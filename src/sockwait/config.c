/* config.c - the options of sockwait.
 * Row tool. */
#include "sockwait/config.h"

#include "net/habits.h"
#include "options/options.h"
#include "options/run_options.h"
#include "options/values.h"
#include "run/run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *
set_text(void *member, const char *value)
{
	text_free(member);
	return text_parse(member, value);
}

static const struct option_row options[] = {
	OPTION_GROUP("When to go on"),
	FLAG(0, "any", struct wait_config, any, "go on once one TARGET is there, not all"),
	FLAG(0, "gone", struct wait_config, gone, "wait until no TARGET answers any more"),
	SECONDS(0, "steady", struct wait_config, probe.steady_ns, 0,
	    "a connection must stay open for that long"),
	SETS(OPTION_OTHER, 0, "send", "TEXT", struct wait_config, probe.send, struct text, set_text,
	    "send TEXT once connected; \\r, \\n, \\t and \\xNN are bytes"),
	SETS(OPTION_OTHER, 0, "match", "TEXT", struct wait_config, probe.match, struct text,
	    set_text, "the service must send TEXT, written in the same way"),
	OPTION_GROUP("Time"),
	SECONDS('t', "timeout", struct wait_config, timeout_ns, 30 * SKU_SECOND,
	    "limit of the whole run; 0 tries each TARGET once", .none = 1),
	OPTION_INCLUDE_FOR(&run.timeouts, max_time_options),
	SECONDS('i', "interval", struct wait_config, interval_ns, 0,
	    "time from the start of one try to that of the next", .least = SKU_MS,
	    .preset_text = "default: 50ms, growing to 1s"),
	SECONDS(0, "connect-timeout", struct wait_config, probe.connect.connect_timeout_ns,
	    5 * SKU_SECOND, "limit of one try", .none = 1),
	OPTION_GROUP("Address"),
	OPTION_INCLUDE(
	    struct wait_config, probe.connect.address, struct address_flags, family_options),
	OPTION_INCLUDE(struct wait_config, probe.connect, struct connect_options, source_options),
	OPTION_COMMON,
	OPTION_END_ROW,
};

static const char *const synopsis[] = { "[options] TARGET...", NULL };

/* What users of wait-for-it, wait4x and nc type. */
static const char habits[] =
    "--host --port -p\ta TARGET is an operand, HOST:PORT\n"
    "-h\tit is --help; a TARGET is an operand, HOST:PORT\n"
    "--unix -U\ta TARGET with a '/' is the path of a UNIX socket\n"
    "--udp -u\ta service of datagrams accepts nothing that could be waited for\n"
    "-z\tthat is what it does\n"
    "--wait --retry --retries --tries\tit tries until --timeout is over\n"
    "--silent\tit is called --quiet\n"
    "-l --listen -k --keep-open\tit connects; sockecho-server listens\n"
    "--strict -s -c --command\tno command is run: sockwait TARGET && command\n"
    "--invert-check --reverse\tit is called --gone\n";
static const char *const hints[] = { habits, connecting_habits, network_habits, NULL };

static const struct option_need needs[] = {
	NEED_INET,
	{ 0, NULL },
};

static const struct command command = {
	.name = "sockwait",
	.synopsis = synopsis,
	.summary = "Wait until services are there: HOST:PORT, [V6]:PORT, a UNIX path or @NAME.",
	.operands = "target...",
	.options = options,
	.needs = needs,
	.hints = hints,
};

/* A usage error for HOST PORT as two operands, as the other programs take them. */
static void
check_pairs(const struct address_flags *flags, char *const *operands, size_t count)
{
	for (size_t i = 0; i + 1 < count; i++) {
		const char *host = operands[i], *port = operands[i + 1];
		bool is_v6 = strchr(host, ':') != NULL && *host != '[';

		if (value_is_digits(port) && strchr(host, '/') == NULL && *host != '@' &&
		    *host != '\0' && !value_is_digits(host) && !operand_has_port(flags, host))
			opt_usage_error("a TARGET is one operand: %s%s%s:%s", is_v6 ? "[" : "",
			    opt_quote(host), is_v6 ? "]" : "", opt_quote(port));
	}
}

/* Parse the TARGETs.  Returns the modes that hold. */
static uint32_t
parse_targets(struct wait_config *config, const struct options *parsed)
{
	struct connect_options *connect = &config->probe.connect;
	uint32_t modes = MODE_OPENS | MODE_CONNECTS | MODE_STREAM;
	struct failure failure;

	config->count = parsed->operand_count;
	if (config->count == 0)
		opt_usage_error("missing operand: TARGET (" TARGET_FORMS ")");
	check_pairs(&connect->address, parsed->operands, config->count);
	config->targets = calloc(config->count, sizeof(*config->targets));
	if (config->targets == NULL)
		opt_no_memory("read the TARGETs");
	failure_clear(&failure);
	if (targets_parse(config->targets, &connect->address, parsed->operands, config->count,
		&failure) == -1)
		opt_fail(&failure);
	for (size_t i = 0; i < config->count; i++) {
		const struct endpoint *endpoint = &config->targets[i].endpoint;

		connect_check_options(connect, endpoint);
		modes |= endpoint->path == NULL ? MODE_INET : 0;
	}
	return modes;
}

/* --timeout limits the whole run, as --max-time does. */
static void
limit_run(const struct wait_config *config)
{
	struct sku_deadline until = sku_deadline_in(config->timeout_ns);

	if (config->timeout_ns == 0) {
		/* Each try ends by itself, and so must the wait for a reader of its result. */
		run.timeouts.reader_ns = config->probe.connect.connect_timeout_ns;
	} else if (until.at_ns < run.timeouts.run.at_ns) {
		run.timeouts.run = until;
		run.timeouts.run_by_timeout = true;
	}
	if (config->probe.steady_ns > 0 &&
	    sku_deadline_in(config->probe.steady_ns).at_ns >= run.timeouts.run.at_ns)
		opt_usage_error("--steady must be shorter than %s, which limits the whole run",
		    run.timeouts.run_by_timeout ? "--timeout" : "--max-time");
}

void
config_parse(struct wait_config *config, int argc, char **argv)
{
	struct options parsed;

	*config = (struct wait_config){ .probe.connect.fd = -1 };
	opt_parse(&parsed, &command, config, argc, argv);
	limit_run(config);
	opt_check_modes(&parsed, parse_targets(config, &parsed));
}

void
config_free(struct wait_config *config)
{
	text_free(&config->probe.send);
	text_free(&config->probe.match);
	targets_free(config->targets, config->count);
	free(config->targets);
}

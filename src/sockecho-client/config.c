/* config.c - the options of sockecho-client.
 * Row tool. */
#include "sockecho-client/config.h"

#include "net/habits.h"
#include "options/run_options.h"
#include "run/rate.h"
#include "run/run.h"

#include <unistd.h>

/* Modes of our own. */
enum {
	MODE_PINGS = MODES_END,
	MODE_PROMPTS = 2 * MODES_END,
	MODE_RECEIVES = 4 * MODES_END,	 /* from a stream, other than a ping */
	MODE_EXCHANGES = 8 * MODES_END,	 /* it sends something */
	MODE_TRANSFERS = 16 * MODES_END, /* standard input, as a stream */
	MODE_LINES = 32 * MODES_END,	 /* of standard input, as datagrams */
};

static const struct option_row timeout_of_operation[] = {
	SECONDS('t', "timeout", struct timeouts, operation_ns, SKU_NO_TIMEOUT,
	    "limit of each operation; 0: do not block", .none = 1,
	    .preset_text = "default: none; with --udp or --ping 5"),
	OPTION_END_ROW,
};

static const char *const expectations[] = { "any", "echo", "upper", NULL };

static const struct option_row options[] = {
	OPTION_GROUP("Address"),
	OPTION_INCLUDE(
	    struct client_config, connect.address, struct address_flags, address_options),
	OPTION_INCLUDE(
	    struct client_config, connect.address, struct address_flags, datagram_options),
	OPTION_INCLUDE(struct client_config, connect.fd, int, fd_options),
	OPTION_GROUP("Connecting"),
	OPTION_INCLUDE(struct client_config, connect, struct connect_options, connect_options),
	SECONDS(0, "wait", struct client_config, connect.wait_ns, 0,
	    "keep trying to connect for that long", .none = 1, .preset_text = "default: try once",
	    .needs = MODE_OPENS),
	OPTION_GROUP("Mode"),
	ONE_OF(0, "ping", struct client_config, mode, PING, "measure round trips"),
	ONE_OF(0, "connect-only", struct client_config, mode, CONNECT_ONLY,
	    "connect, send nothing, exit"),
	CHOICE(0, "expect", "any|echo|upper", struct client_config, expect, expectations,
	    "check what comes back", .needs = MODE_EXCHANGES),
	FLAG(0, "alpha", struct client_config, alpha, "at the prompt, skip what is not all letters",
	    .needs = MODE_PROMPTS),
	FLAG(0, "no-shutdown", struct client_config, no_shutdown,
	    "keep the connection open both ways after the end of input", .needs = MODE_TRANSFERS),
	FLAG(0, "whole", struct client_config, whole, "send standard input as one datagram",
	    .needs = MODE_LINES),
	OPTION_GROUP("Time"),
	OPTION_INCLUDE_FOR(&run.timeouts, timeout_of_operation),
	OPTION_INCLUDE_FOR(&run.timeouts, max_time_options),
	OPTION_GROUP("Stream"),
	OPTION_INCLUDE(struct client_config, stream, struct tcp_options, buffer_options,
	    .needs = MODE_RECEIVES),
	OPTION_INCLUDE(
	    struct client_config, stream, struct tcp_options, tcp_options, .needs = MODE_EXCHANGES),
	OPTION_GROUP("Ping"),
	COUNT('c', "count", "N", struct client_config, count, 1, INT64_MAX, UNLIMITED,
	    "send N probes", .none = 1, .needs = MODE_PINGS),
	SECONDS('i', "interval", struct client_config, interval_ns, SKU_SECOND,
	    "time between probes; 0: back to back", .needs = MODE_PINGS),
	SIZE('s', "size", struct client_config, size, 1, 16 << 20, 64, "bytes in a probe",
	    .needs = MODE_PINGS),
	SECONDS(0, "duration", struct client_config, duration_ns, UNLIMITED,
	    "send probes for that long", .preset_text = "no limit by default", .needs = MODE_PINGS),
	COUNT(0, "clients", "N", struct client_config, clients, 1, 1000000, 1,
	    "use N connections at once", .needs = MODE_PINGS),
	FLAG(0, "histogram", struct client_config, histogram,
	    "draw the distribution of the round trips", .needs = MODE_PINGS),
	OPTION_COMMON,
	OPTION_END_ROW,
};

static const struct option_need needs[] = {
	{ MODE_PINGS, "goes with --ping" },
	{ MODE_EXCHANGES, "does not go with --connect-only" },
	{ MODE_PROMPTS,
	    "is about the prompt of a stream: standard input is no terminal, or there are "
	    "MESSAGEs, or --udp" },
	{ MODE_RECEIVES,
	    "is about messages and streams: not with --udp, --ping or --connect-only" },
	{ MODE_TRANSFERS, "is about a stream of standard input: not with --udp, --ping, "
			  "--connect-only or MESSAGEs, nor at the prompt" },
	{ MODE_LINES, "sends standard input as a datagram: it goes with --udp, and not with "
		      "--ping or MESSAGEs" },
	NEED_OPENS,
	NEED_INET,
	{ MODE_STREAM, "is about streams: it does not go with --udp" },
	{ 0, NULL },
};

static const char habits[] = "-z\t--connect-only connects and says nothing\n"
			     "-l --listen -k\tit connects: sockecho-server listens\n"
			     "--message -m\tMESSAGEs are operands, behind PORT\n";
static const char *const hints[] = { habits, connecting_habits, network_habits, NULL };

static const char *const synopsis[] = { "[options] HOST PORT [MESSAGE...]",
	"[options] -U PATH [MESSAGE...]", "[options] --ping HOST PORT",
	"[options] --connect-only HOST PORT", NULL };

/* Do the operands so far make an address?  If so, all that follow are MESSAGEs. */
static bool
address_is_complete(const void *config, char *const *operands, size_t count)
{
	const struct client_config *c = config;

	if (c->connect.fd != -1)
		return true;
	if (count == 0)
		return false;
	return count == 2 || operand_has_port(&c->connect.address, operands[0]);
}

static const struct command command = {
	.name = "sockecho-client",
	.synopsis = synopsis,
	.summary = "Talk to an echo server: messages, a stream, a prompt, datagrams, round trips.",
	.operands = "host port none...",
	.options = options,
	.needs = needs,
	.hints = hints,
	.ends_options = address_is_complete,
};

static void
choose_mode(struct client_config *c)
{
	bool chosen = c->mode == PING || c->mode == CONNECT_ONLY;

	if (chosen && c->messages != NULL)
		opt_usage_error("with --%s there are no MESSAGEs%s",
		    c->mode == PING ? "ping" : "connect-only",
		    c->mode == PING ? "" : " (for several services: sockwait)");
	if (c->mode == CONNECT_ONLY && c->connect.address.datagram)
		opt_usage_error("--connect-only does not go with --udp: it could not know whether "
				"anybody is there");
	if (chosen)
		return;
	if (c->connect.address.datagram)
		c->mode = DATAGRAMS;
	else if (c->messages != NULL)
		c->mode = MESSAGES;
	else
		c->mode = isatty(STDIN_FILENO) ? PROMPT : STREAM;
}

static uint32_t
modes_of(const struct client_config *c)
{
	const struct address_flags *a = &c->connect.address;
	uint32_t modes = MODE_CONNECTS | (c->connect.fd == -1 ? MODE_OPENS : 0) |
			 (a->is_unix ? 0 : MODE_INET) | (a->datagram ? MODE_DATAGRAM : MODE_STREAM);

	if (c->mode == PING)
		modes |= MODE_PINGS;
	if (c->mode == PROMPT)
		modes |= MODE_PROMPTS;
	if (c->mode == MESSAGES || c->mode == STREAM || c->mode == PROMPT)
		modes |= MODE_RECEIVES;
	if (c->mode != CONNECT_ONLY)
		modes |= MODE_EXCHANGES;
	if (c->mode == STREAM)
		modes |= MODE_TRANSFERS;
	if (c->mode == DATAGRAMS && c->messages == NULL)
		modes |= MODE_LINES;
	return modes;
}

/* Take family and type from the socket of --fd. */
static void
check_open_fd(struct connect_options *connect)
{
	struct sku_sock s;

	fd_leave_standard_streams(&connect->fd);
	if (sku_socket_from_fd(&s, connect->fd) == -1)
		opt_usage_error(
		    "option '--fd' takes an open socket, which %d is not", fd_given(connect->fd));
	if (connect->address.datagram && s.type != SOCK_DGRAM)
		opt_usage_error(
		    "descriptor %d is no datagram socket: leave --udp out", fd_given(connect->fd));
	connect->address.datagram = s.type == SOCK_DGRAM;
	connect->address.is_unix = s.family == AF_UNIX;
}

static void
check_combinations(struct client_config *c, const struct options *parsed)
{
	bool datagram = c->connect.address.datagram;

	connect_check_options(&c->connect, &c->endpoint);
	if (c->mode == PING && datagram && c->size < 16)
		opt_usage_error("option '--size' takes at least 16 bytes with --udp: the number "
				"of the probe must fit in");
	if (c->mode == PING && datagram && c->size > 65507)
		opt_usage_error("option '--size' takes at most 65507 bytes with --udp");
	if (c->connect.fd != -1 && c->clients > 1)
		opt_usage_error("--fd is one connection: --clients means nothing");
	if (c->connect.source_port != 0 && c->clients > 1)
		opt_usage_error("--source with a port is for one connection, not for --clients");
	if (!opt_given(parsed, "timeout") && (datagram || c->mode == PING))
		run.timeouts.operation_ns = 5 * SKU_SECOND;
}

void
config_parse(struct client_config *config, int argc, char **argv)
{
	struct options parsed;
	size_t count;

	*config = (struct client_config){ .messages = NULL };
	opt_parse(&parsed, &command, config, argc, argv);
	count = parsed.option_end;
	if (count < parsed.operand_count)
		config->messages = parsed.operands + count;
	if (config->connect.fd == -1)
		tcp_check_operands(&parsed);
	if (config->connect.fd == -1)
		endpoint_parse_operands(
		    &config->endpoint, &config->connect.address, parsed.operands, count, false);
	else if (count > 0)
		opt_usage_error("with --fd there is no HOST, PORT or PATH");
	else
		check_open_fd(&config->connect);
	choose_mode(config);
	opt_check_modes(&parsed, modes_of(config));
	check_combinations(config, &parsed);
	run.stdout_is_data = config->mode == STREAM;
}

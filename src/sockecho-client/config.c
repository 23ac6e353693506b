/* config.c - the options of sockecho-client.
 * Row tool. */
#include "sockecho-client/config.h"

#include "options/run_options.h"
#include "options/values.h"
#include "run/rate.h"
#include "run/run.h"

#include <string.h>
#include <unistd.h>

enum {
	OPT_PING = 400,
	OPT_CONNECT_ONLY,
	OPT_EXPECT,
	OPT_ALPHA,
	OPT_DURATION,
	OPT_CLIENTS,
	OPT_HISTOGRAM,
};

/* The modes of option_row: the kind of peer, and what the program does with it. */
enum {
	TCP = 1,
	UDP = 2,
	UNIX_STREAM = 4,
	UNIX_DATAGRAM = 8,
	PINGS = 16,
	READS_TERMINAL = 32,
	READS_STREAM = 64, /* all modes that receive from a stream */
	EXCHANGES = 128,   /* all modes that send */
};

#define ABOUT_PING "goes with --ping"

static const struct option_row options[] = {
	OPTION_GROUP("Whom to talk to"),
	ADDRESS_OPTION_ROWS(TCP | UDP, TCP),
	UDP_OPTION_ROW,
	FD_OPTION_ROW,
	CONNECT_OPTION_ROWS(0, NULL, TCP | UDP, "does not go with a UNIX path"),
	OPTION_GROUP("What to say (MESSAGEs; else standard input)"),
	{ OPT_CONNECT_ONLY, "connect-only", NULL, "connect, say nothing, exit", 0, NULL },
	{ OPT_PING, "ping", NULL, "measure round trips", 0, NULL },
	{ OPT_EXPECT, "expect", "any|echo|upper", "check what comes back (any)", EXCHANGES,
	    "does not go with --connect-only" },
	{ OPT_ALPHA, "alpha", NULL, "at the prompt, skip what is not all letters", READS_TERMINAL,
	    "is about the prompt: standard input is no terminal, or there are MESSAGEs" },
	TIMEOUT_OPTION_ROW(0, NULL),
	MAX_TIME_OPTION_ROW,
	TCP_OPTION_ROWS(READS_STREAM,
	    "is about messages and streams: not with --udp, --ping or --connect-only", TCP),
	OPTION_GROUP("With --ping"),
	{ 'c', "count", "N", "send N probes; none", PINGS, ABOUT_PING },
	{ 'i', "interval", "SECONDS", "from one probe to the next (1); 0: back to back", PINGS,
	    ABOUT_PING },
	{ 's', "size", "SIZE", "bytes in a probe (64)", PINGS, ABOUT_PING },
	{ OPT_DURATION, "duration", "SECONDS", "send probes for that long", PINGS, ABOUT_PING },
	{ OPT_CLIENTS, "clients", "N", "that many connections at once (1)", PINGS, ABOUT_PING },
	{ OPT_HISTOGRAM, "histogram", NULL, "draw the distribution", PINGS, ABOUT_PING },
	COMMON_OPTION_ROWS,
	OPTION_END,
};

static const char *const synopsis[] = { "[options] HOST PORT [MESSAGE...]",
	"[options] -U PATH [MESSAGE...]", "[options] --ping HOST PORT", NULL };

static const struct command command = { "sockecho-client", synopsis,
	"Talk to an echo server: messages, a stream, a prompt, datagrams, round trips.", options };

static enum expectation
parse_expectation(const char *value)
{
	static const char *const names[] = { "any", "echo", "upper" };

	for (int i = EXPECT_ANY; i <= EXPECT_UPPER; i++) {
		if (strcmp(value, names[i]) == 0)
			return (enum expectation)i;
	}
	opt_usage_error("option '--expect' takes any, echo or upper, not '%s'", value);
}

static void
take_option(struct client_config *c, int id, const char *value)
{
	switch (id) {
	case OPT_PING:
		c->mode = PING;
		break;
	case OPT_CONNECT_ONLY:
		c->mode = CONNECT_ONLY;
		break;
	case OPT_EXPECT:
		c->expect = parse_expectation(value);
		break;
	case OPT_ALPHA:
		c->alpha = true;
		break;
	case 'c':
		c->count = value_count_or_none("count", value, 1, INT64_MAX);
		break;
	case 'i':
		c->interval_ns = value_seconds("interval", value, false);
		break;
	case 's':
		c->size = (size_t)value_size("size", value, 1, 16 << 20);
		break;
	case OPT_DURATION:
		c->duration_ns = value_seconds("duration", value, false);
		break;
	case OPT_CLIENTS:
		c->clients = value_count("clients", value, 1, 1000000);
		break;
	case OPT_HISTOGRAM:
		c->histogram = true;
		break;
	default:
		if (!timeouts_take_option(id, value) && !tcp_take_option(&c->stream, id, value))
			(void)connect_take_option(&c->connect, id, value);
	}
}

/* Do the operands so far make an address?  All that follow are MESSAGEs then. */
static bool
address_is_complete(const struct client_config *c, const char *const *operands, size_t count)
{
	if (c->connect.fd != -1)
		return true;
	if (count == 0)
		return false;
	return count == 2 || operand_has_port(&c->connect.address, operands[0]);
}

static void
choose_mode(struct client_config *c, const struct opt_parser *parser)
{
	bool ping = opt_given(parser, OPT_PING);
	bool connect_only = opt_given(parser, OPT_CONNECT_ONLY);

	if (ping && connect_only)
		opt_usage_error("--ping and --connect-only exclude each other");
	if ((ping || connect_only) && c->messages != NULL)
		opt_usage_error("with --%s there are no MESSAGEs", ping ? "ping" : "connect-only");
	if (connect_only && c->connect.address.datagram)
		opt_usage_error("--connect-only does not go with --udp: it could not know whether "
				"anybody is there");
	if (ping || connect_only)
		return;
	if (c->connect.address.datagram)
		c->mode = DATAGRAMS;
	else if (c->messages != NULL)
		c->mode = MESSAGES;
	else
		c->mode = isatty(STDIN_FILENO) ? PROMPT : STREAM;
}

static unsigned
mode_bits(const struct client_config *c)
{
	const struct address_flags *a = &c->connect.address;
	unsigned bits = a->is_unix  ? (a->datagram ? UNIX_DATAGRAM : UNIX_STREAM) :
			a->datagram ? UDP :
				      TCP;

	if (c->mode == PING)
		bits |= PINGS;
	if (c->mode == PROMPT)
		bits |= READS_TERMINAL;
	if (c->mode == MESSAGES || c->mode == STREAM || c->mode == PROMPT)
		bits |= READS_STREAM;
	if (c->mode != CONNECT_ONLY)
		bits |= EXCHANGES;
	return bits;
}

/* Take family and type from the socket of --fd. */
static void
check_open_fd(struct connect_options *connect)
{
	struct sku_sock s;

	if (sku_socket_from_fd(&s, connect->fd) == -1)
		opt_usage_error("option '--fd' takes an open socket, which %d is not", connect->fd);
	if (connect->address.datagram && s.type != SOCK_DGRAM)
		opt_usage_error(
		    "descriptor %d is no datagram socket: leave --udp out", connect->fd);
	connect->address.datagram = s.type == SOCK_DGRAM;
	connect->address.is_unix = s.family == AF_UNIX;
}

static void
check_combinations(struct client_config *c, const struct opt_parser *parser)
{
	bool datagram = c->connect.address.datagram;

	connect_check_options(&c->connect, &c->endpoint);
	if (opt_given(parser, '4') && opt_given(parser, '6'))
		opt_usage_error("-4 and -6 exclude each other");
	if (c->mode == PING && datagram && c->size < 16)
		opt_usage_error("option '--size' takes at least 16 bytes with --udp: the number "
				"of the probe must fit in");
	if (c->mode == PING && datagram && c->size > 65507)
		opt_usage_error("option '--size' takes at most 65507 bytes with --udp");
	if (c->connect.fd != -1 && c->clients > 1)
		opt_usage_error("--fd is one connection: --clients means nothing");
	if (c->connect.source_port != 0 && c->clients > 1)
		opt_usage_error("--source with a port is for one connection, not for --clients");
	if (!run.timeouts.operation_given && (datagram || c->mode == PING))
		run.timeouts.operation_ns = 5 * SKU_SECOND;
}

void
config_parse(struct client_config *config, int argc, char **argv)
{
	const char *operands[2] = { NULL }, *value;
	struct opt_parser parser;
	size_t count = 0;
	int id;

	*config = (struct client_config){ .connect = CONNECT_OPTIONS_INIT,
		.stream = TCP_OPTIONS_INIT,
		.count = UNLIMITED,
		.interval_ns = SKU_SECOND,
		.size = 64,
		.duration_ns = UNLIMITED,
		.clients = 1 };
	opt_init(&parser, &command, argc, argv);
	while (config->messages == NULL && (id = opt_next(&parser, &value)) != OPT_DONE) {
		if (id != OPT_OPERAND)
			take_option(config, id, value);
		else if (address_is_complete(config, operands, count))
			config->messages = opt_rest(&parser);
		else
			operands[count++] = value;
	}
	if (config->connect.fd != -1) {
		if (count > 0)
			opt_usage_error("with --fd there is no HOST, PORT or PATH");
		check_open_fd(&config->connect);
	} else {
		endpoint_parse(&config->endpoint, &config->connect.address, operands, count, false);
	}
	choose_mode(config, &parser);
	opt_check_modes(&parser, mode_bits(config));
	check_combinations(config, &parser);
	run.stdout_is_data = config->mode == STREAM;
}

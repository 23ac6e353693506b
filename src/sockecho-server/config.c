/* config.c - the options of sockecho-server.
 * Row tool. */
#include "sockecho-server/config.h"

#include "net/connect.h"
#include "options/run_options.h"
#include "options/values.h"
#include "run/rate.h"
#include "run/run.h"

#include <errno.h>
#include <sys/random.h>

enum {
	OPT_UPPER = 400,
	OPT_MAX_CLIENTS,
	OPT_REUSEPORT,
	OPT_DELAY,
	OPT_LIMIT_RATE,
	OPT_CLOSE_AFTER,
	OPT_RESET_AFTER,
	OPT_RESET_FIRST,
	OPT_DROP,
	OPT_SEED,
	OPT_RATE,
	OPT_ALLOW_RESERVED,
	OPT_DAEMON,
	OPT_PIDFILE,
};

/* The modes of option_row. */
enum { TCP = 1, UDP = 2, UNIX_STREAM = 4, UNIX_DATAGRAM = 8 };
enum {
	INET = TCP | UDP,
	STREAM = TCP | UNIX_STREAM,
	DATAGRAM = UDP | UNIX_DATAGRAM,
};

#define ABOUT_STREAMS "is about connections: it does not go with --udp"
#define ABOUT_DATAGRAMS "is about datagrams: it goes with --udp"
#define ABOUT_TCP "is about TCP alone"

static const struct option_row options[] = {
	OPTION_GROUP("Where to listen"),
	ADDRESS_OPTION_ROWS(INET, TCP),
	UDP_OPTION_ROW,
	FD_OPTION_ROW,
	LISTEN_OPTION_ROWS(0, NULL, INET, "does not go with a UNIX path", STREAM,
	    "is about streams: it does not go with --udp"),
	WAIT_OPTION_ROW("keep trying to listen for that long; none"),
	{ OPT_REUSEPORT, "reuseport", NULL, "let several servers share the port", INET,
	    "does not go with a UNIX path" },
	OPTION_GROUP("How to serve"),
	{ OPT_UPPER, "upper", NULL, "echo in upper case (ASCII letters)", 0, NULL },
	{ 't', "timeout", "SECONDS", "close a connection that waits that long; none", STREAM,
	    ABOUT_STREAMS },
	MAX_TIME_OPTION_ROW,
	{ 'c', "connections", "N", "end after N connections (datagrams with -u); none", 0, NULL },
	{ OPT_MAX_CLIENTS, "max-clients", "N", "serve at most N at once; none", STREAM,
	    ABOUT_STREAMS },
	TCP_OPTION_ROWS(0, NULL, TCP),
	{ OPT_RATE, "rate", "N", "at most N datagrams a second from one source; none", UDP,
	    "is about UDP: it goes with --udp" },
	{ OPT_ALLOW_RESERVED, "allow-reserved", NULL, "answer reserved ports and addresses too",
	    UDP, "is about UDP: it goes with --udp" },
	OPTION_GROUP("A peer that misbehaves, for tests"),
	{ OPT_DELAY, "delay", "SECONDS", "answer that much later", 0, NULL },
	{ OPT_LIMIT_RATE, "limit-rate", "SIZE", "answer at most SIZE bytes a second", STREAM,
	    ABOUT_STREAMS },
	{ OPT_CLOSE_AFTER, "close-after", "SIZE", "close after SIZE bytes were sent back", STREAM,
	    ABOUT_STREAMS },
	{ OPT_RESET_AFTER, "reset-after", "SIZE", "reset after SIZE bytes were sent back", TCP,
	    ABOUT_TCP },
	{ OPT_RESET_FIRST, "reset-first", "N", "reset the first N connections", TCP, ABOUT_TCP },
	{ OPT_DROP, "drop", "PERCENT", "lose that share of the datagrams", DATAGRAM,
	    ABOUT_DATAGRAMS },
	{ OPT_SEED, "seed", "N", "lose the same ones again for the same N", DATAGRAM,
	    ABOUT_DATAGRAMS },
	OPTION_GROUP("In the background"),
	{ OPT_DAEMON, "daemon", NULL, "go to the background once ready", 0, NULL },
	{ OPT_PIDFILE, "pidfile", "FILE", "write the process id to FILE, and lock it", 0, NULL },
	COMMON_OPTION_ROWS,
	OPTION_END,
};

static const char *const synopsis[] = { "[options] [HOST] PORT", "[options] -U PATH", NULL };

static const struct command command = { "sockecho-server", synopsis,
	"Send back what is received, on many connections at once.", options };

static void
set_defaults(struct server_config *config)
{
	*config = (struct server_config){
		.listen = LISTEN_OPTIONS_INIT,
		.connections = UNLIMITED,
		.max_clients = UNLIMITED,
		.stream = TCP_OPTIONS_INIT,
		.limit_rate = UNLIMITED,
		.close_after = UNLIMITED,
		.reset_after = UNLIMITED,
		.rate = UNLIMITED,
	};
	if (getrandom(&config->seed, sizeof(config->seed), GRND_NONBLOCK) == -1)
		config->seed = (uint64_t)sku_now();
}

static void
take_option(struct server_config *c, int id, const char *value)
{
	switch (id) {
	case OPT_UPPER:
		c->upper = true;
		break;
	case 'c':
		c->connections = value_count_or_none("connections", value, 1, INT64_MAX);
		break;
	case OPT_MAX_CLIENTS:
		c->max_clients = value_count_or_none("max-clients", value, 1, INT64_MAX);
		break;
	case OPT_REUSEPORT:
		c->listen.reuseport = true;
		break;
	case OPT_DELAY:
		c->delay_ns = value_seconds("delay", value, false);
		break;
	case OPT_LIMIT_RATE:
		c->limit_rate = value_size("limit-rate", value, 1, INT64_C(1) << 50);
		break;
	case OPT_CLOSE_AFTER:
		c->close_after = value_size("close-after", value, 0, INT64_MAX);
		break;
	case OPT_RESET_AFTER:
		c->reset_after = value_size("reset-after", value, 0, INT64_MAX);
		break;
	case OPT_RESET_FIRST:
		c->reset_first = value_count("reset-first", value, 0, INT64_MAX);
		break;
	case OPT_DROP:
		c->drop = value_percent("drop", value);
		break;
	case OPT_SEED:
		c->seed = (uint64_t)value_count("seed", value, 0, INT64_MAX);
		break;
	case OPT_RATE:
		c->rate = value_count_or_none("rate", value, 1, INT32_MAX);
		if (c->rate == -1)
			c->rate = INT64_MAX;
		break;
	case OPT_ALLOW_RESERVED:
		c->allow_reserved = true;
		break;
	case OPT_DAEMON:
		c->daemon = true;
		break;
	case OPT_PIDFILE:
		c->pidfile = value;
		break;
	default:
		if (!timeouts_take_option(id, value) && !tcp_take_option(&c->stream, id, value))
			(void)listen_take_option(&c->listen, id, value);
	}
}

/* Take family and type from the socket of --fd, and return the mode. */
static unsigned
mode_from_fd(struct listen_options *listen)
{
	struct sku_sock s;

	if (sku_socket_from_fd(&s, listen->fd) == -1)
		opt_usage_error("descriptor %d is no socket", listen->fd);
	if (listen->address.datagram && s.type != SOCK_DGRAM)
		opt_usage_error("descriptor %d is no datagram socket: leave --udp out", listen->fd);
	if (listen->address.is_unix && s.family != AF_UNIX)
		opt_usage_error("descriptor %d is no UNIX socket: leave --unix out", listen->fd);
	listen->address.datagram = s.type == SOCK_DGRAM;
	listen->address.is_unix = s.family == AF_UNIX;
	if (s.family == AF_UNIX)
		return s.type == SOCK_DGRAM ? UNIX_DATAGRAM : UNIX_STREAM;
	return s.type == SOCK_DGRAM ? UDP : TCP;
}

static unsigned
mode_of_flags(const struct address_flags *flags)
{
	if (flags->is_unix)
		return flags->datagram ? UNIX_DATAGRAM : UNIX_STREAM;
	return flags->datagram ? UDP : TCP;
}

static bool
is_connection(int fd)
{
	struct sku_sock s;
	struct sku_address peer;

	return sku_socket_from_fd(&s, fd) == 0 && s.type == SOCK_STREAM &&
	       sku_getpeername(&s, &peer) == 0;
}

/* Options for opening a socket are a mistake if the socket is open already. */
static void
check_fd_options(const struct opt_parser *parser, int fd)
{
	static const int meaningless[] = { '4', '6', 'n', OPT_MPTCP, OPT_BACKLOG, OPT_REUSEADDR,
		OPT_NO_REUSEADDR, OPT_REUSEPORT, OPT_WAIT };

	for (size_t i = 0; i < sizeof(meaningless) / sizeof(meaningless[0]); i++) {
		if (opt_given(parser, meaningless[i]))
			opt_usage_error("the socket is open already (--fd or LISTEN_FDS): -4, -6, "
					"--numeric, --mptcp, --backlog, --reuseaddr, "
					"--no-reuseaddr, --reuseport and --wait mean nothing");
	}
	if ((opt_given(parser, OPT_READY_FD) || opt_given(parser, OPT_PORT_FILE)) &&
	    is_connection(fd))
		opt_usage_error("the socket is a connection, to which nobody else comes: "
				"--ready-fd and --port-file mean nothing");
}

static void
check_combinations(const struct server_config *c, const struct opt_parser *parser)
{
	if (c->close_after != UNLIMITED && c->reset_after != UNLIMITED)
		opt_usage_error("--close-after and --reset-after exclude each other");
	if (c->listen.address.family != AF_UNSPEC && opt_given(parser, '4') &&
	    opt_given(parser, '6'))
		opt_usage_error("-4 and -6 exclude each other");
	if (opt_given(parser, OPT_SEED) && !opt_given(parser, OPT_DROP))
		opt_usage_error("option '--seed' goes with --drop");
	if (run.timeouts.operation_ns == 0)
		opt_usage_error(
		    "option '--timeout' takes more than 0 seconds here: 0 would serve nobody");
}

void
config_parse(struct server_config *config, int argc, char **argv)
{
	const char *operands[3] = { NULL }, *value;
	struct opt_parser parser;
	size_t count = 0;
	unsigned mode;
	int id;

	set_defaults(config);
	opt_init(&parser, &command, argc, argv);
	while ((id = opt_next(&parser, &value)) != OPT_DONE) {
		if (id != OPT_OPERAND)
			take_option(config, id, value);
		else if (count < 3)
			operands[count++] = value;
	}
	listen_take_environment(&config->listen);
	if (config->listen.fd != -1) {
		if (count > 0)
			opt_usage_error("the socket is open already (--fd or LISTEN_FDS): "
					"no HOST, PORT or PATH, please");
		check_fd_options(&parser, config->listen.fd);
		mode = mode_from_fd(&config->listen);
	} else {
		endpoint_parse(&config->endpoint, &config->listen.address, operands, count, true);
		mode = mode_of_flags(&config->listen.address);
	}
	opt_check_modes(&parser, mode);
	check_combinations(config, &parser);
}

/* config.c - the options of sockecho-server.
 * Row tool. */
#include "sockecho-server/config.h"

#include "net/habits.h"
#include "options/run_options.h"
#include "run/rate.h"
#include "run/run.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* A mode of our own. */
enum { MODE_DROPS = MODES_END };

/* At least 1: with 0 no client could be served. */
static const struct option_row timeout_of_connection[] = {
	SECONDS('t', "timeout", struct timeouts, operation_ns, SKU_NO_TIMEOUT,
	    "close a connection that waits that long", .least = 1, .none = 1, .needs = MODE_STREAM),
	OPTION_END_ROW,
};

static const struct option_row options[] = {
	OPTION_GROUP("Address"),
	OPTION_INCLUDE(struct server_config, listen.address, struct address_flags, address_options),
	OPTION_INCLUDE(
	    struct server_config, listen.address, struct address_flags, datagram_options),
	OPTION_INCLUDE(struct server_config, listen.fd, int, fd_options),
	OPTION_GROUP("Listening"),
	OPTION_INCLUDE(struct server_config, listen, struct listen_options, listen_options),
	SECONDS(0, "wait", struct server_config, listen.wait_ns, 0,
	    "keep trying to listen for that long", .none = 1, .preset_text = "default: try once",
	    .needs = MODE_OPENS),
	FLAG(0, "reuseport", struct server_config, listen.reuseport,
	    "let several servers share the port", .needs = MODE_INET | MODE_OPENS),
	OPTION_GROUP("Serving"),
	FLAG(0, "upper", struct server_config, upper, "echo in upper case (ASCII letters)"),
	OPTION_INCLUDE_FOR(&run.timeouts, timeout_of_connection),
	OPTION_INCLUDE_FOR(&run.timeouts, max_time_options),
	COUNT('c', "connections", "N", struct server_config, connections, 1, INT64_MAX, UNLIMITED,
	    "end after N connections, or N datagrams with --udp", .none = 1),
	COUNT(0, "max-clients", "N", struct server_config, max_clients, 1, INT64_MAX, UNLIMITED,
	    "serve at most N at once", .none = 1, .preset_text = "default: as descriptors allow",
	    .needs = MODE_STREAM),
	OPTION_INCLUDE(struct server_config, stream, struct tcp_options, buffer_options),
	OPTION_INCLUDE(struct server_config, stream, struct tcp_options, tcp_options),
	COUNT(0, "rate", "N", struct server_config, rate, 1, INT32_MAX, SERVER_RATE_DEFAULT,
	    "answer at most N datagrams a second from one source", .none = 1,
	    .preset_text = "default: no limit on loopback, 1000 elsewhere",
	    .needs = MODE_INET | MODE_DATAGRAM),
	FLAG(0, "allow-reserved", struct server_config, allow_reserved,
	    "answer reserved ports and addresses, too", .needs = MODE_INET | MODE_DATAGRAM),
	OPTION_GROUP("Faults, for tests of others"),
	SECONDS(0, "delay", struct server_config, faults.delay_ns, 0, "answer that much later"),
	SIZE(0, "limit-rate", struct server_config, faults.limit_rate, 1, FAULTS_RATE_MAX,
	    UNLIMITED, "answer at most SIZE bytes a second", .preset_text = "no limit by default",
	    .needs = MODE_STREAM),
	SIZE(0, "close-after", struct server_config, faults.close_after, 0, INT64_MAX, UNLIMITED,
	    "close a connection after SIZE bytes were sent back", .excludes = "reset-after",
	    .needs = MODE_STREAM),
	SIZE(0, "reset-after", struct server_config, faults.reset_after, 0, INT64_MAX, UNLIMITED,
	    "reset a connection after SIZE bytes were sent back", .needs = MODE_INET | MODE_STREAM),
	COUNT(0, "reset-first", "N", struct server_config, reset_first, 0, INT64_MAX, 0,
	    "reset the first N connections", .needs = MODE_INET | MODE_STREAM),
	TEXT(OPTION_FILE, 0, "faults", "FILE", struct server_config, faults_file,
	    "read a line of these for each connection, in order",
	    .excludes = "delay limit-rate close-after reset-after reset-first",
	    .needs = MODE_STREAM),
	PERCENT(0, "drop", struct server_config, drop, "lose that share of the datagrams",
	    .needs = MODE_DATAGRAM),
	COUNT(0, "seed", "N", struct server_config, seed, 0, INT64_MAX, 0,
	    "lose the same datagrams again for the same N", .preset_text = "default: random",
	    .needs = MODE_DATAGRAM | MODE_DROPS),
	OPTION_GROUP("Background"),
	FLAG(0, "daemon", struct server_config, daemon, "go to the background once ready"),
	TEXT(OPTION_FILE, 0, "pidfile", "FILE", struct server_config, pidfile,
	    "write the process id to FILE, and lock it", .without = "it is a file that is locked"),
	OPTION_COMMON,
	OPTION_END_ROW,
};

static const struct option_need needs[] = {
	NEED_OPENS,
	NEED_INET,
	NEED_PATH,
	NEED_ANNOUNCES,
	{ MODE_STREAM, "is about connections: it does not go with --udp" },
	{ MODE_DATAGRAM, "is about datagrams: it goes with --udp" },
	{ MODE_DROPS, "goes with --drop" },
	{ 0, NULL },
};

static const char habits[] = "-k --keep-open --fork\tit serves many connections by itself\n"
			     "-z\tsockecho-client --connect-only connects and says nothing\n"
			     "-D\t--daemon goes to the background\n"
			     "--connect\tit listens: sockecho-client connects\n";
static const char *const hints[] = { habits, listening_habits, network_habits, NULL };

static const char *const synopsis[] = { "[options] [HOST] PORT", "[options] -U PATH", NULL };

static const struct command command = {
	.name = "sockecho-server",
	.synopsis = synopsis,
	.summary = "Send back what is received, on many connections at once.",
	.operands = "host port",
	.options = options,
	.needs = needs,
	.hints = hints,
};

/* Take family and type from the socket of --fd. */
static void
check_open_fd(struct listen_options *listen)
{
	struct sku_sock s;

	if (sku_socket_from_fd(&s, listen->fd) == -1)
		opt_usage_error("descriptor %d is no socket", fd_given(listen->fd));
	if (listen->address.datagram && s.type != SOCK_DGRAM)
		opt_usage_error(
		    "descriptor %d is no datagram socket: leave --udp out", fd_given(listen->fd));
	if (listen->address.is_unix && s.family != AF_UNIX)
		opt_usage_error(
		    "descriptor %d is no UNIX socket: leave --unix out", fd_given(listen->fd));
	listen->address.datagram = s.type == SOCK_DGRAM;
	listen->address.is_unix = s.family == AF_UNIX;
}

static bool
is_connection(int fd)
{
	struct sku_sock s;
	struct sku_address peer;

	return sku_socket_from_fd(&s, fd) == 0 && s.type == SOCK_STREAM &&
	       sku_getpeername(&s, &peer) == 0;
}

static uint32_t
modes_of(const struct server_config *c)
{
	const struct listen_options *l = &c->listen;
	bool announces = l->fd == -1 || !is_connection(l->fd);

	return MODE_LISTENS | (endpoint_has_path(&c->endpoint) ? MODE_PATH : 0) |
	       (l->fd == -1 ? MODE_OPENS : 0) | (announces ? MODE_ANNOUNCES : 0) |
	       (l->address.is_unix ? 0 : MODE_INET) |
	       (l->address.datagram ? MODE_DATAGRAM : MODE_STREAM) | (c->drop > 0 ? MODE_DROPS : 0);
}

void
config_parse(struct server_config *config, int argc, char **argv)
{
	struct named_file path;
	struct options parsed;

	*config = (struct server_config){ .upper = false };
	if (getrandom(&config->seed, sizeof(config->seed), GRND_NONBLOCK) == -1)
		config->seed = (uint64_t)sku_now();
	opt_parse(&parsed, &command, config, argc, argv);
	if (config->listen.fd == STDIN_FILENO && config->faults_file != NULL &&
	    strcmp(config->faults_file, "-") == 0)
		opt_usage_error("--faults - reads standard input, which is the socket (--fd 0)");
	listen_take_socket(&config->listen);
	tcp_check_operands(&parsed);
	if (config->listen.fd == -1)
		endpoint_parse_operands(&config->endpoint, &config->listen.address, parsed.operands,
		    parsed.operand_count, true);
	else if (parsed.operand_count > 0)
		opt_usage_error("the socket is open already (--fd or LISTEN_FDS): there is no "
				"HOST, PORT or PATH");
	else
		check_open_fd(&config->listen);
	opt_check_modes(&parsed, modes_of(config));
	path = endpoint_file(&config->endpoint, true);
	files_check(&parsed, &path, 1);
}

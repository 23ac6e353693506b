/* peer_options.c - how a file transfer gets to its peer: it connects, or it listens.
 * Row net. */
#include "net/peer_options.h"

#include "options/run_options.h"
#include "run/failure.h"
#include "run/run.h"
#include "run/status.h"

bool
peer_options_take_option(struct peer_options *options, int id, const char *value)
{
	if (timeouts_take_option(id, value) || endpoint_take_option(&options->address, id))
		return true;
	/* --fd is stored for both: whether it connects or listens is known only at the end. */
	if (id != OPT_FD && connect_take_option(&options->connect, id, value))
		return true;
	return listen_take_option(&options->listen, id, value);
}

bool
peer_options_is_open(struct peer_options *options)
{
	if (options->listening)
		listen_take_environment(&options->listen);
	else
		options->connect.fd = options->listen.fd;
	return options->listen.fd != -1;
}

/* The socket has its own family and type: options that choose them are a mistake. */
static void
check_open_fd(struct peer_options *options, const struct opt_parser *parser)
{
	static const int meaningless[] = { '4', '6', 'n', OPT_MPTCP, OPT_BACKLOG, OPT_REUSEADDR,
		OPT_NO_REUSEADDR };
	struct sku_sock s;

	if (sku_socket_from_fd(&s, options->listen.fd) == -1)
		opt_usage_error("descriptor %d is no socket (a pipe, as ssh's, is no connection: "
				"'ssh -L' and 'ssh -R' forward a port)",
		    options->listen.fd);
	if (s.type != SOCK_STREAM)
		opt_usage_error("descriptor %d is no stream socket", options->listen.fd);
	if (options->address.is_unix && s.family != AF_UNIX)
		opt_usage_error(
		    "descriptor %d is no UNIX socket: leave --unix out", options->listen.fd);
	for (size_t i = 0; i < sizeof(meaningless) / sizeof(meaningless[0]); i++) {
		if (opt_given(parser, meaningless[i]))
			opt_usage_error("the socket is open already (--fd or LISTEN_FDS): -4, -6, "
					"--numeric, --mptcp, --backlog, --reuseaddr and "
					"--no-reuseaddr mean nothing");
	}
	options->address.is_unix = s.family == AF_UNIX;
}

static unsigned
modes_of(const struct peer_options *options)
{
	bool inet = !options->address.is_unix;
	unsigned modes = options->listening ? MODE_LISTENS : MODE_CONNECTS;

	if (inet)
		modes |= (options->listening ? MODE_LISTENS_INET : MODE_CONNECTS_INET) | MODE_INET |
			 MODE_TCP;
	return modes;
}

unsigned
peer_options_finish(struct peer_options *options, const struct opt_parser *parser,
    const char *const *operands, size_t count)
{
	if (opt_given(parser, '4') && opt_given(parser, '6'))
		opt_usage_error("-4 and -6 exclude each other");
	if (options->listen.fd != -1)
		check_open_fd(options, parser);
	else
		endpoint_parse(
		    &options->endpoint, &options->address, operands, count, options->listening);
	options->connect.address = options->address;
	options->listen.address = options->address;
	if (!options->listening)
		connect_check_options(&options->connect);
	return modes_of(options);
}

void
peer_options_check_retry(const struct peer_options *options)
{
	struct sku_sock s;
	int listening = 0;
	socklen_t len = sizeof(listening);

	if (options->listen.fd == -1)
		return;
	if (options->listening && sku_socket_from_fd(&s, options->listen.fd) == 0)
		(void)sku_getsockopt(&s, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len);
	if (!listening)
		opt_usage_error("the socket is open already (--fd or LISTEN_FDS), and is not "
				"listened on: there is no other connection for --retry");
}

int
peer_options_open(const struct peer_options *options, struct listener *listener)
{
	struct failure failure = { .status = STATUS_OK };
	int status;

	if (run_catch_signals(0, &failure) == -1)
		return failure_report(&failure);
	run_let_signals_kill(true); /* name resolution may take long */
	status = listener_open(listener, &options->listen, &options->endpoint);
	run_let_signals_kill(false);
	return status;
}

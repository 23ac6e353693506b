/* peer_options.c - how a file transfer gets to its peer: it connects, or it listens.
 * Row net. */
#include "net/peer_options.h"

#include "options/values.h"
#include "run/failure.h"
#include "run/run.h"
#include "run/status.h"

const struct option_row peer_options[] = {
	OPTION_INCLUDE(struct peer_options, address, struct address_flags, address_options),
	/* Also for connecting: only at the end it is known whether to connect or to listen. */
	OPTION_INCLUDE(struct peer_options, listen.fd, int, fd_options),
	OPTION_GROUP("Connecting"),
	OPTION_INCLUDE(struct peer_options, connect, struct connect_options, connect_options),
	SECONDS(0, "wait", struct peer_options, connect.wait_ns, 0,
	    "keep trying to connect, or to listen, for that long", .none = 1,
	    .preset_text = "default: try once", .needs = MODE_OPENS),
	OPTION_GROUP("Listening"),
	OPTION_INCLUDE(struct peer_options, listen, struct listen_options, listen_options),
	OPTION_END_ROW,
};

bool
peer_options_is_open(struct peer_options *options)
{
	if (options->listening)
		listen_take_socket(&options->listen);
	else
		options->connect.fd = options->listen.fd;
	return options->listen.fd != -1;
}

/* Take the family from the open socket. */
static void
check_open_fd(struct peer_options *options)
{
	struct sku_sock s;

	if (sku_socket_from_fd(&s, options->listen.fd) == -1)
		opt_usage_error("descriptor %d is no socket (a pipe, as ssh's, is no connection: "
				"'ssh -L' and 'ssh -R' forward a port)",
		    fd_given(options->listen.fd));
	if (s.type != SOCK_STREAM)
		opt_usage_error("descriptor %d is no stream socket", fd_given(options->listen.fd));
	if (options->address.is_unix && s.family != AF_UNIX)
		opt_usage_error("descriptor %d is no UNIX socket: leave --unix out",
		    fd_given(options->listen.fd));
	options->address.is_unix = s.family == AF_UNIX;
}

uint32_t
peer_options_finish(struct peer_options *options, char *const *operands, size_t count)
{
	bool opens = options->listen.fd == -1;

	if (opens)
		endpoint_parse_operands(
		    &options->endpoint, &options->address, operands, count, options->listening);
	else
		check_open_fd(options);
	options->connect.address = options->address;
	options->listen.address = options->address;
	options->listen.wait_ns = options->connect.wait_ns;
	if (!options->listening)
		connect_check_options(&options->connect, &options->endpoint);
	return MODE_STREAM | MODE_ANNOUNCES | (opens ? MODE_OPENS : 0) |
	       (endpoint_has_path(&options->endpoint) ? MODE_PATH : 0) |
	       (options->address.is_unix ? 0 : MODE_INET) |
	       (options->listening ? MODE_LISTENS : MODE_CONNECTS);
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

/* May a system call hang before the program waits for a peer?  The file system of a path may, and
 * the services database. */
static bool
may_hang(const struct peer_options *options)
{
	return options->listen.port_file != NULL || options->listen.log_file != NULL ||
	       options->address.is_unix ||
	       (options->listen.fd == -1 && !value_is_digits(options->endpoint.port));
}

int
peer_options_open(
    const struct peer_options *options, struct listener *listener, struct failure *failure)
{
	if (run_catch_signals(may_hang(options) ? 0 : RUN_WITHOUT_THREAD, failure) == -1)
		return -1;
	return listener_open(listener, &options->listen, &options->endpoint, failure);
}

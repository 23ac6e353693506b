/* peer_options.c - how a transfer comes to its peer: it connects, or it listens.
 * Row net. */
#include "net/peer_options.h"

#include "options/run_options.h"
#include "run/status.h"

bool
transfer_link_option(struct transfer_link *link, int id, const char *value)
{
	if (cli_limits_option(&link->limits, id, value) || cli_address_option(&link->address, id))
		return true;
	/* --fd goes to both; which one is meant shows when all is read. */
	if (id != CLI_OPT_FD && cli_dial_option(&link->dial, id, value))
		return true;
	return cli_listen_option(&link->listen, id, value);
}

bool
transfer_link_is_open(struct transfer_link *link)
{
	if (link->listening)
		cli_listen_environment(&link->listen);
	else
		link->dial.fd = link->listen.fd;
	return link->listen.fd != -1;
}

/* The socket says what it is; flags that say something else are a mistake. */
static void
look_at_fd(struct transfer_link *link, const struct cli_parser *parser)
{
	static const int meaningless[] = { '4', '6', 'n', CLI_OPT_MPTCP, CLI_OPT_BACKLOG,
		CLI_OPT_REUSEADDR, CLI_OPT_NO_REUSEADDR };
	struct sku_sock s;

	if (sku_socket_from_fd(&s, link->listen.fd) == -1)
		cli_usage_error("descriptor %d is no socket", link->listen.fd);
	if (s.type != SOCK_STREAM)
		cli_usage_error("descriptor %d is no stream socket", link->listen.fd);
	if (link->address.is_unix && s.family != AF_UNIX)
		cli_usage_error(
		    "descriptor %d is no UNIX socket: leave --unix out", link->listen.fd);
	for (size_t i = 0; i < sizeof(meaningless) / sizeof(meaningless[0]); i++) {
		if (cli_parser_given(parser, meaningless[i]))
			cli_usage_error("the socket is open already (--fd or LISTEN_FDS): -4, -6, "
					"--numeric, --mptcp, --backlog, --reuseaddr and "
					"--no-reuseaddr mean nothing");
	}
	link->address.is_unix = s.family == AF_UNIX;
}

static unsigned
modes_of(const struct transfer_link *link)
{
	bool inet = !link->address.is_unix;
	unsigned modes = link->listening ? LINK_LISTENS : LINK_CONNECTS;

	if (inet)
		modes |= (link->listening ? LINK_LISTENS_INET : LINK_CONNECTS_INET) | LINK_INET |
			 LINK_TCP;
	return modes;
}

unsigned
transfer_link_finish(struct transfer_link *link, const struct cli_parser *parser,
    const char *const *operands, size_t count)
{
	if (cli_parser_given(parser, '4') && cli_parser_given(parser, '6'))
		cli_usage_error("-4 and -6 exclude each other");
	if (link->listen.fd != -1)
		look_at_fd(link, parser);
	else
		cli_endpoint_parse(
		    &link->endpoint, &link->address, operands, count, link->listening);
	link->dial.address = link->address;
	link->listen.address = link->address;
	if (!link->listening)
		cli_dial_check(&link->dial);
	return modes_of(link);
}

void
transfer_link_check_retry(const struct transfer_link *link)
{
	struct sku_sock s;
	int listening = 0;
	socklen_t len = sizeof(listening);

	if (link->listen.fd == -1)
		return;
	if (link->listening && sku_socket_from_fd(&s, link->listen.fd) == 0)
		(void)sku_getsockopt(&s, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len);
	if (!listening)
		cli_usage_error("the socket is open already (--fd or LISTEN_FDS), and is not "
				"listened on: there is no other connection for --retry");
}

int
transfer_link_listen(const struct transfer_link *link, struct cli_listener *listener,
    struct cli_end_signals *signals)
{
	int status = cli_listener_open(listener, &link->listen, &link->endpoint, &link->limits);

	if (status == CLI_OK)
		status = cli_end_signals_open(signals, false);
	return status == CLI_OK ? cli_listener_announce(listener, &link->listen) : status;
}

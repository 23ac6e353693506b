/* connect.c - what every connecting program does: resolve, connect, try again.
 * Row net. */
#include "net/connect.h"

#include "options/values.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"
#include "run/uninitialized.h"
#include "run/wait.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef TCP_IS_MPTCP /* glibc 2.36 knows the protocol, but not this */
#define TCP_IS_MPTCP 43
#endif

#define DEFAULT_CONNECT_TIMEOUT (60 * SKU_SECOND)

static const char *
set_source(void *member, const char *value)
{
	struct connect_options *options = member;

	if (!endpoint_parse_source(value, options->source_host, &options->source_port))
		return "an address of this machine, ADDR[:PORT]";
	return NULL;
}

const struct option_row source_options[] = {
	/* No macro fits: it sets two members. */
	{ .kind = OPTION_ADDRESS,
	    .name = "source",
	    .arg = "ADDR[:PORT]",
	    .set = set_source,
	    .help = "connect from this address of this machine",
	    .needs = MODE_CONNECTS | MODE_OPENS | MODE_INET },
	OPTION_END_ROW,
};

const struct option_row connect_options[] = {
	SECONDS(0, "connect-timeout", struct connect_options, connect_timeout_ns,
	    SKU_DEFAULT_TIMEOUT, "limit of name resolution and connecting together", .none = 1,
	    .preset_text = "default: --timeout, else 60", .needs = MODE_CONNECTS | MODE_OPENS),
	{ .kind = OPTION_ROWS, .rows = source_options },
	OPTION_END_ROW,
};

void
connect_check_options(const struct connect_options *options, const struct endpoint *endpoint)
{
	const char *source = options->source_host;
	struct sku_address from, to;

	if (*source == '\0')
		return;
	(void)sku_address_from_numeric(&from, AF_UNSPEC, source, 0); /* parsed before */
	if (options->address.family != AF_UNSPEC && options->address.family != from.sa.sa_family)
		opt_usage_error("--source %s is of the other family than -%d", source,
		    options->address.family == AF_INET ? 4 : 6);
	if (endpoint->host != NULL &&
	    sku_address_from_numeric(&to, AF_UNSPEC, endpoint->host, 0) == 0 &&
	    to.sa.sa_family != from.sa.sa_family)
		opt_usage_error("--source %s is of the other family than HOST, which is %s", source,
		    endpoint->host);
}

/* ---- how long ------------------------------------------------------------------------------ */

int64_t
connect_timeout(const struct connect_options *options)
{
	if (options->connect_timeout_ns != SKU_DEFAULT_TIMEOUT)
		return options->connect_timeout_ns;
	return run.timeouts.operation_ns > 0 ? run.timeouts.operation_ns : DEFAULT_CONNECT_TIMEOUT;
}

/* ---- one try ------------------------------------------------------------------------------- */

int
connect_why_no_peer(struct sku_sock *s)
{
	int error = 0;

	errno = sku_getsockopt_int(s, SOL_SOCKET, SO_ERROR, &error) == 0 && error != 0 ? error :
											 ENOTCONN;
	return errno;
}

static int
use_open_socket(int fd, struct sku_sock *s, struct failure *failure)
{
	struct sku_address peer;

	if (sku_socket_from_fd(s, fd) == -1)
		return failure_errno(failure, errno, "use descriptor %d as a socket", fd_given(fd));
	if (sku_getpeername(s, &peer) == -1)
		return connect_why_no_peer(s) == ENOTCONN ?
			   failure_errno(
			       failure, errno, "use descriptor %d as a connection", fd_given(fd)) :
			   failure_peer(
			       failure, errno, "use descriptor %d as a connection", fd_given(fd));
	if (sku_settimeout(s, 0) == -1)
		return failure_errno(failure, errno, "use descriptor %d", fd_given(fd));
	return 0;
}

/* What is tried, for messages. */
static const char *
action_of(const struct connector *connector, char text[SKU_ERROR_CONTEXT_MAX])
{
	const struct endpoint *endpoint = connector->endpoint;
	const char *where = endpoint->path != NULL ? endpoint->path : endpoint->host;

	if (connector->port != 0)
		(void)snprintf(
		    text, SKU_ERROR_CONTEXT_MAX, "connect to %s port %u", where, connector->port);
	else
		(void)snprintf(text, SKU_ERROR_CONTEXT_MAX, "connect to %s", where);
	return text;
}

/* Report an attempt.  With --wait the same failures repeat: they are reported only with -vv. */
static void
report_attempt(void *arg, const struct sku_address *address, int error)
{
	struct connector *connector = arg;
	bool again = connector->is_one_of_many || (error != 0 && connector->retry.wanted);
	int level = again ? 2 : 1;
	char text[PEER_TEXT_MAX], action[SKU_ERROR_CONTEXT_MAX];
	size_t verb = strlen("connect to ");

	if (error == 0)
		connector->peer = *address;
	if (run.verbose < level)
		return;
	(void)peer_text(address, text);
	/* This is the address that was asked for: its failure is reported anyway. */
	if (error != 0 && !again && strcmp(action_of(connector, action) + verb, text) == 0)
		return;
	msg_verbose(level, "connect to %s: %s", text, error == 0 ? "connected" : sku_reason(error));
}

static int
begin_try(struct connector *connector, struct sku_error *err, struct failure *failure)
{
	const struct connect_options *options = connector->options;
	const struct endpoint *endpoint = connector->endpoint;
	const struct sku_connect_opts opts = {
		.family = options->address.family,
		.protocol = options->address.mptcp ? IPPROTO_MPTCP : 0,
		.numeric = options->address.numeric,
		.source_host = options->source_host[0] != '\0' ? options->source_host : NULL,
		.source_port = options->source_port,
		.attempt = report_attempt,
		.arg = connector,
	};
	struct sku_deadline until = connector->retry.until;
	const char *port = endpoint->port;
	char text[8];

	retry_try(&connector->retry);
	if (endpoint->path != NULL) {
		connector->race = sku_connecting_start_unix(endpoint->path, until, err);
	} else {
		if (endpoint_find_port(endpoint, "tcp", options->address.numeric, &connector->port,
			failure) == -1) {
			if (failure->status == STATUS_NOT_FOUND)
				connector->retry.wanted = false;
			return -1;
		}
		if (!value_is_digits(port)) {
			(void)snprintf(text, sizeof(text), "%hu", (unsigned short)connector->port);
			port = text;
		}
		connector->race = sku_connecting_start(endpoint->host, port, &opts, until, err);
	}
	return connector->race != NULL ? 0 : failure_library(failure, err);
}

static void
end_try(struct connector *connector)
{
	if (connector->loop != NULL)
		loop_unwatch(connector->loop, &connector->io);
	sku_connecting_cancel(connector->race);
	connector->race = NULL;
}

static void
note_mptcp(struct sku_sock *s)
{
	int on = 0;
	socklen_t len = sizeof(on);

	if (sku_getsockopt(s, IPPROTO_TCP, TCP_IS_MPTCP, &on, &len) == -1)
		on = s->protocol == IPPROTO_MPTCP;
	if (!on)
		msg_verbose(1, "no Multipath TCP here or at the peer: plain TCP is used");
}

/* ---- one try after the other --------------------------------------------------------------- */

static void
prepare(struct connector *connector, const struct endpoint *endpoint,
    const struct connect_options *options)
{
	connector->options = options;
	connector->endpoint = endpoint;
	connector->race = NULL;
	connector->port = 0;
	connector->peer.len = 0;
	retry_begin(&connector->retry, options->wait_ns);
}

/* The pause before the next try: 1 while it lasts, 0 when it is over, or -1 if the time is up. */
static int
pause_step(struct connector *connector)
{
	if (connector->retry.tries == 0)
		return 0;
	if (sku_deadline_passed(connector->retry.until)) {
		retry_time_is_up(connector->failure);
		return -1;
	}
	return sku_deadline_passed(connector->retry.next_at) ? 0 : 1;
}

/* Go on with the try, or begin one: 1 if there is more to do, 0 and the socket, or -1 and the
 * failure. */
static int
try_step(struct connector *connector, struct sku_sock *s, struct failure *failure)
{
	struct sku_deadline limit;
	struct sku_error err UNINITIALIZED;
	bool begins = connector->race == NULL;
	int result;

	if (begins && begin_try(connector, &err, failure) == -1)
		return -1;
	result = sku_connecting_step(connector->race, s, &err);
	connector->is_resolving = sku_connecting_is_resolving(connector->race);
	if (result == 1 && begins) {
		limit = sku_deadline_in(connect_timeout(connector->options));
		sku_connecting_set_deadline(
		    connector->race, sku_deadline_earlier(connector->retry.until, limit));
	}
	if (result != 1)
		end_try(connector);
	if (result == -1)
		return failure_library(failure, &err);
	if (result == 0 && connector->options->address.mptcp)
		note_mptcp(s);
	return result;
}

/* The same with --wait: 1 also if another try is to follow.  A failure is larger than a page of the
 * stack, which a program with a single try does not touch. */
static __attribute__((noinline)) int
step_of_many(struct connector *connector, struct sku_sock *s)
{
	struct failure failure UNINITIALIZED;
	char action[SKU_ERROR_CONTEXT_MAX] UNINITIALIZED;
	int result = connector->race == NULL ? pause_step(connector) : 0;

	if (result == -1)
		return -1;
	failure_clear(&failure);
	if (result == 0)
		result = try_step(connector, s, &failure);
	if (result == 0)
		return 0;
	if (result == -1 && connector->retry.tries <= 1)
		failure_clear(connector->failure); /* it may be another connector's */
	if (result == -1 && !retry_again(&connector->retry, connector->failure, &failure))
		return -1;
	retry_say(&connector->retry, connector->failure, action_of(connector, action));
	return 1;
}

/* Do the next step: 1 if there is more to do, 0 and the socket, or -1 and the failure. */
static int
step(struct connector *connector, struct sku_sock *s)
{
	if (connector->options->fd != -1)
		return use_open_socket(connector->options->fd, s, connector->failure);
	if (connector->retry.wanted)
		return step_of_many(connector, s);
	if (connector->loop != NULL)
		failure_clear(connector->failure); /* it may be another connector's */
	return try_step(connector, s, connector->failure);
}

/* Once a connection is lost, the socket does not know its peer any more. */
static void
find_peer(struct connector *connector, const struct sku_sock *s)
{
	struct sku_address peer;

	if (peer_find(s, &peer) == 0)
		connector->peer = peer;
	else
		sku_address_unmap(&connector->peer);
}

/* What the next step waits for: a descriptor (-1: none), and an instant. */
static int
step_fd(const struct connector *connector)
{
	return connector->race != NULL ? sku_connecting_fd(connector->race) : -1;
}

static struct sku_deadline
step_at(const struct connector *connector)
{
	const struct retry *retry = &connector->retry;
	struct sku_deadline at = connector->race != NULL ?
				     sku_connecting_wakes(connector->race) :
				     sku_deadline_earlier(retry->next_at, retry->until);

	return sku_deadline_earlier(at, retry_says_at(retry));
}

/* ---- in a loop ----------------------------------------------------------------------------- */

static void
advance(struct connector *connector)
{
	struct sku_sock sock = SKU_SOCK_INIT;
	struct loop *loop = connector->loop;
	char action[SKU_ERROR_CONTEXT_MAX] UNINITIALIZED;
	int result = step(connector, &sock), error;

	if (result == 1) {
		connector->io.fd = step_fd(connector);
		if ((connector->io.fd == -1 ||
			loop_watch(loop, &connector->io, EPOLLIN | EPOLLOUT) == 0) &&
		    loop_set_timer(loop, &connector->timer, step_at(connector).at_ns) == 0)
			return;
		error = errno;
		failure_clear(connector->failure);
		(void)failure_errno(connector->failure, error, "%s", action_of(connector, action));
	}
	if (result == 0)
		find_peer(connector, &sock);
	connector_cancel(connector);
	connector->done(connector, result == 0 ? &sock : NULL, connector->failure);
}

static void
connector_ready(struct loop *loop, struct loop_io *io, uint32_t events)
{
	(void)loop;
	(void)events;
	advance(LOOP_OWNER(io, struct connector, io));
}

static void
connector_due(struct loop *loop, struct loop_timer *timer)
{
	(void)loop;
	advance(LOOP_OWNER(timer, struct connector, timer));
}

int
connector_start(struct loop *loop, struct connector *connector, const struct endpoint *endpoint,
    const struct connect_options *options)
{
	connector->loop = loop;
	connector->io = (struct loop_io){ .ready = connector_ready, .fd = -1 };
	connector->timer = (struct loop_timer){ .due = connector_due };
	failure_clear(connector->failure);
	prepare(connector, endpoint, options);
	return loop_set_timer(loop, &connector->timer, 0);
}

void
connector_cancel(struct connector *connector)
{
	if (connector->loop == NULL)
		return;
	end_try(connector);
	loop_clear_timer(connector->loop, &connector->timer);
}

/* ---- at once ------------------------------------------------------------------------------- */

/* A function of its own: it needs much of the stack. */
static __attribute__((noinline)) int
fail_interrupted(const struct connector *connector, struct failure *failure)
{
	char action[SKU_ERROR_CONTEXT_MAX];

	return run_wait_failed(failure, ECANCELED, LIMIT_OTHER, "%s", action_of(connector, action));
}

int
connect_now(const struct endpoint *endpoint, const struct connect_options *options,
    struct sku_sock *sock, struct sku_address *peer, struct failure *failure)
{
	struct connector connector = { .loop = NULL, .failure = failure };
	int result;

	prepare(&connector, endpoint, options);
	while ((result = step(&connector, sock)) == 1) {
		/* Only a signal matters here: step() finds out about anything else by itself. */
		if (run_wait_fd(step_fd(&connector), POLLIN | POLLOUT, step_at(&connector)) == -1 &&
		    errno == ECANCELED) {
			end_try(&connector);
			failure_clear(failure);
			return fail_interrupted(&connector, failure);
		}
	}
	if (result == 0 && connector.retry.tries > 1)
		failure_clear(failure); /* that of a try before */
	if (result == 0)
		find_peer(&connector, sock);
	*peer = connector.peer;
	return result;
}

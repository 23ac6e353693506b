/* listen.c - what every listening program does: open a socket, announce it, close it.
 * Row net. */
#include "net/listen.h"

#include "net/connect.h"
#include "net/portfile.h"
#include "net/resolve.h"
#include "net/retry.h"
#include "options/values.h"
#include "run/escape.h"
#include "run/event.h"
#include "run/failure.h"
#include "run/log.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "run/uninitialized.h"
#include "run/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESOLUTION_TIMEOUT (60 * SKU_SECOND)
#define FIRST_LISTEN_FD 3 /* SD_LISTEN_FDS_START of sd_listen_fds(3) */

/* ---- options ------------------------------------------------------------------------------- */

static const char *
allow(void *member, const char *value)
{
	return access_add(member, true, value);
}

static const char *
deny(void *member, const char *value)
{
	return access_add(member, false, value);
}

static const char *
set_socket_mode(void *member, const char *value)
{
	struct socket_mode *mode = member;

	mode->is_given = value_mode(value, &mode->mode);
	return mode->is_given ? NULL : VALUE_MODE_TEXT;
}

static const struct option_row accept_timeout_options[] = {
	SECONDS(0, "accept-timeout", struct timeouts, accept_ns, SKU_NO_TIMEOUT,
	    "end when no peer connected for that long; 0: do not block", .none = 1,
	    .needs = MODE_LISTENS),
	OPTION_END_ROW,
};

const struct option_row listen_options[] = {
	OPTION_INCLUDE_FOR(&run.timeouts, accept_timeout_options),
	FD(0, "ready-fd", struct listen_options, ready_fd,
	    "write the readiness line to descriptor N, too",
	    .needs = MODE_LISTENS | MODE_ANNOUNCES),
	TEXT(OPTION_FILE, 0, "port-file", "FILE", struct listen_options, port_file,
	    "write the port (of a UNIX socket: the path) to FILE",
	    .needs = MODE_LISTENS | MODE_ANNOUNCES,
	    .without = "without it the readiness line alone has the port"),
	COUNT(0, "backlog", "N", struct listen_options, backlog, INT32_MIN, INT32_MAX,
	    SKU_DEFAULT_BACKLOG, "let N connections wait to be accepted",
	    .preset_text = "default: the most that the system lets wait",
	    .needs = MODE_LISTENS | MODE_STREAM | MODE_OPENS),
	VALUE(0, "reuseaddr", struct listen_options, reuseaddr, SKU_REUSEADDR_ON,
	    "bind although old connections linger", .preset_text = "default for TCP",
	    .needs = MODE_LISTENS | MODE_INET | MODE_OPENS),
	VALUE(0, "no-reuseaddr", struct listen_options, reuseaddr, SKU_REUSEADDR_OFF,
	    "do not set SO_REUSEADDR", .needs = MODE_LISTENS | MODE_INET | MODE_OPENS),
	SETS(OPTION_CIDR, 0, "allow", "CIDR", struct listen_options, access, struct access_list,
	    allow, "serve these addresses alone", .repeats = 1, .needs = MODE_LISTENS | MODE_INET),
	SETS(OPTION_CIDR, 0, "deny", "CIDR", struct listen_options, access, struct access_list,
	    deny, "refuse these addresses", .repeats = 1, .needs = MODE_LISTENS | MODE_INET),
	SETS(OPTION_USER, 0, "user", "NAME", struct listen_options, user, struct user, user_parse,
	    "become this user once the socket is open", .needs = MODE_LISTENS),
	SETS(OPTION_OTHER, 0, "socket-mode", "OCTAL", struct listen_options, socket_mode,
	    struct socket_mode, set_socket_mode, "give the path of the UNIX socket that mode",
	    .preset_text = "default: 666, less the umask", .needs = MODE_LISTENS | MODE_PATH),
	TEXT(OPTION_FILE, 0, "log", "FILE", struct listen_options, log_file,
	    "append messages to FILE; SIGHUP opens it anew", .needs = MODE_LISTENS,
	    .without = "without it messages go to standard error"),
	OPTION_END_ROW,
};

static void
take_environment(struct listen_options *config)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	bool for_us = count != NULL && pid != NULL && value_is_digits(pid) &&
		      strtol(pid, NULL, 10) == (long)getpid();

	if (for_us && strcmp(count, "1") != 0)
		opt_usage_error("LISTEN_FDS hands over %.20s sockets: one is taken", count);
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
	if (!for_us)
		return;
	if (config->fd != -1)
		opt_usage_error("a socket comes from --fd and from LISTEN_FDS: one is taken");
	config->fd = FIRST_LISTEN_FD;
	if (fcntl(config->fd, F_GETFD) == -1)
		opt_usage_error(
		    "LISTEN_FDS hands over descriptor %d, which is not open", config->fd);
}

void
listen_take_socket(struct listen_options *config)
{
	take_environment(config);
	if (config->fd != -1 && config->ready_fd == config->fd)
		opt_usage_error("option '--ready-fd' takes a descriptor for the readiness line: "
				"%d is the socket",
		    config->fd);
	if (config->fd != -1)
		fd_leave_standard_streams(&config->fd);
}

/* ---- opening ------------------------------------------------------------------------------- */

static const char *
transport_name(const struct sku_sock *s)
{
	if (s->family == AF_UNIX)
		return s->type == SOCK_DGRAM ? "unixgram" : "unix";
	if (s->type == SOCK_DGRAM)
		return "udp";
	return s->protocol == IPPROTO_MPTCP ? "mptcp" : "tcp";
}

/* Can datagrams reach the socket?  It has a port or a path, or a peer that it is connected to. */
static bool
is_reachable(const struct sku_sock *s)
{
	struct sku_address own, peer;

	if (sku_getpeername(s, &peer) == 0)
		return true;
	return sku_getsockname(s, &own) == 0 &&
	       (own.sa.sa_family == AF_UNIX ? own.len > sizeof(sa_family_t) :
					      sku_address_port(&own) != 0);
}

static int
use_open_socket(struct listener *listener, int fd, struct failure *failure)
{
	struct sku_sock *s = &listener->sock;
	int listening = 0;
	socklen_t len = sizeof(listening);
	struct sku_address peer;

	if (sku_socket_from_fd(s, fd) == -1)
		return failure_errno(failure, errno, "use descriptor %d as a socket", fd_given(fd));
	if ((s->family != AF_INET && s->family != AF_INET6 && s->family != AF_UNIX) ||
	    (s->type != SOCK_STREAM && s->type != SOCK_DGRAM))
		return failure_set(failure, STATUS_FAILED, 0,
		    "it is neither a stream nor a datagram socket of "
		    "IPv4, IPv6 or UNIX",
		    "use descriptor %d", fd_given(fd));
	if (s->type == SOCK_STREAM &&
	    sku_getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && !listening) {
		listener->connected = sku_getpeername(s, &peer) == 0;
		if (!listener->connected && connect_why_no_peer(s) != ENOTCONN)
			return failure_peer(failure, errno, "use descriptor %d", fd_given(fd));
		if (!listener->connected)
			return failure_set(failure, STATUS_FAILED, ENOTCONN,
			    "the socket neither listens nor is connected", "use descriptor %d",
			    fd_given(fd));
	}
	if (s->type == SOCK_DGRAM && !is_reachable(s))
		return failure_set(failure, STATUS_FAILED, 0, "the socket is bound to no address",
		    "use descriptor %d", fd_given(fd));
	return 0;
}

/* A message about a UNIX path that says more than strerror(3), or NULL.  A socket file that may not
 * be written may not be connected to, so that nothing says whether its server lives. */
static const char *
path_hint(const char *path, int errnum)
{
	switch (errnum) {
	case EADDRINUSE:
		return *path == '@' || faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 ?
			   "Address already in use (a living server has this path)" :
			   "Address already in use (a server has this path, or had it: this user "
			   "may not find out)";
	case EEXIST:
		return "there is a file that is no socket, and it is not removed";
	case EACCES:
	case EPERM:
		return access(path, F_OK) == 0 ?
			   "a file is there, and this user may not remove it" :
			   NULL;
	default:
		return NULL;
	}
}

/* The same about any address. */
static const char *
hint(const struct listen_options *config, const struct endpoint *endpoint, int errnum)
{
	if (endpoint->path != NULL)
		return path_hint(endpoint->path, errnum);
	switch (errnum) {
	case EADDRINUSE:
		if (endpoint->port[strspn(endpoint->port, "0")] == '\0')
			return "Address already in use (no port of those that the system gives is "
			       "free: 'ss -uanp' and 'ss -tanp' tell who has them)";
		if (config->address.datagram)
			return "Address already in use ('ss -uanp' tells who has it; port 0 takes "
			       "a "
			       "free one)";
		if (config->reuseaddr == SKU_REUSEADDR_OFF)
			return "Address already in use (by a listener, a connection or, with "
			       "--no-reuseaddr, one that is over: 'ss -tanp' tells; port 0 takes a "
			       "free one)";
		return "Address already in use (by a listener or a connection: 'ss -tanp' tells; "
		       "port 0 takes a free one)";
	case EADDRNOTAVAIL:
		return "Cannot assign requested address (it is none of this machine)";
	case EACCES:
		return "Permission denied (ports below 1024 are for root, or CAP_NET_BIND_SERVICE)";
	default:
		return NULL;
	}
}

static int
open_failure(const struct listen_options *config, const struct endpoint *endpoint,
    const struct sku_error *err, struct failure *failure)
{
	const char *more = err->kind == SKU_ERR_SYSTEM ? hint(config, endpoint, err->code) : NULL;

	if (err->kind != SKU_ERR_SYSTEM || err->code == ETIMEDOUT)
		return failure_library(failure, err);
	return failure_set(failure, STATUS_FAILED, err->code, more, "%s", err->context);
}

/* A name stands for its first IPv4 address, or its first IPv6 address with -6. */
static int
resolve_host(const struct listen_options *config, const char *host, char text[SKU_ADDRESS_TEXT_MAX],
    struct failure *failure)
{
	const struct addrinfo hints = {
		.ai_family = config->address.family == AF_INET6 ? AF_INET6 : AF_INET,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list;
	struct sku_address address;

	if (sku_address_from_numeric(&address, config->address.family, host, 0) == -1) {
		if (resolve_now(host, &hints, sku_deadline_in(RESOLUTION_TIMEOUT), NULL, NULL,
			&list, failure) == -1)
			return -1;
		/* cannot fail: the family is one of the two */
		(void)sku_address_from_addrinfo(&address, list, 0);
		freeaddrinfo(list);
	}
	(void)sku_address_host(&address, text);
	return 0;
}

/* Set the umask so that bind(2) creates the path with its mode: nobody else may connect in between.
 * Returns the old umask. */
static mode_t
set_umask(const struct socket_mode *mode)
{
	mode_t before = umask(0777);

	(void)umask(mode->is_given ? 0777 & ~mode->mode : before | 0111);
	return before;
}

static int
open_once(struct listener *listener, const struct listen_options *config,
    const struct endpoint *endpoint, struct failure *failure)
{
	const struct address_flags *flags = &config->address;
	int type = flags->datagram ? SOCK_DGRAM : SOCK_STREAM;
	/* 0 means 0 here.  For the library, 0 means its default, and -1 means 0. */
	int backlog = config->backlog > 0 ? config->backlog : -1;
	const struct sku_server_opts opts = {
		.family = flags->family,
		.type = type,
		.protocol = flags->mptcp ? IPPROTO_MPTCP : 0,
		.backlog = backlog,
		.reuseaddr = config->reuseaddr,
		.reuseport = config->reuseport,
		.numeric = flags->numeric,
	};
	char host[SKU_ADDRESS_TEXT_MAX];
	struct sku_unix_path bound;
	struct sku_error err;
	unsigned port;
	mode_t before;
	int result;

	if (endpoint->path == NULL && endpoint_find_port(endpoint, flags->datagram ? "udp" : "tcp",
					  flags->numeric, &port, failure) == -1)
		return -1;
	if (endpoint->host != NULL && resolve_host(config, endpoint->host, host, failure) == -1)
		return -1;
	if (endpoint->path != NULL) {
		before = set_umask(&config->socket_mode);
		result = sku_create_unix_server(
		    &listener->sock, endpoint->path, type, backlog, &bound, &err);
		(void)umask(before);
	} else {
		result = sku_create_server(&listener->sock, endpoint->host != NULL ? host : NULL,
		    endpoint->port, &opts, &err);
	}
	if (result == -1)
		return open_failure(config, endpoint, &err, failure);
	return endpoint->path == NULL ? 0 :
					owned_file_take_socket(&listener->unix_path, &bound,
					    endpoint->path, &config->user, failure);
}

/* Open the socket.  While the port or the path is in use, try again as long as --wait says. */
static int
open_in_time(struct listener *listener, const struct listen_options *config,
    const struct endpoint *endpoint, struct failure *failure)
{
	struct retry retry;

	retry_begin(&retry, config->wait_ns);
	for (;;) {
		struct failure now UNINITIALIZED;

		failure_clear(&now);
		retry_try(&retry);
		if (open_once(listener, config, endpoint, &now) == 0) {
			if (retry.tries > 1)
				failure_clear(failure); /* that of a try before */
			return 0;
		}
		retry.wanted = retry.wanted && now.errnum == EADDRINUSE;
		if (retry_pause(&retry, failure, &now) == -1)
			return -1;
	}
}

static int
open_socket(struct listener *listener, const struct listen_options *config,
    const struct endpoint *endpoint, struct failure *failure)
{
	if (open_in_time(listener, config, endpoint, failure) == -1) {
		/* A signal that is the ordinary end is not a failure. */
		if (failure->errnum != ECANCELED || run_is_killed())
			return -1;
		failure_clear(failure);
		return 0;
	}
	if (config->address.mptcp && listener->sock.protocol != IPPROTO_MPTCP)
		msg_verbose(1, "no Multipath TCP here: plain TCP is used");
	return 0;
}

/* The address as the readiness line shows it: `*` for every address of both families. */
static const char *
display_address(const struct listener *listener, char buf[SKU_ADDRESS_TEXT_MAX])
{
	const struct sku_address *a = &listener->address;
	int v6only = 1;
	socklen_t len = sizeof(v6only);

	(void)sku_address_host(a, buf);
	if (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr) &&
	    getsockopt(sku_fileno(&listener->sock), IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &len) ==
		0 &&
	    !v6only)
		return "*";
	return buf;
}

static int
write_port_file(
    struct listener *listener, const struct listen_options *config, struct failure *failure)
{
	char text[SKU_ADDRESS_TEXT_MAX];

	if (listener->sock.family == AF_UNIX)
		(void)sku_address_host(&listener->address, text);
	else
		(void)snprintf(text, sizeof(text), "%u", sku_address_port(&listener->address));
	return portfile_write(
	    &listener->port_file, config->port_file, text, &config->user, failure);
}

int
listener_open(struct listener *listener, const struct listen_options *config,
    const struct endpoint *endpoint, struct failure *failure)
{
	int result;

	if (config->log_file != NULL && log_open(config->log_file, failure) == -1)
		return -1;
	result = config->fd != -1 ? use_open_socket(listener, config->fd, failure) :
				    open_socket(listener, config, endpoint, failure);
	if (result == -1 || sku_fileno(&listener->sock) == -1)
		return result;
	if (sku_settimeout(&listener->sock, 0) == -1 ||
	    sku_getsockname(&listener->sock, &listener->address) == -1)
		return failure_errno(failure, errno, "prepare the socket");
	listener->transport = transport_name(&listener->sock);
	listener->adopted = config->fd != -1;
	return 0;
}

/* ---- announcing ---------------------------------------------------------------------------- */

/* A path is a field of the line: whatever bytes it has, the line is one. */
static char *
readiness_line(const struct listener *listener)
{
	char host[SKU_ADDRESS_TEXT_MAX], *line = NULL;
	int n;

	if (listener->sock.family == AF_UNIX) {
		char *path;

		(void)sku_address_host(&listener->address, host);
		path = escape_text(host, strlen(host), ESCAPE_FIELD, NULL);
		n = path != NULL ? asprintf(&line, "listening %s %s\n", listener->transport, path) :
				   -1;
		free(path);
	} else {
		n = asprintf(&line, "listening %s %s %u\n", listener->transport,
		    display_address(listener, host), sku_address_port(&listener->address));
	}
	return n >= 0 ? line : NULL;
}

static void
emit_listening(const struct listener *listener)
{
	char host[SKU_ADDRESS_TEXT_MAX];

	if (listener->sock.family == AF_UNIX)
		EVENT_RECORD("listening", EVENT_TEXT("transport", listener->transport),
		    EVENT_TEXT("path", sku_address_host(&listener->address, host)));
	else
		EVENT_RECORD("listening", EVENT_TEXT("transport", listener->transport),
		    EVENT_TEXT("address", display_address(listener, host)),
		    EVENT_NUMBER("port", sku_address_port(&listener->address)));
}

/* sd_notify(3): send a datagram to the service manager.  It is not sent if the queue is full. */
static void
notify_manager(void)
{
	static const char ready[] = "READY=1\n";
	const char *path = getenv("NOTIFY_SOCKET");
	struct sku_address address;
	SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;

	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    sku_address_from_path(&address, path) == -1)
		return;
	/* sd_notify(3) counts a path without its final NUL. */
	address.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (sku_socket(&s, AF_UNIX, SOCK_DGRAM, 0) == -1 ||
	    sku_sendto(&s, ready, sizeof(ready) - 1, MSG_DONTWAIT, &address) == -1)
		msg_verbose(1, "notify %s: %s", path, strerror(errno));
}

static int
write_ready_fd(int fd, const char *line, struct failure *failure)
{
	size_t len = strlen(line);

	while (len > 0) {
		ssize_t n = -1;

		/* A pipe that has room takes a whole line without blocking. */
		if (run_wait_fd(fd, POLLOUT, sku_deadline_never()) == 0)
			n = write(fd, line, len);
		if (n == -1 && errno == EPIPE)
			return failure_errno(
			    failure, errno, "write the readiness line to descriptor %d", fd);
		if (n == -1 && errno != EINTR)
			return run_wait_failed(failure, errno, LIMIT_OTHER,
			    "write the readiness line to descriptor %d", fd);
		line += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	if (fd > STDERR_FILENO)
		(void)close(fd);
	return 0;
}

static int
print_readiness(const struct listener *listener, const char *line, struct failure *failure)
{
	if (run.json)
		emit_listening(listener);
	else if (run.stdout_is_data)
		msg_text("%s", line);
	else
		output_record(line, strlen(line));
	return output_flush(failure);
}

int
listener_announce(
    struct listener *listener, const struct listen_options *config, struct failure *failure)
{
	char *line;
	int result = 0;

	if ((config->port_file != NULL && write_port_file(listener, config, failure) == -1) ||
	    user_become(&config->user, failure) == -1)
		return -1;
	if (listener->connected)
		return 0;
	line = readiness_line(listener);
	if (line == NULL)
		return failure_errno(failure, ENOMEM, "announce the socket");
	/* --ready-fd first: a reader of standard output's line may rely on it. */
	if (config->ready_fd != -1)
		result = write_ready_fd(config->ready_fd, line, failure);
	if (result == 0)
		result = print_readiness(listener, line, failure);
	free(line);
	if (result == 0)
		notify_manager();
	return result;
}

void
listener_close(struct listener *listener)
{
	/* Before the close: the kernel does not reuse the inode number of an open socket. */
	owned_file_remove(&listener->port_file);
	owned_file_remove(&listener->unix_path);
	sku_autoclose(&listener->sock);
}

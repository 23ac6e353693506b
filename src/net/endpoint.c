/* endpoint.c - an address from operands: HOST PORT, HOST:PORT, [V6]:PORT or a UNIX path.
 * Row net. */
#include "net/endpoint.h"

#include "libsockutil/sockutil.h"
#include "net/habits.h"
#include "net/host_name.h"
#include "options/values.h"
#include "run/run.h"
#include "run/uninitialized.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS "0123456789"
#define BRACKETS_HINT "for HOST:PORT an IPv6 address needs brackets, [V6]:PORT"

const struct option_row family_options[] = {
	ONE_OF('4', "ipv4", struct address_flags, family, AF_INET, "use IPv4 alone",
	    .needs = MODE_OPENS | MODE_INET),
	ONE_OF('6', "ipv6", struct address_flags, family, AF_INET6, "use IPv6 alone",
	    .needs = MODE_OPENS | MODE_INET),
	FLAG('n', "numeric", struct address_flags, numeric,
	    "HOST and PORT are numeric: look nothing up", .needs = MODE_OPENS | MODE_INET),
	OPTION_END_ROW,
};

const struct option_row address_options[] = {
	{ .kind = OPTION_ROWS, .rows = family_options },
	FLAG('U', "unix", struct address_flags, is_unix,
	    "the operand is the PATH of a UNIX socket, or @NAME"),
	FLAG(0, "mptcp", struct address_flags, mptcp, "use Multipath TCP where there is one",
	    .needs = MODE_OPENS | MODE_INET | MODE_STREAM),
	OPTION_END_ROW,
};

const struct option_row datagram_options[] = {
	FLAG('u', "udp", struct address_flags, datagram,
	    "use datagrams: UDP, or with -U a datagram socket"),
	OPTION_END_ROW,
};

/* The row sets an int that is in no struct. */
struct lone_fd {
	int fd;
};

const struct option_row fd_options[] = {
	FD(0, "fd", struct lone_fd, fd, "use the open socket N; there are no address operands"),
	OPTION_END_ROW,
};

/* The socket of --fd, if it is at another descriptor now. */
static struct {
	int from, to;
} moved = { -1, -1 };

int
fd_given(int fd)
{
	return fd == moved.to ? moved.from : fd;
}

static bool
is_same_socket(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && S_ISSOCK(sa.st_mode) &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

void
fd_leave_standard_streams(int *fd)
{
	if (!is_same_socket(*fd, *fd)) /* the failure is reported later */
		return;
	if (*fd <= STDERR_FILENO) {
		moved.to = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (moved.to == -1)
			opt_usage_error("descriptor %d cannot be used: %s", *fd, strerror(errno));
		moved.from = *fd;
		*fd = moved.to;
	}
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
		if (!is_same_socket(i, *fd))
			continue;
		(void)close(i);
		(void)run_open_null(O_RDWR | O_CLOEXEC); /* it has the lowest number, which is i */
	}
}

struct named_file
endpoint_file(const struct endpoint *endpoint, bool listening)
{
	return (struct named_file){ .what = "PATH",
		.path = endpoint_has_path(endpoint) ? endpoint->path : NULL,
		.is_written = listening };
}

static size_t
count_colons(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == ':';
	return n;
}

/* The ']' that ends a HOST in brackets, or NULL. */
static const char *
bracket_end(const char *text)
{
	return text[0] == '[' ? strchr(text, ']') : NULL;
}

/* The colon before PORT, or NULL.  FILE of @FILE may have colons of its own. */
static const char *
port_colon(const char *operand)
{
	const char *close = bracket_end(operand);

	if (close != NULL)
		return close[1] == ':' ? close + 1 : NULL;
	if (strstr(operand, ":@") != NULL)
		return strstr(operand, ":@");
	return count_colons(operand) == 1 ? strchr(operand, ':') : NULL;
}

bool
operand_has_port(const struct address_flags *flags, const char *operand)
{
	return flags->is_unix || port_colon(operand) != NULL;
}

/* Copy len bytes into a slot of the endpoint's text.  NULL and the failure: they are too long. */
static const char *
copy_text(
    struct endpoint *endpoint, int slot, const char *text, size_t len, struct failure *failure)
{
	if (len >= sizeof(endpoint->text[slot])) {
		(void)opt_misuse(failure, "'%s' is too long for a host or a port", opt_quote(text));
		return NULL;
	}
	memcpy(endpoint->text[slot], text, len);
	endpoint->text[slot][len] = '\0';
	return endpoint->text[slot];
}

/* Is it an address that is valid on one link only? */
static bool
is_of_a_link(const struct sku_address *address)
{
	const struct in6_addr *in6 = &address->in6.sin6_addr;

	return IN6_IS_ADDR_LINKLOCAL(in6) || IN6_IS_ADDR_MC_LINKLOCAL(in6) ||
	       IN6_IS_ADDR_MC_NODELOCAL(in6);
}

/* Check that the zone of an IPv6 address is an interface of this machine, and that a link-local
 * address has one.  The system would only say that the argument is invalid. */
static int
check_zone(const char *host, struct failure *failure)
{
	size_t len = strcspn(host, "%");
	struct sku_address address;

	if (sku_address_from_numeric(&address, AF_INET6, host, 0) == 0 && host[len] == '\0' &&
	    is_of_a_link(&address))
		return opt_misuse(failure,
		    "%s is a link-local address, which needs a zone: %s%%INTERFACE", host, host);
	if (address.len == 0 && errno == ENODEV)
		return opt_misuse(failure,
		    "'%s' is no interface of this machine, and so no zone of %.*s",
		    opt_quote(host + len + 1), (int)len, host);
	return 0;
}

static int
set_host(struct endpoint *endpoint, const char *text, size_t len, struct failure *failure)
{
	bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	struct sku_address address;

	endpoint->host = copy_text(endpoint, 0, text + brackets, len - (brackets ? 2 : 0), failure);
	if (endpoint->host == NULL)
		return -1;
	if (!brackets)
		return 0;
	if (check_zone(endpoint->host, failure) == -1)
		return -1;
	if (sku_address_from_numeric(&address, AF_INET6, endpoint->host, 0) == -1)
		return opt_misuse(failure, "'%s' is no IPv6 address", opt_quote(endpoint->host));
	return 0;
}

static int
set_port(struct endpoint *endpoint, const char *text, struct failure *failure)
{
	if (text[0] == '@') {
		endpoint->port = text;
		endpoint->port_file = text + 1;
		return 0;
	}
	endpoint->port = copy_text(endpoint, 1, text, strlen(text), failure);
	return endpoint->port != NULL ? 0 : -1;
}

static int
split_at_port(struct endpoint *endpoint, const char *operand, struct failure *failure)
{
	const char *colon = port_colon(operand);

	if (set_host(endpoint, operand, (size_t)(colon - operand), failure) == -1)
		return -1;
	return set_port(endpoint, colon + 1, failure);
}

static int
validate_port(
    const struct endpoint *endpoint, bool numeric, bool listening, struct failure *failure)
{
	const char *port = endpoint->port;
	size_t digits = strspn(port, DIGITS);
	int min = listening ? 0 : 1;

	if (endpoint->port_file != NULL && listening)
		return opt_misuse(failure, "'%s' is no PORT to listen on: @FILE is for connecting",
		    opt_quote(port));
	if (endpoint->port_file != NULL)
		return *endpoint->port_file != '\0' ?
			   0 :
			   opt_misuse(failure, "'@' is no PORT: a FILE is missing after it");
	if (port[digits] != '\0' && !numeric && *port != '+' && *port != '-' &&
	    strpbrk(port, " \t\n\v\f\r@") == NULL)
		return 0; /* the name of a service, which has no blank */
	if (digits == 0 || port[digits] != '\0')
		return opt_misuse(failure, "'%s' is no PORT: a number from %d to 65535%s",
		    opt_quote(port), min, numeric ? " (--numeric)" : ", or the name of a service");
	if (strtoul(port, NULL, 10) > 65535 || strtol(port, NULL, 10) < min)
		return opt_misuse(
		    failure, "PORT is a number from %d to 65535, not %s", min, opt_quote(port));
	return 0;
}

/* Is it an IPv6 address, a colon, and something like a port? */
static bool
lacks_brackets(const char *host)
{
	const char *colon = strrchr(host, ':');
	struct sku_address address;
	char text[SKU_ADDRESS_TEXT_MAX];

	if (colon == NULL || !value_is_digits(colon + 1))
		return false;
	(void)snprintf(text, sizeof(text), "%.*s", (int)(colon - host), host);
	return sku_address_from_numeric(&address, AF_INET6, text, 0) == 0;
}

/* Check HOST.  Text that cannot be an address or a name must not reach the resolver. */
static int
validate_host(const char *host, const struct address_flags *flags, struct failure *failure)
{
	struct sku_address address;
	const char *fault;

	if (*host == '\0')
		return opt_misuse(failure, "HOST is empty");
	if (check_zone(host, failure) == -1)
		return -1;
	if (sku_address_from_numeric(&address, flags->family, host, 0) == 0)
		return 0;
	if (sku_address_from_numeric(&address, AF_UNSPEC, host, 0) == 0)
		return opt_misuse(failure, "%s is no IPv%d address", opt_quote(host),
		    flags->family == AF_INET ? 4 : 6);
	if (flags->numeric)
		return opt_misuse(failure, "'%s' is no address (--numeric)", opt_quote(host));
	fault = host_name_fault(host);
	if (fault != NULL && lacks_brackets(host))
		return opt_misuse(failure, "'%s': %s; " BRACKETS_HINT, opt_quote(host), fault);
	if (fault != NULL)
		return opt_misuse(failure, "'%s': %s", opt_quote(host), fault);
	return 0;
}

static int
parse_path(struct endpoint *endpoint, char *const *operands, size_t count, struct failure *failure)
{
	struct sku_address address;

	if (count != 1)
		return opt_misuse(failure, "with --unix there is one operand: PATH");
	endpoint->path = operands[0];
	if (sku_address_from_path(&address, operands[0]) == 0)
		return 0;
	if (errno == ENAMETOOLONG)
		return opt_misuse(failure, "a UNIX path has at most %zu bytes, this one %zu: %s",
		    sizeof(address.un.sun_path), strlen(operands[0]), opt_quote(operands[0]));
	return opt_misuse(failure, "PATH is empty");
}

/* Is it an IPv4 address, and so not PORT? */
static bool
is_quad(const char *text)
{
	struct sku_address address;

	return strchr(text, '.') != NULL &&
	       sku_address_from_numeric(&address, AF_INET, text, 0) == 0;
}

/* Usage errors for operands that suit other programs: a URL, a user, the other order. */
static int
check_habits(char *const *operands, size_t count, const char *form, struct failure *failure)
{
	const char *at = strchr(operands[0], '@'), *url = strstr(operands[0], "://"),
		   *file = strstr(operands[0], ":@"), *path = strstr(operands[0], ":/");

	if (url != NULL && (file == NULL || url < file))
		return opt_misuse(failure, "'%s' is a URL: give %s", opt_quote(operands[0]), form);
	if (habits_is_of_socat(operands[0]))
		return opt_misuse(failure, "'%s' is an address of socat: give %s (or -U PATH)",
		    opt_quote(operands[0]), form);
	if (at != NULL && at > operands[0] && at[-1] != ':') /* else it is @FILE */
		return opt_misuse(failure,
		    "'%s' names a user, who is no part of an address: give %s",
		    opt_quote(operands[0]), form);
	if (path != NULL && path > operands[0] && count_colons(operands[0]) == 1)
		return opt_misuse(failure, "'%s' is a place as scp has it: give %s",
		    opt_quote(operands[0]), form);
	if (count == 2 && operands[0][0] == '@')
		return opt_misuse(failure,
		    "a HOST is missing before '%s', which is a PORT: give %s",
		    opt_quote(operands[0]), form);
	if (count == 2 && value_is_digits(operands[0]) && strlen(operands[0]) < 6 &&
	    !value_is_digits(operands[1]))
		return opt_misuse(failure, "'%s %s' is the wrong way round: give %s",
		    opt_quote(operands[0]), opt_quote(operands[1]), form);
	return 0;
}

/* Set HOST and PORT from one operand or two. */
static int
set_both(struct endpoint *endpoint, const struct address_flags *flags, char *const *operands,
    size_t count, bool listening, const char *form, struct failure *failure)
{
	if (count == 2)
		return set_host(endpoint, operands[0], strlen(operands[0]), failure) == -1 ?
			   -1 :
			   set_port(endpoint, operands[1], failure);
	if (operand_has_port(flags, operands[0]))
		return split_at_port(endpoint, operands[0], failure);
	if (listening && count_colons(operands[0]) == 0 && !is_quad(operands[0])) {
		endpoint->host = flags->family == AF_INET6 ? "::1" : "127.0.0.1";
		endpoint->is_lone_port = true;
		return set_port(endpoint, operands[0], failure);
	}
	if (operands[0][0] == '@')
		return opt_misuse(
		    failure, "a HOST is missing before '%s': %s", opt_quote(operands[0]), form);
	return opt_misuse(failure, "a PORT is missing after '%s': %s", opt_quote(operands[0]),
	    count_colons(operands[0]) > 1 ? "HOST PORT or [HOST]:PORT" : form);
}

int
endpoint_parse(struct endpoint *endpoint, const struct address_flags *flags, char *const *operands,
    size_t count, bool listening, struct failure *failure)
{
	const char *form = listening ? "[HOST] PORT or [HOST:]PORT" : "HOST PORT or HOST:PORT";

	memset(endpoint, 0, sizeof(*endpoint));
	if (flags->is_unix)
		return parse_path(endpoint, operands, count, failure);
	if (count == 0 || count > 2)
		return opt_misuse(failure, "%s operand%s: %s", count == 0 ? "missing" : "too many",
		    count == 0 ? "" : "s", form);
	if (check_habits(operands, count, form, failure) == -1 ||
	    set_both(endpoint, flags, operands, count, listening, form, failure) == -1 ||
	    validate_port(endpoint, flags->numeric, listening, failure) == -1)
		return -1;
	if (listening &&
	    ((count == 1 && *endpoint->host == '\0') || strcmp(endpoint->host, "*") == 0)) {
		endpoint->host = NULL;
		return 0;
	}
	if (strcmp(endpoint->host, "*") == 0)
		return opt_misuse(
		    failure, "'*' is every address, to listen on; to connect, give one HOST");
	return validate_host(endpoint->host, flags, failure);
}

void
endpoint_parse_operands(struct endpoint *endpoint, const struct address_flags *flags,
    char *const *operands, size_t count, bool listening)
{
	static ASIDE struct failure failure;

	if (endpoint_parse(endpoint, flags, operands, count, listening, &failure) == -1)
		opt_fail(&failure);
}

static int
fail_port(struct failure *failure, const char *path, const char *text, const char *more)
{
	char message[120];

	(void)snprintf(message, sizeof(message), "'%s%s' is no port number", text, more);
	return failure_set(failure, STATUS_FAILED, 0, message, "read the port from %s", path);
}

/* Read FILE into text, without the newline at its end: 0, or -1 and the failure. */
static int
read_port_file(const char *path, char *text, size_t size, struct failure *failure)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* do not wait for a FIFO */
	ssize_t n = fd == -1 ? -1 : read(fd, text, size - 1);
	int error = errno;

	if (fd != -1)
		(void)close(fd);
	if (n == -1 && error == EAGAIN)
		n = 0;
	if (n == -1)
		return failure_set(failure, error == ENOENT ? STATUS_NO_PEER : STATUS_FAILED, error,
		    NULL, "read the port from %s", path);
	if (n == 0)
		return failure_set(
		    failure, STATUS_NO_PEER, 0, "it is empty", "read the port from %s", path);
	text[n] = '\0';
	if ((size_t)n == size - 1 || strlen(text) < (size_t)n) /* too long, or it has a NUL */
		return fail_port(failure, path, text, "...");
	if (text[n - 1] == '\n')
		text[n - 1] = '\0';
	return 0;
}

static int
port_from_file(const char *path, unsigned *port, struct failure *failure)
{
	char text[64];
	int number;

	if (read_port_file(path, text, sizeof(text), failure) == -1)
		return -1;
	number = sku_port_from_text(text, NULL, true, NULL);
	if (number > 0) {
		*port = (unsigned)number;
		return 0;
	}
	return fail_port(failure, path, text, "");
}

int
endpoint_find_port(const struct endpoint *endpoint, const char *proto, bool numeric, unsigned *port,
    struct failure *failure)
{
	struct sku_error err UNINITIALIZED;
	int number;

	if (endpoint->port_file != NULL)
		return port_from_file(endpoint->port_file, port, failure);
	number = sku_port_from_text(endpoint->port, proto, numeric, &err);
	if (number != -1) {
		*port = (unsigned)number;
		return 0;
	}
	(void)failure_library(failure, &err);
	if (failure->status == STATUS_NOT_FOUND && endpoint->is_lone_port)
		failure_add(failure, "if it is a HOST, its PORT is missing");
	else if (failure->status == STATUS_NOT_FOUND && endpoint->host != NULL &&
		 strchr(endpoint->host, ':') != NULL)
		failure_add(failure, BRACKETS_HINT);
	return -1;
}

bool
endpoint_parse_source(const char *value, char host[128], unsigned *port)
{
	const struct address_flags numeric = { .numeric = true };
	struct failure failure = { .status = STATUS_OK };
	struct endpoint endpoint = { .port = "0" };
	struct sku_address address;
	int result = operand_has_port(&numeric, value) ?
			 split_at_port(&endpoint, value, &failure) :
			 set_host(&endpoint, value, strlen(value), &failure);

	if (result == -1 || check_zone(endpoint.host, &failure) == -1)
		opt_usage_error("option '--source': %s", failure.message);
	if (endpoint.port_file != NULL || validate_port(&endpoint, true, true, &failure) == -1 ||
	    strlen(endpoint.host) >= 128 ||
	    sku_address_from_numeric(&address, AF_UNSPEC, endpoint.host, 0) == -1)
		return false;
	*port = (unsigned)strtoul(endpoint.port, NULL, 10);
	(void)snprintf(host, 128, "%s", endpoint.host);
	return true;
}

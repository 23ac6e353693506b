/* connecting.c - create_connection(): every address of a name, racing the families, in steps.
 * Row 2: above resolve, socket, address, services and error.
 *
 * RFC 8305 (Happy Eyeballs v2) with the system's resolver instead of a DNS client.  One
 * getaddrinfo(3) asks for both families: that costs least, and it sorts as RFC 6724 says.  If it
 * takes long, perhaps because one family gets no answer, each family is asked for separately, and
 * connecting begins with the addresses that are known.
 *
 * One descriptor stands for the whole race: an epoll(7) with the look-ups and the sockets in it.
 * If there is only one address, it is that address's socket, which costs no system call. */
#include "libsockutil/connecting.h"

#include "libsockutil/resolve.h"
#include "libsockutil/socket.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ATTEMPT_DELAY (250 * SKU_MS)	 /* RFC 8305, section 5: Connection Attempt Delay */
#define RESOLUTION_DELAY (50 * SKU_MS)	 /* RFC 8305, section 3: IPv4 waits for IPv6 */
#define SPLIT_QUERY_DELAY (250 * SKU_MS) /* then each family is asked for separately */
#define FULL_BACKLOG_DELAY (10 * SKU_MS) /* until a UNIX server with a full backlog is retried */

/* An event of the epoll has the number of an attempt, or this one: a look-up is done. */
#define NOTIFY_EVENT UINT64_MAX

enum which_query { QUERY_BOTH, QUERY_IPV6, QUERY_IPV4, QUERY_COUNT };

enum lookups { ASKED_TOGETHER, ASKED_APART, RESOLVED };

/* One address: untried, then in flight (fd is open), then failed (error is set). */
struct attempt {
	struct sku_address address;
	int fd;
	int error;
	bool tried;
	bool source_failed; /* error is about the source */
	int protocol;
};

struct sku_connecting {
	struct sku_connect_opts opts; /* source_host is source now */
	struct sku_address source;    /* its port is opts.source_port; len 0: the system chooses */
	unsigned port;
	struct sku_deadline deadline;

	struct attempt *attempts; /* in RFC 6724 order */
	struct attempt first;	  /* attempts, while there is only one */
	size_t count;
	struct attempt *winner;
	int last_family;
	int epoll_fd; /* -1: there is only one address, and its socket is the descriptor */

	enum lookups lookups;
	struct sku_query *queries[QUERY_COUNT];
	int notify_fd;
	enum sku_error_kind lookup_error_kind; /* why there are no addresses */
	int lookup_error_code;

	struct sku_deadline ask_apart_at;    /* when to ask for each family separately */
	struct sku_deadline may_start_at;    /* no attempt starts before */
	struct sku_deadline next_attempt_at; /* when the next attempt is due */
	struct sku_deadline give_up_at;	     /* with a source port: when the present attempt ends */

	char host[]; /* AF_UNIX: the path */
};

static const struct sku_deadline at_once = { 0 };

/* A race at a time needs no malloc(3): its first use costs a short program as much as connecting to
 * its own machine does. */
static struct {
	atomic_flag is_taken;
	alignas(max_align_t) char bytes[640];
} room;

/* ---- candidates ---------------------------------------------------------------------------- */

static bool
has_address(const struct sku_connecting *c, const struct sku_address *address)
{
	for (size_t i = 0; i < c->count; i++) {
		if (sku_address_equal(&c->attempts[i].address, address))
			return true;
	}
	return false;
}

static int
add_attempt(struct sku_connecting *c, const struct sku_address *address)
{
	struct attempt *grown = &c->first;

	if (has_address(c, address))
		return 0;
	if (c->count > 0)
		grown = realloc(
		    c->attempts != &c->first ? c->attempts : NULL, (c->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	if (c->count == 1)
		*grown = c->first;
	c->attempts = grown;
	c->attempts[c->count++] = (struct attempt){ .address = *address, .fd = -1 };
	return 0;
}

static int
add_list(struct sku_connecting *c, const struct addrinfo *list)
{
	struct sku_address address;

	for (; list != NULL; list = list->ai_next) {
		if (sku_address_from_addrinfo(&address, list, c->port) == 0 &&
		    add_attempt(c, &address) == -1)
			return -1;
	}
	return 0;
}

/* The next address to try: the first untried one of the other family, else the first untried one.
 * NULL: there is none. */
static struct attempt *
next_attempt(const struct sku_connecting *c)
{
	struct attempt *first = NULL;

	for (size_t i = 0; i < c->count; i++) {
		struct attempt *a = &c->attempts[i];

		if (a->tried)
			continue;
		if (first == NULL)
			first = a;
		if (a->address.sa.sa_family != c->last_family)
			return a;
	}
	return first;
}

static unsigned
count_untried(const struct sku_connecting *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += !c->attempts[i].tried;
	return n;
}

/* An attempt that is in flight; NULL: none is. */
static struct attempt *
in_flight(const struct sku_connecting *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->attempts[i].fd != -1)
			return &c->attempts[i];
	}
	return NULL;
}

/* ---- resolving ----------------------------------------------------------------------------- */

/* Open an epoll that reports when a look-up is done.  It is edge-triggered, so the eventfd need not
 * be read. */
static int
open_epoll(struct sku_connecting *c)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = NOTIFY_EVENT };

	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->epoll_fd == -1 || c->notify_fd == -1)
		return -1;
	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->notify_fd, &event);
}

static int
ask(struct sku_connecting *c, enum which_query which, int family)
{
	const struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };

	c->queries[which] = sku_query_start(c->host, NULL, &hints, c->notify_fd);
	return c->queries[which] == NULL ? -1 : 0;
}

/* Add the answer of a query if it is done.  Returns 1 if it is, 0 if not, -1 with errno. */
static int
take_answer(struct sku_connecting *c, enum which_query which)
{
	struct sku_error error = { .code = 0 };
	struct addrinfo *list;
	int result;

	if (c->queries[which] == NULL || !sku_query_done(c->queries[which]))
		return 0;
	result = sku_query_take(c->queries[which], &list, &error);
	c->queries[which] = NULL;
	if (which == QUERY_BOTH) {
		c->lookup_error_kind = error.kind;
		c->lookup_error_code = error.code;
	}
	if (result == -1)
		return 1;
	result = add_list(c, list);
	freeaddrinfo(list);
	return result == -1 ? -1 : 1;
}

/* Ask for each family separately.  If that fails, nothing is lost: the first look-up is still under
 * way. */
static void
ask_apart(struct sku_connecting *c)
{
	c->ask_apart_at = sku_deadline_never();
	if (ask(c, QUERY_IPV6, AF_INET6) == 0 && ask(c, QUERY_IPV4, AF_INET) == 0) {
		c->lookups = ASKED_APART;
		return;
	}
	sku_query_abandon(c->queries[QUERY_IPV6]);
	c->queries[QUERY_IPV6] = NULL;
}

/* Take the answer of either family.  Connecting may begin while the other family is still asked
 * for. */
static int
take_separate_answers(struct sku_connecting *c)
{
	int ipv6 = take_answer(c, QUERY_IPV6), ipv4 = take_answer(c, QUERY_IPV4);

	if (ipv6 == -1 || ipv4 == -1)
		return -1;
	if ((ipv6 == 0 && ipv4 == 0) || c->count == 0)
		return 0;
	if (c->queries[QUERY_IPV6] == NULL && c->queries[QUERY_IPV4] == NULL)
		c->lookups = RESOLVED;
	if (c->queries[QUERY_IPV6] == NULL)
		c->may_start_at = at_once;
	else
		c->may_start_at =
		    sku_deadline_earlier(c->may_start_at, sku_deadline_in(RESOLUTION_DELAY));
	return 0;
}

/* Take the answers that have come, and ask for each family separately when it is time.  Returns 0,
 * or -1 with errno. */
static int
resolve_on(struct sku_connecting *c)
{
	int answered;

	if (c->lookups == RESOLVED)
		return 0;
	answered = take_answer(c, QUERY_BOTH);
	if (answered == 1) {
		c->lookups = RESOLVED;
		c->may_start_at = at_once;
	}
	if (answered != 0)
		return answered == -1 ? -1 : 0;
	if (c->lookups == ASKED_APART)
		return take_separate_answers(c);
	if (sku_deadline_passed(c->ask_apart_at))
		ask_apart(c);
	return 0;
}

/* ---- attempts ------------------------------------------------------------------------------ */

static void
attempt_ended(struct sku_connecting *c, struct attempt *a, int error)
{
	if (a->fd != -1)
		(void)close(a->fd);
	a->fd = -1;
	a->error = error;
	c->next_attempt_at = at_once;
	c->give_up_at = sku_deadline_never();
	if (c->opts.attempt != NULL)
		c->opts.attempt(c->opts.arg, &a->address, error);
}

static int
open_socket(const struct sku_connecting *c, struct attempt *a)
{
	const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int family = a->address.sa.sa_family;

	a->protocol = c->opts.protocol;
	a->fd = socket(family, type, a->protocol);
	if (a->fd == -1 && a->protocol == IPPROTO_MPTCP) {
		a->protocol = 0;
		a->fd = socket(family, type, 0);
	}
	return a->fd == -1 ? -1 : 0;
}

static int
bind_source(const struct sku_connecting *c, struct attempt *a)
{
	const int one = 1;
	struct sku_address source = c->source;

	if (source.len == 0 && c->opts.source_port == 0)
		return 0;
	/* cannot fail: each family has such an address */
	if (source.len == 0)
		(void)sku_address_from_numeric(&source, a->address.sa.sa_family,
		    a->address.sa.sa_family == AF_INET ? "0.0.0.0" : "::", c->opts.source_port);
	if (c->opts.source_port != 0)
		(void)setsockopt(a->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	else
		(void)setsockopt(a->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(a->fd, &source.sa, source.len) == 0)
		return 0;
	a->source_failed = true;
	return -1;
}

static void
abort_connection(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(fd);
}

/* Only a socket that was given the port of the peer can have connected to itself. */
static bool
is_connected_to_itself(const struct attempt *a)
{
	struct sku_address local = { .len = sizeof(local.storage) };

	return a->address.sa.sa_family != AF_UNIX &&
	       getsockname(a->fd, &local.sa, &local.len) == 0 &&
	       sku_address_port(&local) == sku_address_port(&a->address) &&
	       sku_is_connected_to_itself(a->fd);
}

static void
attempt_connected(struct sku_connecting *c, struct attempt *a)
{
	if (is_connected_to_itself(a)) {
		abort_connection(a->fd);
		a->fd = -1;
		attempt_ended(c, a, ECONNREFUSED);
		return;
	}
	if (c->opts.attempt != NULL)
		c->opts.attempt(c->opts.arg, &a->address, 0);
	c->winner = a;
}

/* A source port serves one attempt at a time: each attempt gets its share of the time that is left.
 */
static void
limit_attempt(struct sku_connecting *c)
{
	int64_t left = sku_deadline_left(c->deadline);

	c->give_up_at = left == SKU_NO_TIMEOUT ?
			    sku_deadline_never() :
			    sku_deadline_in(left / (int64_t)(count_untried(c) + 1));
}

/* The kernel connects, and the epoll will report the result. */
static void
attempt_begun(struct sku_connecting *c, struct attempt *a)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.u64 = (uint64_t)(a - c->attempts) };

	if (c->epoll_fd != -1 && epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, a->fd, &event) == -1) {
		attempt_ended(c, a, errno);
		return;
	}
	if (c->opts.source_port == 0) {
		c->next_attempt_at = sku_deadline_in(ATTEMPT_DELAY);
	} else {
		c->next_attempt_at = sku_deadline_never();
		limit_attempt(c);
	}
}

/* Ask what has become of an attempt that is in flight: connect(2) tells, once more. */
static void
check_attempt(struct sku_connecting *c, struct attempt *a)
{
	if (connect(a->fd, &a->address.sa, a->address.len) == 0 || errno == EISCONN)
		attempt_connected(c, a);
	else if (errno != EALREADY && errno != EINPROGRESS && errno != EINTR)
		attempt_ended(c, a, errno);
}

static void
start_attempt(struct sku_connecting *c, struct attempt *a)
{
	a->tried = true;
	c->last_family = a->address.sa.sa_family;
	if (open_socket(c, a) == -1) {
		a->source_failed = c->source.len > 0 && errno == EAFNOSUPPORT;
		attempt_ended(c, a, errno);
	} else if (bind_source(c, a) == -1) {
		attempt_ended(c, a, errno);
	} else if (connect(a->fd, &a->address.sa, a->address.len) == 0) {
		attempt_connected(c, a);
	} else if (errno == EINPROGRESS || errno == EINTR) {
		/* This machine has answered by now. */
		check_attempt(c, a);
		if (c->winner == NULL && a->fd != -1)
			attempt_begun(c, a);
	} else if (errno == EAGAIN && a->address.sa.sa_family == AF_UNIX) {
		/* The server's backlog is full, and no event reports that it is not any more. */
		attempt_ended(c, a, EAGAIN);
		a->tried = false;
		c->next_attempt_at = sku_deadline_in(FULL_BACKLOG_DELAY);
	} else {
		attempt_ended(c, a, errno);
	}
}

/* Check the attempts that are ready, and end one whose time is over. */
static void
check_attempts(struct sku_connecting *c)
{
	struct epoll_event events[8]; /* more events stay ready */
	struct attempt *a = in_flight(c);
	int n = 0;

	if (c->epoll_fd != -1)
		n = epoll_wait(c->epoll_fd, events, sizeof(events) / sizeof(events[0]), 0);
	else if (a != NULL)
		check_attempt(c, a);
	for (int i = 0; i < n && c->winner == NULL; i++) {
		if (events[i].data.u64 != NOTIFY_EVENT)
			check_attempt(c, &c->attempts[events[i].data.u64]);
	}
	if (c->winner == NULL && (a = in_flight(c)) != NULL && sku_deadline_passed(c->give_up_at))
		attempt_ended(c, a, ETIMEDOUT);
}

static void
start_due_attempts(struct sku_connecting *c)
{
	struct attempt *a;

	while (c->winner == NULL && (a = next_attempt(c)) != NULL &&
	       sku_deadline_passed(c->may_start_at) && sku_deadline_passed(c->next_attempt_at))
		start_attempt(c, a);
}

/* ---- what failed --------------------------------------------------------------------------- */

#define SOURCE_TEXT_MAX (SKU_ADDRESS_TEXT_MAX + sizeof(" port 65535"))

/* The source as it was given. */
static const char *
source_text(const struct sku_connecting *c, char text[SOURCE_TEXT_MAX])
{
	char host[SKU_ADDRESS_TEXT_MAX];

	(void)sku_address_host(&c->source, host);
	if (c->opts.source_port != 0)
		(void)snprintf(text, SOURCE_TEXT_MAX, "%s port %hu", host,
		    (unsigned short)c->opts.source_port);
	else
		(void)snprintf(text, SOURCE_TEXT_MAX, "%s", host);
	return text;
}

/* Begin *err with what was tried. */
static void
set_error(const struct sku_connecting *c, const struct attempt *a, int error, struct sku_error *err)
{
	char text[SKU_ADDRESS_TEXT_MAX], source[SOURCE_TEXT_MAX];
	const char *from = a->source_failed ? " from " : "";

	(void)sku_address_host(&a->address, text);
	source[0] = '\0';
	if (a->source_failed && c->source.len > 0)
		(void)source_text(c, source);
	else if (a->source_failed)
		from = " from the port given";
	if (a->address.sa.sa_family == AF_UNIX)
		sku_error_set(err, SKU_ERR_SYSTEM, error, "connect to %s", c->host);
	else if (strcmp(text, c->host) == 0)
		sku_error_set(err, SKU_ERR_SYSTEM, error, "connect to %s port %u%s%s", text,
		    c->port, from, source);
	else
		sku_error_set(err, SKU_ERR_SYSTEM, error, "connect to %s (%s) port %u%s%s", c->host,
		    text, c->port, from, source);
	if (err == NULL)
		return;
	err->source = a->source_failed;
	for (size_t i = 0; i < c->count; i++)
		err->addresses += c->attempts[i].tried;
}

/* Fill *err: every address failed, or there is none. */
static void
set_failure(const struct sku_connecting *c, struct sku_error *err)
{
	char source[SOURCE_TEXT_MAX];

	if (c->count > 0) {
		set_error(c, &c->attempts[0], c->attempts[0].error, err);
		return;
	}
	if (c->source.len == 0)
		sku_error_set(
		    err, c->lookup_error_kind, c->lookup_error_code, "look up %s", c->host);
	else
		sku_error_set(err, c->lookup_error_kind, c->lookup_error_code,
		    "look up %s for a connection from %s", c->host, source_text(c, source));
}

static void
set_timed_out(const struct sku_connecting *c, struct sku_error *err)
{
	const struct attempt *a = in_flight(c);

	/* A UNIX server whose backlog is full has an address, and no attempt in flight. */
	if (a == NULL && c->count > 0 && c->attempts[0].address.sa.sa_family == AF_UNIX)
		a = &c->attempts[0];
	if (a != NULL)
		set_error(c, a, ETIMEDOUT, err);
	else if (c->count > 0 && c->attempts[0].error != 0)
		set_failure(c, err); /* the other family's addresses are still asked for */
	else
		sku_error_set(err, SKU_ERR_SYSTEM, ETIMEDOUT, "look up %s", c->host);
}

/* Time is up for the attempts in flight.  Their sockets stay for sku_connecting_cancel(), which
 * resets them: a connection that came about meanwhile must not look like an empty stream. */
static void
tell_timed_out(const struct sku_connecting *c)
{
	for (size_t i = 0; c->opts.attempt != NULL && i < c->count; i++) {
		if (c->attempts[i].fd != -1)
			c->opts.attempt(c->opts.arg, &c->attempts[i].address, ETIMEDOUT);
	}
}

/* ---- in steps ------------------------------------------------------------------------------ */

static struct sku_connecting *
new_connecting(const char *host, struct sku_deadline deadline)
{
	size_t host_size = strlen(host) + 1, size = sizeof(struct sku_connecting) + host_size;
	bool fits = size <= sizeof(room.bytes) && !atomic_flag_test_and_set(&room.is_taken);
	struct sku_connecting *c = fits ? (void *)room.bytes : malloc(size);

	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	memcpy(c->host, host, host_size);
	c->deadline = deadline;
	c->epoll_fd = c->notify_fd = -1;
	c->lookups = RESOLVED;
	c->ask_apart_at = c->give_up_at = sku_deadline_never();
	return c;
}

/* Copy the options, and find the family that they allow.  Returns 0, or -1 and *err. */
static int
take_options(struct sku_connecting *c, const struct sku_connect_opts *opts, struct sku_error *err)
{
	const char *source = opts->source_host;

	c->opts = *opts;
	c->opts.source_host = NULL;
	if (sku_check_family(opts->family, c->host, err) == -1)
		return -1;
	if (source == NULL)
		return 0;
	if (sku_address_from_numeric(&c->source, AF_UNSPEC, source, opts->source_port) == -1) {
		sku_error_set(err, SKU_ERR_SYSTEM, errno, "connect from %s", source);
		return -1;
	}
	c->opts.family = c->source.sa.sa_family;
	if (opts->family == AF_UNSPEC || opts->family == c->opts.family)
		return 0;
	sku_error_set(
	    err, SKU_ERR_RESOLVE, EAI_ADDRFAMILY, "connect to %s from %s", c->host, source);
	return -1;
}

/* If host is an address, it is the only one; else ask for its addresses.  Returns 0, or -1 and
 * *err. */
static int
begin_resolving(struct sku_connecting *c, struct sku_error *err)
{
	struct sku_address numeric;
	char source[SOURCE_TEXT_MAX];

	if (sku_address_from_numeric(&numeric, c->opts.family, c->host, c->port) == 0) {
		if (add_attempt(c, &numeric) == 0)
			return 0;
	} else if (errno == ENODEV) {
		; /* a look-up would not bring the interface back */
	} else if (c->source.len > 0 &&
		   sku_address_from_numeric(&numeric, AF_UNSPEC, c->host, c->port) == 0) {
		sku_error_set(err, SKU_ERR_RESOLVE, EAI_ADDRFAMILY, "connect to %s port %u from %s",
		    c->host, c->port, source_text(c, source));
		return -1;
	} else if (c->opts.numeric) {
		errno = EINVAL;
	} else if (open_epoll(c) == 0 && ask(c, QUERY_BOTH, c->opts.family) == 0) {
		c->lookups = ASKED_TOGETHER;
		c->may_start_at = sku_deadline_never();
		if (c->opts.family == AF_UNSPEC)
			c->ask_apart_at = sku_deadline_in(SPLIT_QUERY_DELAY);
		return 0;
	}
	sku_error_set(err, SKU_ERR_SYSTEM, errno, "connect to %s port %u", c->host, c->port);
	return -1;
}

struct sku_connecting *
sku_connecting_start(const char *host, const char *port, const struct sku_connect_opts *opts,
    struct sku_deadline deadline, struct sku_error *err)
{
	static const struct sku_connect_opts no_opts = { 0 };
	int number = sku_port_from_text(port, "tcp", opts != NULL && opts->numeric, err);
	struct sku_connecting *c;

	if (number == -1)
		return NULL;
	c = new_connecting(host, deadline);
	if (c == NULL) {
		sku_error_set(err, SKU_ERR_SYSTEM, ENOMEM, "connect to %s port %d", host, number);
		return NULL;
	}
	c->port = (unsigned)number;
	if (take_options(c, opts != NULL ? opts : &no_opts, err) == 0 &&
	    begin_resolving(c, err) == 0)
		return c;
	sku_connecting_cancel(c);
	return NULL;
}

struct sku_connecting *
sku_connecting_start_unix(const char *path, struct sku_deadline deadline, struct sku_error *err)
{
	struct sku_connecting *c = new_connecting(path, deadline);
	struct sku_address address;

	if (c != NULL && sku_address_from_path(&address, path) == 0 &&
	    add_attempt(c, &address) == 0)
		return c;
	sku_error_set(err, SKU_ERR_SYSTEM, errno, "connect to %s", path);
	sku_connecting_cancel(c);
	return NULL;
}

int
sku_connecting_fd(const struct sku_connecting *c)
{
	const struct attempt *only;

	if (c->epoll_fd != -1)
		return c->epoll_fd;
	only = in_flight(c);
	return only != NULL ? only->fd : -1;
}

void
sku_connecting_set_deadline(struct sku_connecting *c, struct sku_deadline deadline)
{
	c->deadline = deadline;
	if (c->opts.source_port != 0 && in_flight(c) != NULL)
		limit_attempt(c);
}

struct sku_deadline
sku_connecting_wakes(const struct sku_connecting *c)
{
	struct sku_deadline wakes = sku_deadline_earlier(c->deadline, c->give_up_at);
	struct sku_deadline next =
	    c->next_attempt_at.at_ns > c->may_start_at.at_ns ? c->next_attempt_at : c->may_start_at;

	if (c->lookups == ASKED_TOGETHER)
		wakes = sku_deadline_earlier(wakes, c->ask_apart_at);
	return next_attempt(c) != NULL ? sku_deadline_earlier(wakes, next) : wakes;
}

bool
sku_connecting_is_resolving(const struct sku_connecting *c)
{
	return c->lookups != RESOLVED;
}

int
sku_connecting_step(struct sku_connecting *c, struct sku_sock *s, struct sku_error *err)
{
	/* Ask the epoll first: an answer that comes after this makes it ready again. */
	check_attempts(c);
	if (c->winner == NULL && resolve_on(c) == -1) {
		sku_error_set(err, SKU_ERR_SYSTEM, errno, "look up %s", c->host);
		return -1;
	}
	start_due_attempts(c);
	if (c->winner != NULL) {
		*s = (struct sku_sock){ c->winner->fd, c->winner->address.sa.sa_family, SOCK_STREAM,
			c->winner->protocol, 0, 0 };
		c->winner->fd = -1;
		return 0;
	}
	if (c->lookups == RESOLVED && next_attempt(c) == NULL && in_flight(c) == NULL) {
		set_failure(c, err);
		return -1;
	}
	if (!sku_deadline_passed(c->deadline))
		return 1;
	tell_timed_out(c);
	set_timed_out(c, err);
	return -1;
}

void
sku_connecting_cancel(struct sku_connecting *c)
{
	int saved = errno;

	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++) {
		if (c->attempts[i].fd != -1)
			abort_connection(c->attempts[i].fd);
	}
	for (enum which_query which = QUERY_BOTH; which < QUERY_COUNT; which++)
		sku_query_abandon(c->queries[which]);
	if (c->notify_fd != -1)
		(void)close(c->notify_fd);
	if (c->epoll_fd != -1)
		(void)close(c->epoll_fd);
	if (c->attempts != &c->first)
		free(c->attempts);
	if ((void *)c == room.bytes)
		atomic_flag_clear(&room.is_taken);
	else
		free(c);
	errno = saved;
}

/* ---- at once ------------------------------------------------------------------------------- */

int
sku_connection_timeout(int64_t *timeout_ns)
{
	if (*timeout_ns == SKU_DEFAULT_TIMEOUT)
		*timeout_ns = sku_getdefaulttimeout();
	if (*timeout_ns >= SKU_NO_TIMEOUT)
		return 0;
	errno = EINVAL;
	return -1;
}

/* Begin *err with what was tried, where it is about no single address. */
static void
set_whole_error(const struct sku_connecting *c, int error, struct sku_error *err)
{
	if (c->port != 0)
		sku_error_set(
		    err, SKU_ERR_SYSTEM, error, "connect to %s port %u", c->host, c->port);
	else
		sku_error_set(err, SKU_ERR_SYSTEM, error, "connect to %s", c->host);
}

int
sku_connecting_finish(
    struct sku_connecting *c, struct sku_sock *s, int64_t timeout_ns, struct sku_error *err)
{
	int result;

	if (c == NULL)
		return -1;
	/* The step checks everything after each wait: only ECANCELED matters here. */
	while ((result = sku_connecting_step(c, s, err)) == 1) {
		if (sku_wait_fd(sku_connecting_fd(c), POLLIN | POLLOUT, sku_connecting_wakes(c)) ==
			-1 &&
		    errno == ECANCELED) {
			set_whole_error(c, ECANCELED, err);
			result = -1;
			break;
		}
	}
	if (result == 0 && sku_settimeout(s, timeout_ns) == -1) {
		set_whole_error(c, errno, err);
		sku_autoclose(s);
		result = -1;
	}
	sku_connecting_cancel(c);
	return result;
}

int
sku_create_connection(struct sku_sock *s, const char *host, const char *port, int64_t timeout_ns,
    const struct sku_connect_opts *opts, struct sku_error *err)
{
	if (sku_connection_timeout(&timeout_ns) == -1) {
		sku_error_set(err, SKU_ERR_SYSTEM, EINVAL, "connect to %s port %s", host, port);
		return -1;
	}
	return sku_connecting_finish(
	    sku_connecting_start(host, port, opts, sku_deadline_in(timeout_ns), err), s, timeout_ns,
	    err);
}

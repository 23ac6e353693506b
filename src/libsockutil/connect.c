/* connect.c - create_connection(): every address of a name, racing the families.
 * Row 2: above resolve, socket, address, services and error.
 *
 * RFC 8305 (Happy Eyeballs v2) with the system's resolver instead of a DNS client.  One
 * getaddrinfo(3) asks for both families: that costs least, and it sorts as RFC 6724 says.  When it
 * takes long, perhaps because no answer comes for one family, each family is asked for separately,
 * and connecting begins with the addresses that are known. */
#include "libsockutil/resolve.h"
#include "libsockutil/socket.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define ATTEMPT_DELAY (250 * SKU_MS)	 /* RFC 8305, section 5: Connection Attempt Delay */
#define RESOLUTION_DELAY (50 * SKU_MS)	 /* RFC 8305, section 3: IPv4 waits for IPv6 */
#define SPLIT_QUERY_DELAY (250 * SKU_MS) /* then each family is asked for separately */

enum which_query { QUERY_BOTH, QUERY_IPV6, QUERY_IPV4, QUERY_COUNT };

/* One address: untried, then in flight (fd is open), then failed (error is set). */
struct address_attempt {
	struct sku_address address;
	int fd;
	int error;
	bool tried;
	int protocol;
};

struct connecting {
	const struct sku_connect_opts *opts;
	const char *host;
	unsigned port;
	struct sku_deadline deadline;

	struct address_attempt *attempts; /* in RFC 6724 order */
	size_t count;
	struct pollfd *pfds; /* as many as attempts, and one for notify_fd */

	struct sku_query *queries[QUERY_COUNT];
	int notify_fd;
	bool resolved;			    /* no more addresses will come */
	struct sku_error lookup_error;	    /* why there are no addresses */
	struct sku_deadline split_query_at; /* when to ask for each family separately */
	struct sku_deadline may_start_at;   /* when connecting may begin */

	struct sku_deadline next_attempt_at; /* when the next attempt is due */
	/* with a source port: when to give this attempt up */
	struct sku_deadline attempt_timeout_at;
	int last_family;
	struct address_attempt *winner;
};

/* ---- candidates ---------------------------------------------------------------------------- */

static bool
has_address(const struct connecting *r, const struct sku_address *address)
{
	for (size_t i = 0; i < r->count; i++) {
		if (sku_address_equal(&r->attempts[i].address, address))
			return true;
	}
	return false;
}

static int
add_attempt(struct connecting *r, const struct sku_address *address)
{
	struct address_attempt *grown;
	struct pollfd *pfds;

	if (has_address(r, address))
		return 0;
	grown = realloc(r->attempts, (r->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	r->attempts = grown;
	pfds = realloc(r->pfds, (r->count + 2) * sizeof(*pfds));
	if (pfds == NULL)
		return -1;
	r->pfds = pfds;
	r->attempts[r->count++] = (struct address_attempt){ .address = *address, .fd = -1 };
	return 0;
}

static int
add_list(struct connecting *r, const struct addrinfo *list)
{
	struct sku_address address;

	for (; list != NULL; list = list->ai_next) {
		if (sku_address_from_addrinfo(&address, list, r->port) == 0 &&
		    add_attempt(r, &address) == -1)
			return -1;
	}
	return 0;
}

/* The next to try: the first untried one of the other family, or else the first untried one. */
static struct address_attempt *
next_attempt(struct connecting *r)
{
	struct address_attempt *first = NULL;

	for (size_t i = 0; i < r->count; i++) {
		struct address_attempt *c = &r->attempts[i];

		if (c->tried)
			continue;
		if (first == NULL)
			first = c;
		if (c->address.sa.sa_family != r->last_family)
			return c;
	}
	return first;
}

static size_t
count_untried(const struct connecting *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += !r->attempts[i].tried;
	return n;
}

static size_t
count_in_flight(const struct connecting *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->attempts[i].fd != -1;
	return n;
}

/* ---- resolving ----------------------------------------------------------------------------- */

static int
start_query(struct connecting *r, enum which_query which, int family)
{
	const struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };

	r->queries[which] = sku_query_start(r->host, &hints, r->notify_fd);
	return r->queries[which] == NULL ? -1 : 0;
}

static int
begin_resolving(struct connecting *r)
{
	struct sku_address numeric;

	r->split_query_at = r->may_start_at = r->next_attempt_at = r->attempt_timeout_at =
	    sku_deadline_never();
	if (sku_address_from_numeric(&numeric, r->opts->family, r->host, r->port) == 0) {
		r->resolved = true;
		r->may_start_at = r->next_attempt_at = (struct sku_deadline){ 0 };
		return add_attempt(r, &numeric);
	}
	if (r->opts->numeric) {
		errno = EINVAL;
		return -1;
	}
	r->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->notify_fd == -1 || start_query(r, QUERY_BOTH, r->opts->family) == -1)
		return -1;
	if (r->opts->family == AF_UNSPEC)
		r->split_query_at = sku_deadline_in(SPLIT_QUERY_DELAY);
	r->pfds = calloc(1, sizeof(*r->pfds));
	return r->pfds == NULL ? -1 : 0;
}

/* Take a query that is done.  Returns 1 if it gave addresses, 0 if none, -1 with errno. */
static int
take_query(struct connecting *r, enum which_query which)
{
	struct sku_error *err = which == QUERY_BOTH ? &r->lookup_error : NULL;
	struct addrinfo *list;
	int result;

	result = sku_query_take(r->queries[which], &list, err);
	r->queries[which] = NULL;
	if (result == -1)
		return 0;
	result = add_list(r, list);
	freeaddrinfo(list);
	return result == -1 ? -1 : 1;
}

static bool
query_ready(const struct connecting *r, enum which_query which)
{
	return r->queries[which] != NULL && sku_query_done(r->queries[which]);
}

/* Take the answers that are there.  Ask for each family separately when it is time. */
static int
resolve_on(struct connecting *r)
{
	bool asked_apart = r->queries[QUERY_IPV6] != NULL || r->queries[QUERY_IPV4] != NULL;
	bool apart_gave = false;
	int result;

	if (r->resolved)
		return 0;
	if (query_ready(r, QUERY_BOTH)) {
		if (take_query(r, QUERY_BOTH) == -1)
			return -1;
		r->resolved = true;
	}
	for (enum which_query which = QUERY_IPV6; which <= QUERY_IPV4; which++) {
		if (!query_ready(r, which))
			continue;
		result = take_query(r, which);
		if (result == -1)
			return -1;
		if (result == 1)
			apart_gave = true;
	}
	if (asked_apart && r->queries[QUERY_IPV6] == NULL && r->queries[QUERY_IPV4] == NULL &&
	    r->count > 0)
		r->resolved = true;
	if (r->resolved || (apart_gave && r->queries[QUERY_IPV6] == NULL))
		r->may_start_at = (struct sku_deadline){ 0 };
	else if (apart_gave)
		r->may_start_at =
		    sku_deadline_earlier(r->may_start_at, sku_deadline_in(RESOLUTION_DELAY));
	if (r->count > 0 && count_in_flight(r) == 0)
		r->next_attempt_at = (struct sku_deadline){ 0 };
	if (!r->resolved && sku_deadline_passed(r->split_query_at)) {
		r->split_query_at = sku_deadline_never();
		if (start_query(r, QUERY_IPV6, AF_INET6) == -1 ||
		    start_query(r, QUERY_IPV4, AF_INET) == -1)
			return -1;
	}
	return 0;
}

/* ---- attempts ------------------------------------------------------------------------------ */

static void
attempt_ended(struct connecting *r, struct address_attempt *c, int error)
{
	if (c->fd != -1)
		(void)close(c->fd);
	c->fd = -1;
	c->error = error;
	r->next_attempt_at = (struct sku_deadline){ 0 };
	r->attempt_timeout_at = sku_deadline_never();
	if (r->opts->attempt != NULL)
		r->opts->attempt(r->opts->arg, &c->address, error);
}

static int
open_socket(struct connecting *r, struct address_attempt *c)
{
	int family = c->address.sa.sa_family;

	c->protocol = r->opts->protocol;
	c->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, c->protocol);
	if (c->fd == -1 && c->protocol == IPPROTO_MPTCP) {
		c->protocol = 0;
		c->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	return c->fd == -1 ? -1 : 0;
}

static int
bind_source(const struct connecting *r, const struct address_attempt *c)
{
	const int one = 1;
	struct sku_address source;
	int family = c->address.sa.sa_family;
	const char *any = family == AF_INET ? "0.0.0.0" : "::";
	const char *host = r->opts->source_host;

	if (host == NULL && r->opts->source_port == 0)
		return 0;
	if (sku_address_from_numeric(
		&source, family, host != NULL ? host : any, r->opts->source_port) == -1) {
		errno = EAFNOSUPPORT; /* the source is an address of the other family */
		return -1;
	}
	if (r->opts->source_port != 0)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	else
		(void)setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(c->fd, &source.sa, source.len);
}

static void
abort_connection(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(fd);
}

static void
attempt_connected(struct connecting *r, struct address_attempt *c)
{
	if (sku_is_connected_to_itself(c->fd)) {
		abort_connection(c->fd);
		c->fd = -1;
		attempt_ended(r, c, ECONNREFUSED);
		return;
	}
	if (r->opts->attempt != NULL)
		r->opts->attempt(r->opts->arg, &c->address, 0);
	r->winner = c;
}

static void
start_attempt(struct connecting *r, struct address_attempt *c)
{
	c->tried = true;
	r->last_family = c->address.sa.sa_family;
	if (open_socket(r, c) == -1 || bind_source(r, c) == -1) {
		attempt_ended(r, c, errno);
		return;
	}
	if (connect(c->fd, &c->address.sa, c->address.len) == 0) {
		attempt_connected(r, c);
		return;
	}
	if (errno != EINPROGRESS && errno != EINTR) {
		attempt_ended(r, c, errno);
		return;
	}
	r->next_attempt_at = sku_deadline_in(ATTEMPT_DELAY);
	if (r->opts->source_port != 0) {
		int64_t left = sku_deadline_left(r->deadline);

		r->next_attempt_at = sku_deadline_never();
		if (left != SKU_NO_TIMEOUT)
			r->attempt_timeout_at =
			    sku_deadline_in(left / (int64_t)(count_untried(r) + 1));
	}
}

static void
check_attempt(struct connecting *r, struct address_attempt *c)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	if (c->fd == -1 || poll(&pfd, 1, 0) != 1)
		return;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		attempt_ended(r, c, error);
	else
		attempt_connected(r, c);
}

static void
check_attempts(struct connecting *r)
{
	for (size_t i = 0; i < r->count && r->winner == NULL; i++) {
		check_attempt(r, &r->attempts[i]);
		if (r->attempts[i].fd != -1 && sku_deadline_passed(r->attempt_timeout_at))
			attempt_ended(r, &r->attempts[i], ETIMEDOUT);
	}
}

/* ---- the race ------------------------------------------------------------------------------ */

static void
wait_for_events(struct connecting *r)
{
	struct sku_deadline wake = sku_deadline_earlier(r->deadline, r->split_query_at);
	nfds_t n = 0;

	wake = sku_deadline_earlier(wake, r->attempt_timeout_at);
	if (count_untried(r) > 0)
		wake = sku_deadline_earlier(wake, r->next_attempt_at.at_ns > r->may_start_at.at_ns ?
						      r->next_attempt_at :
						      r->may_start_at);
	if (!r->resolved)
		r->pfds[n++] = (struct pollfd){ .fd = r->notify_fd, .events = POLLIN };
	for (size_t i = 0; i < r->count; i++) {
		if (r->attempts[i].fd != -1)
			r->pfds[n++] =
			    (struct pollfd){ .fd = r->attempts[i].fd, .events = POLLOUT };
	}
	/* Everything is checked after each return, so neither the result nor EINTR matters. */
	(void)poll(r->pfds, n, sku_deadline_poll_ms(wake));
	if (!r->resolved) {
		uint64_t count;

		(void)!read(r->notify_fd, &count, sizeof(count));
	}
}

/* Returns 0 when connected, or -1: ETIMEDOUT, ECONNREFUSED when every address failed, or the errno
 * of a system call. */
static int
connect_any(struct connecting *r)
{
	for (;;) {
		if (resolve_on(r) == -1)
			return -1;
		check_attempts(r);
		while (r->winner == NULL && count_untried(r) > 0 &&
		       sku_deadline_passed(r->may_start_at) &&
		       sku_deadline_passed(r->next_attempt_at))
			start_attempt(r, next_attempt(r));
		if (r->winner != NULL)
			return 0;
		if (r->resolved && count_untried(r) == 0 && count_in_flight(r) == 0) {
			errno = ECONNREFUSED;
			return -1;
		}
		if (sku_deadline_passed(r->deadline)) {
			errno = ETIMEDOUT;
			return -1;
		}
		wait_for_events(r);
	}
}

static void
set_connect_error(
    const struct connecting *r, const struct address_attempt *c, int error, struct sku_error *err)
{
	char text[SKU_ADDRESS_TEXT_MAX];
	unsigned tried = 0;

	(void)sku_address_host(&c->address, text);
	if (strcmp(text, r->host) == 0)
		sku_error_set(err, SKU_ERR_SYSTEM, error, "connect to %s port %u", text, r->port);
	else
		sku_error_set(err, SKU_ERR_SYSTEM, error, "connect to %s (%s) port %u", r->host,
		    text, r->port);
	for (size_t i = 0; i < r->count; i++)
		tried += r->attempts[i].tried;
	if (err != NULL)
		err->addresses = tried;
}

/* Fill *err after a failure: name the address or the look-up that is the cause. */
static void
set_final_error(const struct connecting *r, int error, struct sku_error *err)
{
	if (error == ETIMEDOUT) {
		for (size_t i = 0; i < r->count; i++) {
			if (r->attempts[i].fd != -1) {
				set_connect_error(r, &r->attempts[i], error, err);
				return;
			}
		}
		sku_error_set(err, SKU_ERR_SYSTEM, error, "look up %s", r->host);
	} else if (error == ECONNREFUSED && r->count > 0) {
		set_connect_error(r, &r->attempts[0], r->attempts[0].error, err);
	} else if (error == ECONNREFUSED && r->lookup_error.kind != SKU_ERR_NONE) {
		if (err != NULL)
			*err = r->lookup_error;
		errno =
		    r->lookup_error.kind == SKU_ERR_SYSTEM ? r->lookup_error.code : EHOSTUNREACH;
	} else {
		sku_error_set(
		    err, SKU_ERR_SYSTEM, error, "connect to %s port %u", r->host, r->port);
	}
}

static void
clean_up(struct connecting *r)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->attempts[i].fd != -1)
			abort_connection(r->attempts[i].fd);
	}
	for (enum which_query which = QUERY_BOTH; which < QUERY_COUNT; which++)
		sku_query_abandon(r->queries[which]);
	if (r->notify_fd != -1)
		(void)close(r->notify_fd);
	free(r->attempts);
	free(r->pfds);
}

int
sku_create_connection(struct sku_sock *s, const char *host, const char *port, int64_t timeout_ns,
    const struct sku_connect_opts *opts, struct sku_error *err)
{
	static const struct sku_connect_opts no_opts = { 0 };
	struct connecting r = {
		.opts = opts != NULL ? opts : &no_opts, .host = host, .notify_fd = -1
	};
	int result, saved, number;

	if (sku_check_family(r.opts->family, host, err) == -1)
		return -1;
	number = sku_port_from_text(port, "tcp", r.opts->numeric, err);
	if (number == -1)
		return -1;
	if (timeout_ns == SKU_DEFAULT_TIMEOUT)
		timeout_ns = sku_getdefaulttimeout();
	r.port = (unsigned)number;
	r.deadline = sku_deadline_in(timeout_ns);
	result = begin_resolving(&r);
	if (result == 0)
		result = connect_any(&r);
	if (result == 0) {
		*s = (struct sku_sock){ r.winner->fd, r.winner->address.sa.sa_family, SOCK_STREAM,
			r.winner->protocol, 0 };
		r.winner->fd = -1;
		result = sku_settimeout(s, timeout_ns);
	} else {
		set_final_error(&r, errno, err);
	}
	saved = errno;
	clean_up(&r);
	errno = saved;
	return result;
}

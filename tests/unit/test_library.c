/* test_library.c - libsockutil: modes, deadlines, errors, and all that needs no other program. */
#include "libsockutil/sockutil.h"

#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Two connected stream sockets. */
static void
make_pair(struct sku_sock pair[2])
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(sku_socket_from_fd(&pair[0], fds[0]), 0);
	assert_int_equal(sku_socket_from_fd(&pair[1], fds[1]), 0);
}

static void
close_pair(struct sku_sock pair[2])
{
	assert_int_equal(sku_close(&pair[0]), 0);
	assert_int_equal(sku_close(&pair[1]), 0);
}

static int64_t
since(int64_t start_ns)
{
	return (sku_now() - start_ns) / SKU_MS;
}

/* A listener on loopback. */
struct listener {
	struct sku_sock sock;
	struct sku_address address;
	char port[8];
};

static void
make_listener(struct listener *l)
{
	assert_int_equal(sku_create_server(&l->sock, "127.0.0.1", "0", NULL, NULL), 0);
	assert_int_equal(sku_getsockname(&l->sock, &l->address), 0);
	(void)snprintf(l->port, sizeof(l->port), "%u", sku_address_port(&l->address));
}

/* ---- deadlines ----------------------------------------------------------------------------- */

static void
deadlines_never_overflow_and_round_up(void **state)
{
	(void)state;
	assert_int_equal(sku_deadline_poll_ms(sku_deadline_never()), -1);
	assert_int_equal(sku_deadline_left(sku_deadline_never()), SKU_NO_TIMEOUT);
	assert_int_equal(sku_deadline_in(-1).at_ns, INT64_MAX);
	assert_int_equal(sku_deadline_in(INT64_MAX).at_ns, INT64_MAX);
	assert_int_equal(sku_deadline_in(INT64_MAX - 1).at_ns, INT64_MAX);
	assert_int_equal(sku_deadline_poll_ms(sku_deadline_in(1)), 0); /* 1 ns has passed by then */
	assert_int_equal(sku_deadline_poll_ms(sku_deadline_in(1500 * SKU_US * 1000)), 1500);
	assert_int_equal(
	    sku_deadline_poll_ms(sku_deadline_in(INT64_C(4000000) * SKU_SECOND)), INT32_MAX);
	assert_true(sku_deadline_passed(sku_deadline_in(0)));
	assert_false(sku_deadline_passed(sku_deadline_in(SKU_SECOND)));
	assert_int_equal(
	    sku_deadline_earlier(sku_deadline_never(), (struct sku_deadline){ 5 }).at_ns, 5);
}

/* ---- errors -------------------------------------------------------------------------------- */

static void
errors_keep_what_and_why(void **state)
{
	struct sku_error err;
	char longer[2 * SKU_ERROR_CONTEXT_MAX];

	(void)state;
	sku_error_set(&err, SKU_ERR_SYSTEM, ECONNREFUSED, "connect to %s", "x");
	assert_int_equal(errno, ECONNREFUSED);
	assert_string_equal(err.context, "connect to x");
	assert_string_equal(sku_error_reason(&err), "Connection refused");
	sku_error_set(NULL, SKU_ERR_RESOLVE, EAI_AGAIN, "look up");
	assert_int_equal(errno, EHOSTUNREACH);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	sku_error_set(&err, SKU_ERR_SYSTEM, ETIMEDOUT, "%s", longer);
	assert_int_equal(strlen(err.context), SKU_ERROR_CONTEXT_MAX - 1);
	assert_string_equal(sku_error_reason(&err), "timed out");
}

/* ---- addresses ----------------------------------------------------------------------------- */

static void
numeric_addresses_are_parsed_and_shown(void **state)
{
	static const struct {
		const char *text;
		int family, found;
		const char *shown;
	} cases[] = {
		{ "127.0.0.1", AF_UNSPEC, AF_INET, "127.0.0.1" },
		{ "127.1", AF_UNSPEC, AF_INET, "127.0.0.1" },
		{ "0x7f.1", AF_INET, AF_INET, "127.0.0.1" },
		{ "::1", AF_UNSPEC, AF_INET6, "::1" },
		{ "::ffff:1.2.3.4", AF_UNSPEC, AF_INET6, "1.2.3.4" },
		{ "fe80::1%lo", AF_UNSPEC, AF_INET6, "fe80::1%lo" },
		{ "::1", AF_INET, 0, NULL },
		{ "127.0.0.1", AF_INET6, 0, NULL },
		{ "1.2.3.999", AF_UNSPEC, 0, NULL },
		{ "1.2.3.4 x", AF_UNSPEC, 0, NULL },
		{ "1.2.3.4\n", AF_UNSPEC, 0, NULL },
		{ "localhost", AF_UNSPEC, 0, NULL },
		{ "", AF_UNSPEC, 0, NULL },
		{ "fe80::1%no-such-interface", AF_UNSPEC, 0, NULL },
		{ "::1::2", AF_UNSPEC, 0, NULL },
	};
	char shown[SKU_ADDRESS_TEXT_MAX];
	struct sku_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int result = sku_address_from_numeric(&address, cases[i].family, cases[i].text, 7);

		assert_int_equal(result, cases[i].found != 0 ? 0 : -1);
		if (result == -1) {
			assert_int_equal(errno, strchr(cases[i].text, '%') ? ENODEV : EINVAL);
			continue;
		}
		assert_int_equal(address.sa.sa_family, cases[i].found);
		assert_int_equal(sku_address_port(&address), 7);
		assert_string_equal(sku_address_host(&address, shown), cases[i].shown);
	}
	assert_int_equal(sku_address_from_numeric(&address, AF_UNSPEC, "::1", 65536), -1);
}

static void
unix_paths_are_never_cut(void **state)
{
	char path[120], shown[SKU_ADDRESS_TEXT_MAX];
	struct sku_address address;

	(void)state;
	memset(path, 'p', sizeof(path));
	path[108] = '\0';
	assert_int_equal(sku_address_from_path(&address, path), 0);
	assert_string_equal(sku_address_host(&address, shown), path);
	path[108] = 'p';
	path[109] = '\0';
	assert_int_equal(sku_address_from_path(&address, path), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(sku_address_from_path(&address, ""), -1);
	assert_int_equal(sku_address_from_path(&address, "@name"), 0);
	assert_int_equal(address.un.sun_path[0], 0);
	assert_string_equal(sku_address_host(&address, shown), "@name");
}

static void
addresses_compare_and_unmap(void **state)
{
	struct sku_address a, b;

	(void)state;
	assert_int_equal(sku_address_from_numeric(&a, AF_UNSPEC, "::ffff:1.2.3.4", 5), 0);
	assert_int_equal(sku_address_from_numeric(&b, AF_UNSPEC, "1.2.3.4", 5), 0);
	assert_false(sku_address_equal(&a, &b));
	sku_address_unmap(&a);
	assert_true(sku_address_equal(&a, &b));
	assert_int_equal(sku_address_from_numeric(&b, AF_UNSPEC, "1.2.3.4", 6), 0);
	assert_false(sku_address_equal(&a, &b));
}

static void
a_path_that_fills_its_address_is_equal_to_itself(void **state)
{
	char directory[] = "/tmp/sockutil-test-XXXXXX", path[109];
	struct sku_address asked, bound;
	struct sku_unix_path kept;
	struct sku_sock s;
	struct sku_error err;

	(void)state;
	assert_non_null(mkdtemp(directory));
	for (size_t len = 107; len <= 108; len++) {
		memset(path, 'p', len);
		path[len] = '\0';
		memcpy(path, directory, strlen(directory));
		path[strlen(directory)] = '/';
		s = (struct sku_sock)SKU_SOCK_INIT;
		assert_int_equal(sku_create_unix_server(&s, path, SOCK_STREAM, 1, &kept, &err), 0);
		assert_int_equal(sku_getsockname(&s, &bound), 0);
		assert_int_equal(sku_address_from_path(&asked, path), 0);
		assert_true(sku_address_equal(&asked, &bound));
		path[len - 1] = 'q';
		assert_int_equal(sku_address_from_path(&asked, path), 0);
		assert_false(sku_address_equal(&asked, &bound));
		sku_unlink_unix_server(&kept);
		assert_int_equal(sku_close(&s), 0);
	}
	assert_int_equal(rmdir(directory), 0);
}

/* ---- sockets ------------------------------------------------------------------------------- */

static void
a_closed_socket_is_ebadf_and_closes_twice(void **state)
{
	struct sku_sock s = SKU_SOCK_INIT, t = SKU_SOCK_INIT;
	struct sku_address address;
	char byte = 0;
	size_t sent;
	int64_t moved;

	(void)state;
	assert_int_equal(sku_socket(&s, AF_INET, SOCK_STREAM, 0), 0);
	assert_true(sku_fileno(&s) >= 0);
	assert_int_equal(fcntl(sku_fileno(&s), F_GETFD), FD_CLOEXEC);
	assert_int_equal(sku_close(&s), 0);
	assert_int_equal(sku_close(&s), 0);
	assert_int_equal(sku_fileno(&s), -1);
	assert_int_equal(sku_address_from_numeric(&address, AF_INET, "127.0.0.1", 1), 0);
#define EBADF_IS(call)                                                                             \
	do {                                                                                       \
		errno = 0;                                                                         \
		assert_int_equal(call, -1);                                                        \
		assert_int_equal(errno, EBADF);                                                    \
	} while (0)
	EBADF_IS(sku_bind(&s, &address));
	EBADF_IS(sku_listen(&s, 1));
	EBADF_IS(sku_accept(&s, &t, NULL));
	EBADF_IS(sku_connect(&s, &address));
	EBADF_IS((int)sku_recv(&s, &byte, 1, 0));
	EBADF_IS((int)sku_recvfrom(&s, &byte, 1, 0, &address));
	EBADF_IS((int)sku_send(&s, &byte, 1, 0));
	EBADF_IS((int)sku_sendto(&s, &byte, 1, 0, &address));
	EBADF_IS(sku_sendall(&s, &byte, 1, 0, &sent));
	EBADF_IS(sku_sendfile(&s, STDIN_FILENO, 0, 1, &moved));
	EBADF_IS(sku_shutdown(&s, SHUT_WR));
	EBADF_IS(sku_settimeout(&s, 0));
	EBADF_IS(sku_setsockopt_int(&s, SOL_SOCKET, SO_KEEPALIVE, 1));
	EBADF_IS(sku_getsockname(&s, &address));
	assert_int_equal(address.len, 0);
	EBADF_IS(sku_getpeername(&s, &address));
	EBADF_IS(sku_detach(&s));
}

static void
who_has_no_peer_gets_an_empty_address(void **state)
{
	SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;
	struct sku_address address;

	(void)state;
	assert_int_equal(sku_socket(&s, AF_INET, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_getpeername(&s, &address), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(address.len, 0);
}

static void
detach_and_autoclose(void **state)
{
	int fd, other;

	(void)state;
	{
		SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;
		SKU_AUTOCLOSE struct sku_sock t = SKU_SOCK_INIT;

		assert_int_equal(sku_socket(&s, AF_INET, SOCK_STREAM, 0), 0);
		assert_int_equal(sku_socket(&t, AF_INET, SOCK_STREAM, 0), 0);
		other = sku_fileno(&t);
		fd = sku_detach(&s);
	}
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(other, F_GETFD), -1);
	assert_int_equal(close(fd), 0);
}

static void
the_three_modes_are_pythons(void **state)
{
	struct sku_sock pair[2];

	(void)state;
	make_pair(pair);
	assert_int_equal(sku_gettimeout(&pair[0]), SKU_NO_TIMEOUT);
	assert_true(sku_getblocking(&pair[0]));
	assert_int_equal(sku_setblocking(&pair[0], false), 0);
	assert_int_equal(sku_gettimeout(&pair[0]), 0);
	assert_false(sku_getblocking(&pair[0]));
	assert_int_equal(sku_settimeout(&pair[0], SKU_SECOND), 0);
	assert_true(sku_getblocking(&pair[0]));
	assert_true((fcntl(sku_fileno(&pair[0]), F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(sku_setblocking(&pair[0], true), 0);
	assert_int_equal(sku_gettimeout(&pair[0]), SKU_NO_TIMEOUT);
	assert_true((fcntl(sku_fileno(&pair[0]), F_GETFL) & O_NONBLOCK) == 0);
	assert_int_equal(sku_settimeout(&pair[0], -7), -1);
	assert_int_equal(errno, EINVAL);
	close_pair(pair);
}

static int64_t
receive_byte(struct sku_sock *s)
{
	char byte;

	return sku_recv(s, &byte, 1, 0);
}

static int64_t
accept_one(struct sku_sock *listener)
{
	struct sku_sock conn = SKU_SOCK_INIT;

	return sku_accept(listener, &conn, NULL);
}

static int64_t
send_8_mib(struct sku_sock *s)
{
	static char data[8 << 20];

	return sku_sendall(s, data, sizeof(data), 0, NULL);
}

static int sending_fd;

static int64_t
send_file(struct sku_sock *s)
{
	int64_t sent;

	return sku_sendfile(s, sending_fd, 0, SKU_SENDFILE_ALL, &sent);
}

/* The operation times out after least to most milliseconds.  A busy machine is late now and then, a
 * wrong limit is late each time: the best of ten tries counts. */
static void
times_out(int64_t (*operation)(struct sku_sock *s), struct sku_sock *s, int64_t least, int64_t most)
{
	int64_t took;
	int tries = 0;

	do {
		int64_t start = sku_now();

		assert_int_equal(operation(s), -1);
		assert_int_equal(errno, ETIMEDOUT);
		took = since(start);
		assert_true(took >= least);
	} while (took >= most && ++tries < 10);
	assert_true(took < most);
}

static void
recv_in_each_mode(void **state)
{
	struct sku_sock pair[2];
	char byte;

	(void)state;
	make_pair(pair);
	assert_int_equal(sku_settimeout(&pair[0], 0), 0);
	assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sku_settimeout(&pair[0], 100 * SKU_MS), 0);
	times_out(receive_byte, &pair[0], 100, 200);
	assert_int_equal(sku_recv(&pair[0], &byte, 0, 0), 0); /* nothing is asked for */
	assert_int_equal(sku_sendall(&pair[1], "x", 1, 0, NULL), 0);
	assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), 1);
	assert_int_equal(sku_close(&pair[1]), 0);
	assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), 0);
	close_pair(pair);
}

static void
the_default_timeout_is_inherited_by_new_and_accepted_sockets(void **state)
{
	struct listener listener;
	struct sku_sock client = SKU_SOCK_INIT, conn = SKU_SOCK_INIT;
	struct sku_address peer;

	(void)state;
	make_listener(&listener);
	assert_int_equal(sku_settimeout(&listener.sock, 0), 0);
	assert_int_equal(
	    sku_create_connection(&client, "127.0.0.1", listener.port, SKU_SECOND, NULL, NULL), 0);
	assert_int_equal(sku_gettimeout(&client), SKU_SECOND);
	assert_int_equal(
	    sku_wait_fd(sku_fileno(&listener.sock), POLLIN, sku_deadline_in(SKU_SECOND)), 0);
	assert_int_equal(sku_accept(&listener.sock, &conn, &peer), 0);
	/* Without a default timeout it is blocking, although the listener is not. */
	assert_int_equal(sku_gettimeout(&conn), SKU_NO_TIMEOUT);
	assert_true((fcntl(sku_fileno(&conn), F_GETFL) & O_NONBLOCK) == 0);
	assert_int_equal(fcntl(sku_fileno(&conn), F_GETFD), FD_CLOEXEC);
	assert_int_equal(sku_address_port(&peer) > 0, 1);
	(void)sku_close(&client);
	(void)sku_close(&conn);

	assert_int_equal(sku_setdefaulttimeout(-5), -1);
	assert_int_equal(sku_setdefaulttimeout(3 * SKU_SECOND), 0);
	assert_int_equal(sku_getdefaulttimeout(), 3 * SKU_SECOND);
	assert_int_equal(sku_create_connection(
			     &client, "127.0.0.1", listener.port, SKU_DEFAULT_TIMEOUT, NULL, NULL),
	    0);
	assert_int_equal(sku_gettimeout(&client), 3 * SKU_SECOND);
	assert_int_equal(sku_settimeout(&listener.sock, SKU_NO_TIMEOUT), 0);
	assert_int_equal(sku_accept(&listener.sock, &conn, NULL), 0);
	assert_int_equal(sku_gettimeout(&conn), 3 * SKU_SECOND);
	assert_int_equal(sku_setdefaulttimeout(SKU_NO_TIMEOUT), 0);
	(void)sku_close(&client);
	(void)sku_close(&conn);
	(void)sku_close(&listener.sock);
}

static void
accept_times_out_and_would_block(void **state)
{
	struct listener listener;
	struct sku_sock conn = SKU_SOCK_INIT;

	(void)state;
	make_listener(&listener);
	assert_int_equal(sku_settimeout(&listener.sock, 0), 0);
	assert_int_equal(sku_accept(&listener.sock, &conn, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sku_settimeout(&listener.sock, 100 * SKU_MS), 0);
	times_out(accept_one, &listener.sock, 100, 200);
	(void)sku_close(&listener.sock);
}

static void
sendall_says_how_much_went(void **state)
{
	struct sku_sock pair[2];
	char *data = calloc(1, 8 << 20);
	size_t sent = 0;

	(void)state;
	make_pair(pair);
	assert_int_equal(sku_settimeout(&pair[0], 100 * SKU_MS), 0);
	assert_int_equal(sku_sendall(&pair[0], data, 8 << 20, 0, &sent), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(sent > 0 && sent < (8 << 20));
	times_out(send_8_mib, &pair[0], 100, 300);
	assert_int_equal(sku_close(&pair[1]), 0);
	/* The program must not get SIGPIPE. */
	assert_int_equal(sku_sendall(&pair[0], data, 10, 0, &sent), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(sent, 0);
	free(data);
	close_pair(pair);
}

/* A peer that takes a few bytes now and then. */
static void *
read_slowly(void *arg)
{
	struct sku_sock *s = arg;
	static char buf[4096];

	for (int i = 0; i < 50; i++) {
		(void)usleep(20000);
		if (sku_recv(s, buf, sizeof(buf), MSG_DONTWAIT) == 0)
			break;
	}
	return NULL;
}

static void
the_deadline_of_sendall_is_one_for_the_whole_call(void **state)
{
	struct sku_sock pair[2];
	pthread_t thread;

	(void)state;
	make_pair(pair);
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &pair[1]), 0);
	assert_int_equal(sku_settimeout(&pair[0], 200 * SKU_MS), 0);
	times_out(send_8_mib, &pair[0], 200, 400);
	assert_int_equal(sku_close(&pair[0]), 0);
	(void)pthread_join(thread, NULL);
	close_pair(pair);
}

static void
ignore_signal(int signum)
{
	(void)signum;
}

/* SIGALRM every 5 ms, without SA_RESTART, interrupts every system call. */
static void
start_storm(void)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	const struct itimerval every = { { 0, 5000 }, { 0, 5000 } };

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static void
stop_storm(void)
{
	const struct itimerval off = { { 0, 0 }, { 0, 0 } };

	assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
}

static void
signals_change_nothing_but_the_time(void **state)
{
	struct listener listener;
	struct sku_sock pair[2];

	(void)state;
	make_pair(pair);
	make_listener(&listener);
	start_storm();
	assert_int_equal(sku_settimeout(&pair[0], 300 * SKU_MS), 0);
	times_out(receive_byte, &pair[0], 300, 350);
	assert_int_equal(sku_settimeout(&listener.sock, 300 * SKU_MS), 0);
	times_out(accept_one, &listener.sock, 300, 350);
	stop_storm();
	close_pair(pair);
	(void)sku_close(&listener.sock);
}

/* Look-ups that need no name server. */
static void
lookups_of_numbers_and_of_this_machine(void **state)
{
	char address[SKU_ADDRESS_TEXT_MAX], name[SKU_HOST_MAX], again[SKU_HOST_MAX];
	struct sku_error err;
	struct sku_host *host;
	struct addrinfo *list;

	(void)state;
	assert_int_equal(
	    sku_gethostbyname("127.0.0.1", AF_INET, address, sku_deadline_never(), &err), 0);
	assert_string_equal(address, "127.0.0.1");
	assert_int_equal(
	    sku_gethostbyname("127.1", AF_INET, address, sku_deadline_in(SKU_SECOND), &err), 0);
	assert_string_equal(address, "127.0.0.1");
	assert_int_equal(
	    sku_gethostbyname("::1", AF_INET, address, sku_deadline_never(), &err), -1);
	assert_int_equal(err.kind, SKU_ERR_RESOLVE);
	assert_int_equal(err.code, EAI_ADDRFAMILY);
	/* Text of the family that was asked for. */
	assert_int_equal(
	    sku_gethostbyname("::ffff:192.0.2.77", AF_INET6, address, sku_deadline_never(), &err),
	    0);
	assert_string_equal(address, "::ffff:192.0.2.77");
	assert_int_equal(sku_gethostbyname_ex(
			     "127.0.0.1", AF_INET, &host, sku_deadline_in(5 * SKU_SECOND), &err),
	    0);
	assert_string_equal(host->addresses[0], "127.0.0.1");
	assert_null(host->addresses[1]);
	sku_host_free(host);
	/* In a form that the resolver would ask a name server for. */
	assert_int_equal(sku_gethostbyname_ex("0x7f.1", 0, &host, sku_deadline_never(), &err), 0);
	assert_int_equal(host->family, AF_INET);
	assert_string_equal(host->name, "0x7f.1");
	assert_null(host->aliases[0]);
	assert_string_equal(host->addresses[0], "127.0.0.1");
	assert_null(host->addresses[1]);
	sku_host_free(host);
	assert_int_equal(
	    sku_getaddrinfo("::1", "7", NULL, &list, sku_deadline_in(SKU_SECOND), &err), 0);
	freeaddrinfo(list);
	assert_int_equal(sku_gethostname(name, sizeof(name)), 0);
	assert_int_equal(gethostname(again, sizeof(again)), 0);
	assert_string_equal(name, again);
	assert_int_equal(sku_gethostname(name, 1), -1);
	assert_int_equal(sku_sethostname(""), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(
	    sku_getfqdn("192.0.2.77", name, sku_deadline_in(20 * SKU_SECOND), &err), 0);
	/* White space is no part of a name, as in Python. */
	assert_int_equal(
	    sku_getfqdn("\t 192.0.2.77\n", again, sku_deadline_in(20 * SKU_SECOND), &err), 0);
	assert_string_equal(again, name);
	assert_int_equal(sku_getfqdn(" ", name, sku_deadline_in(20 * SKU_SECOND), &err), 0);
	assert_int_equal(sku_getfqdn("", again, sku_deadline_in(20 * SKU_SECOND), &err), 0);
	assert_string_equal(again, name);
	(void)sku_has_ipv6();
	(void)sku_has_dualstack_ipv6();
}

static void
services_both_ways(void **state)
{
	char name[64];
	struct sku_error err;

	(void)state;
	assert_int_equal(sku_getservbyname("https", "tcp"), 443);
	assert_int_equal(sku_getservbyname("no-such-service", NULL), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(sku_getservbyport(53, "udp", name, sizeof(name)), 0);
	assert_string_equal(name, "domain");
	assert_int_equal(sku_getservbyport(53, NULL, name, 3), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(sku_getservbyport(65536, NULL, name, sizeof(name)), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sku_port_from_text("0", "tcp", true, &err), 0);
	assert_int_equal(sku_port_from_text("65535", "tcp", true, &err), 65535);
	assert_int_equal(sku_port_from_text("65536", "tcp", true, &err), -1);
	assert_int_equal(sku_port_from_text("99999999999999999999", "tcp", true, &err), -1);
	assert_int_equal(sku_port_from_text("https", "tcp", false, &err), 443);
	assert_int_equal(sku_port_from_text("https", "tcp", true, &err), -1);
	assert_int_equal(sku_port_from_text("", "tcp", false, &err), -1);
}

/* ---- connecting ---------------------------------------------------------------------------- */

static void
create_connection_says_what_failed(void **state)
{
	struct listener listener;
	struct sku_sock s = SKU_SOCK_INIT;
	struct sku_error err;
	char context[64];

	(void)state;
	make_listener(&listener);
	(void)sku_close(&listener.sock);
	assert_int_equal(
	    sku_create_connection(&s, "127.0.0.1", listener.port, SKU_SECOND, NULL, &err), -1);
	assert_int_equal(errno, ECONNREFUSED);
	(void)snprintf(context, sizeof(context), "connect to 127.0.0.1 port %s", listener.port);
	assert_string_equal(err.context, context);
	assert_int_equal(err.addresses, 1);
	assert_int_equal(sku_fileno(&s), -1);
	assert_int_equal(
	    sku_create_connection(&s, "127.0.0.1", "65536", SKU_SECOND, NULL, &err), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sku_create_connection(&s, "localhost", "7", SKU_SECOND,
			     &(struct sku_connect_opts){ .numeric = true }, &err),
	    -1);
	assert_int_equal(errno, EINVAL);
}

/* The library's strdup(3): it can be told to fail. */
static bool strdup_fails;

char *
strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = strdup_fails ? NULL : malloc(size);

	if (copy == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	return memcpy(copy, text, size);
}

/* The library's epoll_wait(2): it can be told to take its time. */
static bool epoll_is_slow;

int
epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms)
{
	if (epoll_is_slow)
		assert_int_equal(usleep(50000), 0);
	return epoll_pwait(epoll_fd, events, max, timeout_ms, NULL);
}

/* The library's getaddrinfo(3), getnameinfo(3) and others: they can be told to take their time, or
 * to lack memory, which glibc reports as an unknown name. */
static _Atomic bool lookup_is_slow;
static bool resolver_lacks_memory;
static const char *service_lacks_memory; /* for this protocol, or "any" */
static _Atomic int asked_family;	 /* of the last look-up */

static void *
slow_down(const char *name)
{
	if (lookup_is_slow)
		(void)usleep(300000);
	return dlsym(RTLD_NEXT, name);
}

int
getaddrinfo(const char *restrict host, const char *restrict service,
    const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	*(void **)&next = slow_down("getaddrinfo");
	asked_family = hints != NULL ? hints->ai_family : AF_UNSPEC;
	if (resolver_lacks_memory) {
		errno = ENOMEM;
		return EAI_NONAME;
	}
	return next(host, service, hints, result);
}

int
gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict ent,
    char *restrict buf, size_t size, struct hostent **restrict found, int *restrict h_error)
{
	int (*next)(const char *, int, struct hostent *, char *, size_t, struct hostent **, int *);

	*(void **)&next = dlsym(RTLD_NEXT, "gethostbyname2_r");
	if (resolver_lacks_memory) {
		*found = NULL;
		*h_error = HOST_NOT_FOUND;
		errno = ENOMEM;
		return 0;
	}
	return next(name, family, ent, buf, size, found, h_error);
}

int
getservbyname_r(const char *restrict name, const char *restrict proto, struct servent *restrict ent,
    char *restrict buf, size_t size, struct servent **restrict found)
{
	int (*next)(
	    const char *, const char *, struct servent *, char *, size_t, struct servent **);

	*(void **)&next = dlsym(RTLD_NEXT, "getservbyname_r");
	if (service_lacks_memory != NULL &&
	    strcmp(service_lacks_memory, proto != NULL ? proto : "any") == 0) {
		*found = NULL;
		return ENOMEM;
	}
	return next(name, proto, ent, buf, size, found);
}

int
getnameinfo(const struct sockaddr *restrict address, socklen_t len, char *restrict host,
    socklen_t host_size, char *restrict service, socklen_t service_size, int flags)
{
	int (*next)(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int);

	*(void **)&next = slow_down("getnameinfo");
	if (resolver_lacks_memory) {
		errno = ENOMEM;
		return EAI_NONAME;
	}
	return next(address, len, host, host_size, service, service_size, flags);
}

static int
wait_and_step(struct sku_connecting *c, struct sku_sock *s, struct sku_error *err)
{
	(void)sku_wait_fd(sku_connecting_fd(c), POLLIN | POLLOUT, sku_connecting_wakes(c));
	return sku_connecting_step(c, s, err);
}

/* The steps of one race, its end included.  One family alone: no thread stays behind. */
static void
expect_connection(const char *host, const char *port, bool resolves)
{
	const struct sku_connect_opts opts = { .family = AF_INET };
	struct sku_sock s = SKU_SOCK_INIT;
	struct sku_error err;
	struct sku_connecting *c =
	    sku_connecting_start(host, port, &opts, sku_deadline_in(10 * SKU_SECOND), &err);
	int result, fd;

	assert_non_null(c);
	assert_int_equal(sku_connecting_is_resolving(c), resolves);
	result = sku_connecting_step(c, &s, &err);
	/* This machine may answer at once. */
	assert_int_not_equal(result, -1);
	fd = sku_connecting_fd(c);
	assert_true(fd != -1 || result == 0);
	assert_false(sku_deadline_passed(sku_connecting_wakes(c)));
	while (result == 1) {
		assert_int_equal(sku_connecting_fd(c), fd);
		result = wait_and_step(c, &s, &err);
	}
	assert_int_equal(result, 0);
	assert_false(sku_connecting_is_resolving(c));
	assert_int_equal(sku_lookup_threads(), 0);
	assert_int_equal(sku_gettimeout(&s), 0);
	assert_true((fcntl(sku_fileno(&s), F_GETFL) & O_NONBLOCK) != 0);
	sku_connecting_cancel(c);
	assert_int_equal(sku_send(&s, "x", 1, 0), 1); /* it is the caller's */
	(void)sku_close(&s);
}

static void
connecting_in_steps_has_one_descriptor(void **state)
{
	struct listener listener;
	int before;

	(void)state;
	make_listener(&listener);
	before = count_descriptors();
	expect_connection("127.0.0.1", listener.port, false);
	expect_connection("localhost", listener.port, true);
	assert_int_equal(count_descriptors(), before);
	(void)sku_close(&listener.sock);
}

/* A look-up is done while a step is under way: the step must not take that for old news. */
static void
an_answer_during_a_step_is_not_lost(void **state)
{
	struct listener listener;
	struct sku_sock s = SKU_SOCK_INIT;
	int result;

	(void)state;
	make_listener(&listener);
	epoll_is_slow = true;
	result = sku_create_connection(&s, "localhost", listener.port, 5 * SKU_SECOND,
	    &(struct sku_connect_opts){ .family = AF_INET }, NULL);
	epoll_is_slow = false;
	assert_int_equal(result, 0);
	(void)sku_close(&s);
	(void)sku_close(&listener.sock);
}

static void
connecting_in_steps_ends_at_its_deadline(void **state)
{
	const struct sku_server_opts opts = { .backlog = -1 };
	struct sku_sock listener = SKU_SOCK_INIT, s = SKU_SOCK_INIT, held[8];
	struct sku_address address;
	struct sku_connecting *c;
	struct sku_error err;
	char port[8];
	int before = count_descriptors(), descriptors, result = 0;
	size_t n = 0;

	(void)state;
	assert_int_equal(sku_create_server(&listener, "127.0.0.1", "0", &opts, NULL), 0);
	assert_int_equal(sku_getsockname(&listener, &address), 0);
	(void)snprintf(port, sizeof(port), "%u", sku_address_port(&address));
	/* Nobody accepts, so that the backlog is full at last. */
	for (; n < sizeof(held) / sizeof(held[0]); n++) {
		int64_t start = sku_now();

		c = sku_connecting_start(
		    "127.0.0.1", port, NULL, sku_deadline_in(200 * SKU_MS), &err);
		assert_non_null(c);
		while ((result = sku_connecting_step(c, &held[n], &err)) == 1)
			(void)sku_wait_fd(
			    sku_connecting_fd(c), POLLIN | POLLOUT, sku_connecting_wakes(c));
		sku_connecting_cancel(c);
		if (result == -1) {
			assert_true(since(start) >= 200);
			break;
		}
	}
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ETIMEDOUT);
	assert_int_equal(err.addresses, 1);
	/* Given up half-way, too.  Of an address the socket is the descriptor, and there is no
	 * other. */
	descriptors = count_descriptors();
	c = sku_connecting_start("127.0.0.1", port, NULL, sku_deadline_never(), &err);
	assert_non_null(c);
	assert_int_equal(count_descriptors(), descriptors);
	assert_int_equal(sku_connecting_step(c, &s, &err), 1);
	assert_int_equal(count_descriptors(), descriptors + 1);
	assert_true(sku_connecting_fd(c) != -1);
	assert_int_equal(sku_connecting_wakes(c).at_ns - sku_deadline_never().at_ns, 0);
	/* A deadline that is set later holds. */
	sku_connecting_set_deadline(c, sku_deadline_in(20 * SKU_MS));
	while ((result = wait_and_step(c, &s, &err)) == 1)
		;
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ETIMEDOUT);
	sku_connecting_cancel(c);
	assert_int_equal(count_descriptors(), descriptors);
	while (n > 0)
		(void)sku_close(&held[--n]);
	(void)sku_close(&listener);
	assert_int_equal(count_descriptors(), before);
}

static void
connecting_in_steps_to_a_unix_path(void **state)
{
	struct sku_sock listener = SKU_SOCK_INIT, first = SKU_SOCK_INIT, s = SKU_SOCK_INIT;
	struct sku_sock accepted = SKU_SOCK_INIT;
	struct sku_unix_path bound = SKU_UNIX_PATH_INIT;
	struct sku_connecting *c;
	struct sku_error err;
	char name[64];
	int before = count_descriptors(), result;

	(void)state;
	(void)snprintf(name, sizeof(name), "@sockutil-test-%ld", (long)getpid());
	assert_null(sku_connecting_start_unix("", sku_deadline_never(), &err));
	assert_int_equal(err.code, EINVAL);
	c = sku_connecting_start_unix(name, sku_deadline_in(SKU_SECOND), &err);
	assert_int_equal(sku_connecting_step(c, &s, &err), -1);
	assert_int_equal(err.code, ECONNREFUSED);
	sku_connecting_cancel(c);
	assert_int_equal(sku_create_unix_server(&listener, name, SOCK_STREAM, -1, &bound, NULL), 0);
	c = sku_connecting_start_unix(name, sku_deadline_in(SKU_SECOND), &err);
	assert_int_equal(sku_connecting_step(c, &first, &err), 0);
	sku_connecting_cancel(c);
	/* The backlog is full: there is an instant to wait for, and no descriptor. */
	c = sku_connecting_start_unix(name, sku_deadline_in(50 * SKU_MS), &err);
	assert_int_equal(sku_connecting_step(c, &s, &err), 1);
	assert_int_equal(sku_connecting_fd(c), -1);
	assert_true(sku_deadline_left(sku_connecting_wakes(c)) < 50 * SKU_MS);
	while ((result = wait_and_step(c, &s, &err)) == 1)
		;
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ETIMEDOUT);
	assert_string_equal(err.context + strlen("connect to "), name);
	sku_connecting_cancel(c);
	c = sku_connecting_start_unix(name, sku_deadline_never(), &err);
	assert_int_equal(sku_connecting_step(c, &s, &err), 1);
	assert_int_equal(sku_accept(&listener, &accepted, NULL), 0);
	while ((result = wait_and_step(c, &s, &err)) == 1)
		;
	assert_int_equal(result, 0);
	sku_connecting_cancel(c);
	(void)sku_close(&s);
	(void)sku_close(&first);
	(void)sku_close(&accepted);
	(void)sku_close(&listener);
	assert_int_equal(count_descriptors(), before);
}

static void
only_addresses_of_the_sources_family_are_tried(void **state)
{
	struct listener listener;
	const struct sku_connect_opts from_ipv4 = { .source_host = "127.0.0.1" };
	struct sku_sock s = SKU_SOCK_INIT;
	struct sku_address own;
	struct sku_error err;
	char context[80];
	int before = count_descriptors();

	(void)state;
	make_listener(&listener);
	assert_int_equal(
	    sku_create_connection(&s, "localhost", listener.port, SKU_SECOND, &from_ipv4, &err), 0);
	assert_int_equal(sku_getsockname(&s, &own), 0);
	assert_int_equal(own.sa.sa_family, AF_INET);
	(void)sku_close(&s);
	assert_int_equal(
	    sku_create_connection(&s, "::1", listener.port, SKU_SECOND, &from_ipv4, &err), -1);
	assert_int_equal(err.kind, SKU_ERR_RESOLVE);
	assert_int_equal(err.code, EAI_ADDRFAMILY);
	assert_int_equal(
	    sku_create_connection(&s, "localhost", listener.port, SKU_SECOND,
		&(struct sku_connect_opts){ .family = AF_INET6, .source_host = "127.0.0.1" }, &err),
	    -1);
	assert_int_equal(err.code, EAI_ADDRFAMILY);
	/* A source that is no address, one that is not ours, and one whose port is taken. */
	assert_int_equal(sku_create_connection(&s, "127.0.0.1", listener.port, SKU_SECOND,
			     &(struct sku_connect_opts){ .source_host = "localhost" }, &err),
	    -1);
	assert_int_equal(err.code, EINVAL);
	assert_string_equal(err.context, "connect from localhost");
	assert_int_equal(sku_create_connection(&s, "127.0.0.1", listener.port, SKU_SECOND,
			     &(struct sku_connect_opts){ .source_host = "192.0.2.1" }, &err),
	    -1);
	assert_int_equal(err.code, EADDRNOTAVAIL);
	assert_true(err.source);
	(void)snprintf(
	    context, sizeof(context), "connect to 127.0.0.1 port %s from 192.0.2.1", listener.port);
	assert_string_equal(err.context, context);
	assert_int_equal(sku_create_connection(&s, "127.0.0.1", listener.port, SKU_SECOND,
			     &(struct sku_connect_opts){ .source_host = "127.0.0.1",
				 .source_port = sku_address_port(&listener.address) },
			     &err),
	    -1);
	assert_int_equal(err.code, EADDRINUSE);
	assert_true(err.source);
	(void)sku_close(&listener.sock);
	assert_int_equal(
	    sku_create_connection(&s, "127.0.0.1", listener.port, SKU_SECOND, NULL, &err), -1);
	assert_false(err.source);
	assert_int_equal(count_descriptors(), before);
}

static void
a_failed_start_leaves_nothing_behind(void **state)
{
	struct listener listener;
	struct rlimit limit, low;
	struct sku_sock s = SKU_SOCK_INIT;
	struct sku_error err;
	char text[SKU_ADDRESS_TEXT_MAX], name[SKU_HOST_MAX];
	int before;

	(void)state;
	make_listener(&listener);
	before = count_descriptors();
	errno = 0;
	assert_int_equal(sku_create_connection(&s, "127.0.0.1", listener.port, -3, NULL, &err), -1);
	assert_int_equal(err.code, EINVAL);
	assert_int_equal(sku_fileno(&s), -1);
	assert_null(
	    sku_connecting_start("127.0.0.1", "no such service", NULL, sku_deadline_never(), &err));
	strdup_fails = true;
	assert_null(
	    sku_connecting_start("localhost", listener.port, NULL, sku_deadline_never(), &err));
	assert_int_equal(err.code, ENOMEM);
	assert_null(sku_resolving_start("localhost", NULL, NULL, sku_deadline_never(), &err));
	assert_int_equal(err.code, ENOMEM);
	{
		struct addrinfo *found;
		struct sku_host *host;

		assert_int_equal(sku_getaddrinfo("127.0.0.1", listener.port, NULL, &found,
				     sku_deadline_never(), &err),
		    -1);
		assert_int_equal(err.code, ENOMEM);
		assert_int_equal(
		    sku_gethostbyname_ex("localhost", AF_INET, &host, sku_deadline_never(), &err),
		    -1);
		assert_int_equal(err.code, ENOMEM);
	}
	strdup_fails = false;
	assert_int_equal(count_descriptors(), before);
	/* One descriptor is left, and a race by name wants two. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	for (low.rlim_cur = 3; fcntl((int)low.rlim_cur, F_GETFD) != -1; low.rlim_cur++)
		;
	low.rlim_cur++;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_null(
	    sku_connecting_start("localhost", listener.port, NULL, sku_deadline_never(), &err));
	assert_int_equal(err.code, EMFILE);
	/* None is left for the files that the resolver reads. */
	low.rlim_cur--;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(
	    sku_create_datagram(&s, "localhost", listener.port, SKU_NO_TIMEOUT, NULL, &err), -1);
	assert_int_equal(err.kind, SKU_ERR_SYSTEM);
	assert_int_equal(err.code, EMFILE);
	assert_int_equal(sku_gethostbyname("localhost", 0, text, sku_deadline_never(), &err), -1);
	assert_int_equal(err.code, EMFILE);
	assert_int_equal(sku_getfqdn("127.0.0.1", name, sku_deadline_never(), &err), -1);
	assert_int_equal(err.code, EMFILE);
	assert_int_equal(sku_getservbyname("ssh", "tcp"), -1);
	assert_int_equal(errno, EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(count_descriptors(), before);
	(void)sku_close(&listener.sock);
}

/* Each look-up that lacks memory says so, and none says that the name is not known. */
static void
a_lookup_without_memory_is_no_unknown_name(void **state)
{
	static const char *const protocols[] = { "any", "tcp", "udp" };
	const struct sku_deadline deadlines[] = { sku_deadline_never(),
		sku_deadline_in(20 * SKU_SECOND) };
	struct addrinfo *found;
	struct sku_address address;
	struct sku_error err;
	struct sku_host *host;
	char text[SKU_HOST_MAX];

	(void)state;
	assert_int_equal(sku_address_from_numeric(&address, AF_UNSPEC, "127.0.0.1", 7), 0);
	for (int d = 0; d < 2; d++) {
		struct sku_deadline deadline = deadlines[d];

		resolver_lacks_memory = true;
		assert_int_equal(
		    sku_gethostbyname_ex("localhost", AF_INET, &host, deadline, &err), -1);
		assert_int_equal(err.code, EAI_MEMORY);
		assert_null(host);
		assert_int_equal(sku_gethostbyname("localhost", 0, text, deadline, &err), -1);
		assert_int_equal(err.code, EAI_MEMORY);
		assert_int_equal(sku_gethostbyaddr("localhost", &host, deadline, &err), -1);
		assert_int_equal(err.code, EAI_MEMORY);
		assert_int_equal(sku_getfqdn("localhost", text, deadline, &err), -1);
		assert_int_equal(err.code, EAI_MEMORY);
		assert_int_equal(
		    sku_getnameinfo(&address, text, sizeof(text), NULL, 0, 0, deadline, &err), -1);
		assert_int_equal(err.code, EAI_MEMORY);
		resolver_lacks_memory = false;
		/* With one protocol missing, it would be the answer to another question. */
		for (int i = 0; i < 3; i++) {
			service_lacks_memory = protocols[i];
			assert_int_equal(
			    sku_getaddrinfo("127.0.0.1", "domain", NULL, &found, deadline, &err),
			    -1);
			assert_int_equal(err.kind, SKU_ERR_SYSTEM);
			assert_int_equal(err.code, ENOMEM);
			assert_string_equal(err.context, "look up service domain");
		}
		service_lacks_memory = NULL;
	}
}

static void
resolving_in_steps(void **state)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	struct sku_resolving *r;
	struct addrinfo *found;
	struct sku_address address;
	struct sku_error err;
	int before = count_descriptors(), result;

	(void)state;
	r = sku_resolving_start("localhost", NULL, &hints, sku_deadline_in(10 * SKU_SECOND), &err);
	assert_non_null(r);
	while ((result = sku_resolving_step(r, &found, &err)) == 1)
		assert_int_equal(
		    sku_wait_fd(sku_resolving_fd(r), POLLIN, sku_resolving_wakes(r)), 0);
	assert_int_equal(result, 0);
	sku_resolving_cancel(r);
	assert_int_equal(sku_address_from_addrinfo(&address, found, 7), 0);
	assert_int_equal(sku_address_port(&address), 7);
	freeaddrinfo(found);
	r = sku_resolving_start("256.256.256.256", NULL,
	    &(struct addrinfo){ .ai_flags = AI_NUMERICHOST }, sku_deadline_never(), &err);
	assert_non_null(r);
	while ((result = sku_resolving_step(r, &found, &err)) == 1)
		assert_int_equal(
		    sku_wait_fd(sku_resolving_fd(r), POLLIN, sku_resolving_wakes(r)), 0);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, EAI_NONAME);
	assert_string_equal(err.context, "look up 256.256.256.256");
	assert_null(found);
	sku_resolving_cancel(r);
	/* Given up, perhaps before it has begun. */
	r = sku_resolving_start("127.0.0.1", NULL, &(struct addrinfo){ .ai_flags = AI_NUMERICHOST },
	    sku_deadline_never(), &err);
	sku_resolving_cancel(r);
	sku_resolving_cancel(NULL);
	assert_int_equal(count_descriptors(), before);
}

static void
create_server_dual_stack(void **state)
{
	struct sku_sock listener = SKU_SOCK_INIT, s = SKU_SOCK_INIT;
	const struct sku_server_opts opts = { 0 };
	struct sku_address address;
	char port[8];

	(void)state;
	/* A kernel may support IPv6 and have no IPv6 address. */
	if (!sku_has_dualstack_ipv6() ||
	    sku_create_server(&listener, "::1", "0", &opts, NULL) == -1) {
		(void)printf("# skip: there is no IPv6 here\n");
		skip();
	}
	(void)sku_close(&listener);
	assert_int_equal(sku_create_server(&listener, NULL, "0", &opts, NULL), 0);
	assert_int_equal(sku_getsockname(&listener, &address), 0);
	(void)snprintf(port, sizeof(port), "%u", sku_address_port(&address));
	assert_int_equal(sku_create_connection(&s, "127.0.0.1", port, SKU_SECOND, NULL, NULL), 0);
	(void)sku_close(&s);
	assert_int_equal(sku_create_connection(&s, "::1", port, SKU_SECOND, NULL, NULL), 0);
	(void)sku_close(&s);
	(void)sku_close(&listener);
}

/* ---- sendfile ------------------------------------------------------------------------------ */

/* Make a file of n bytes, where byte i has the value i. */
static int
make_file(size_t n)
{
	char name[] = "/tmp/sockutil-test-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd != -1);
	assert_int_equal(unlink(name), 0);
	for (size_t i = 0; i < n; i++) {
		unsigned char byte = (unsigned char)i;

		assert_int_equal(write(fd, &byte, 1), 1);
	}
	return fd;
}

static void
expect_bytes(struct sku_sock *s, size_t from, size_t count)
{
	unsigned char buf[2000];
	size_t got = 0;

	while (got < count) {
		ssize_t n = sku_recv(s, buf + got, sizeof(buf) - got, 0);

		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_int_equal(got, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf[i], (unsigned char)(from + i));
	assert_int_equal(sku_recv(s, buf, 1, MSG_DONTWAIT), -1);
}

static void
sendfile_has_pythons_offset_and_count(void **state)
{
	int fd = make_file(1000);
	struct sku_sock pair[2];
	int64_t sent;

	(void)state;
	make_pair(pair);
	assert_int_equal(lseek(fd, 100, SEEK_SET), 100); /* sku_sendfile() ignores it */
	assert_int_equal(sku_sendfile(&pair[0], fd, 0, SKU_SENDFILE_ALL, &sent), 0);
	assert_int_equal(sent, 1000);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 1000);
	expect_bytes(&pair[1], 0, 1000);
	assert_int_equal(sku_sendfile(&pair[0], fd, 10, 20, &sent), 0);
	assert_int_equal(sent, 20);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 30);
	expect_bytes(&pair[1], 10, 20);
	assert_int_equal(sku_sendfile(&pair[0], fd, 990, 20, &sent), 0);
	assert_int_equal(sent, 10);
	expect_bytes(&pair[1], 990, 10);
	assert_int_equal(sku_sendfile(&pair[0], fd, 2000, SKU_SENDFILE_ALL, &sent), 0);
	assert_int_equal(sent, 0);
	assert_int_equal(sku_sendfile(&pair[0], fd, -1, SKU_SENDFILE_ALL, &sent), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sku_sendfile(&pair[0], fd, 0, 0, &sent), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sku_sendfile(&pair[0], fd, INT64_MAX, 1, &sent), -1);
	assert_int_equal(close(fd), 0);
	close_pair(pair);
}

static void
sendfile_falls_back_for_pipes_and_proc(void **state)
{
	static const char text[] = "0123456789";
	struct sku_sock pair[2];
	char buf[4096];
	int64_t sent;
	int fds[2], fd;

	(void)state;
	make_pair(pair);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, 10), 10);
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(sku_sendfile(&pair[0], fds[0], 3, SKU_SENDFILE_ALL, &sent), 0);
	assert_int_equal(sent, 7);
	assert_int_equal(sku_recv(&pair[1], buf, sizeof(buf), 0), 7);
	assert_memory_equal(buf, "3456789", 7);
	assert_int_equal(close(fds[0]), 0);
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_int_equal(sku_sendfile(&pair[0], fd, 0, SKU_SENDFILE_ALL, &sent), 0);
	assert_true(sent > 100);
	assert_true(sku_recv(&pair[1], buf, sizeof(buf), 0) > 100);
	assert_int_equal(close(fd), 0);
	fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_int_equal(sku_sendfile(&pair[0], fd, 0, 500, &sent), 0);
	assert_int_equal(sent, 500);
	assert_int_equal(close(fd), 0);
	fd = open("/", O_RDONLY | O_CLOEXEC);
	assert_int_equal(sku_sendfile(&pair[0], fd, 0, SKU_SENDFILE_ALL, &sent), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(close(fd), 0);
	assert_int_equal(sku_settimeout(&pair[0], 100 * SKU_MS), 0);
	assert_int_equal(sku_sendfile(&pair[0], -1, 0, SKU_SENDFILE_ALL, &sent), -1);
	assert_int_equal(errno, EBADF);
	close_pair(pair);
}

/* The library's sendfile(2): it can find no room where poll(2) says that there is some. */
static bool there_is_no_room;

ssize_t
sendfile(int to, int from, off_t *offset, size_t count)
{
	if (there_is_no_room) {
		errno = EAGAIN;
		return -1;
	}
#ifdef SYS_sendfile64 /* where off_t is longer than a long */
	return syscall(SYS_sendfile64, to, from, offset, count);
#else
	return syscall(SYS_sendfile, to, from, offset, count);
#endif
}

static void
sendfile_does_not_outlast_its_timeout_without_progress(void **state)
{
	int fd = make_file(1);
	struct sku_sock pair[2];
	clock_t used = clock();
	int64_t sent;

	(void)state;
	make_pair(pair);
	assert_int_equal(sku_settimeout(&pair[0], 200 * SKU_MS), 0);
	there_is_no_room = true;
	(void)alarm(20); /* it would be for ever */
	assert_int_equal(sku_sendfile(&pair[0], fd, 0, SKU_SENDFILE_ALL, &sent), -1);
	(void)alarm(0);
	there_is_no_room = false;
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(sent, 0);
	assert_true(clock() - used < CLOCKS_PER_SEC / 10);
	assert_int_equal(close(fd), 0);
	close_pair(pair);
}

static void
sendfile_times_out_says_how_much_and_raises_no_sigpipe(void **state)
{
	int fd = make_file(1);
	struct sku_sock pair[2];
	int64_t sent, start;

	(void)state;
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	make_pair(pair);
	assert_int_equal(sku_settimeout(&pair[0], 100 * SKU_MS), 0);
	sending_fd = fd;
	start = sku_now();
	assert_int_equal(sku_sendfile(&pair[0], fd, 0, SKU_SENDFILE_ALL, &sent), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(sent > 0 && sent < (64 << 20));
	assert_true(since(start) >= 100);
	times_out(send_file, &pair[0], 100, 400);
	assert_int_equal(sku_settimeout(&pair[0], 0), 0);
	assert_int_equal(sku_sendfile(&pair[0], fd, 0, SKU_SENDFILE_ALL, &sent), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sku_settimeout(&pair[0], SKU_SECOND), 0);
	assert_int_equal(sku_close(&pair[1]), 0);
	assert_int_equal(sku_sendfile(&pair[0], fd, 0, SKU_SENDFILE_ALL, &sent), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(close(fd), 0);
	close_pair(pair);
}

static void
sendfile_does_not_wait_longer_for_a_pipe_than_for_a_peer(void **state)
{
	static const struct {
		int64_t timeout_ns;
		int error;
	} modes[] = { { 100 * SKU_MS, ETIMEDOUT }, { 0, EAGAIN } };
	struct sku_sock pair[2];
	int fds[2];
	int64_t sent, start;

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		for (int64_t offset = 0; offset < 4; offset += 3) {
			make_pair(pair);
			assert_int_equal(pipe(fds), 0);
			assert_int_equal(write(fds[1], "\0\1", 2), 2);
			assert_int_equal(sku_settimeout(&pair[0], modes[m].timeout_ns), 0);
			start = sku_now();
			assert_int_equal(
			    sku_sendfile(&pair[0], fds[0], offset, SKU_SENDFILE_ALL, &sent), -1);
			assert_int_equal(errno, modes[m].error);
			assert_int_equal(sent, offset == 0 ? 2 : 0);
			assert_true(since(start) >= modes[m].timeout_ns / SKU_MS);
			expect_bytes(&pair[1], 0, (size_t)sent);
			assert_int_equal(close(fds[0]), 0);
			assert_int_equal(close(fds[1]), 0);
			close_pair(pair);
		}
	}
}

/* ---- threads ------------------------------------------------------------------------------- */

static void *
talk_to_server(void *arg)
{
	const char *port = arg;
	static const char message[] = "from a thread";
	char reply[sizeof(message)];

	for (int i = 0; i < 50; i++) {
		SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;
		char address[SKU_ADDRESS_TEXT_MAX];

		if (sku_create_connection(&s, "localhost", port, 10 * SKU_SECOND,
			&(struct sku_connect_opts){ .family = AF_INET }, NULL) == -1 ||
		    sku_sendall(&s, message, sizeof(message), 0, NULL) == -1 ||
		    sku_recv(&s, reply, sizeof(reply), MSG_WAITALL) != sizeof(reply) ||
		    sku_gethostbyname(
			"127.0.0.1", AF_INET, address, sku_deadline_in(SKU_SECOND), NULL) == -1)
			return "failed";
	}
	return NULL;
}

static void *
serve_threads(void *arg)
{
	struct sku_sock *listener = arg;
	char buf[64];

	for (int i = 0; i < 4 * 50; i++) {
		SKU_AUTOCLOSE struct sku_sock conn = SKU_SOCK_INIT;
		ssize_t n;

		if (sku_accept(listener, &conn, NULL) == -1)
			return "failed";
		n = sku_recv(&conn, buf, sizeof(buf), 0);
		if (n <= 0 || sku_sendall(&conn, buf, (size_t)n, 0, NULL) == -1)
			return "failed";
	}
	return NULL;
}

static void
threads_use_different_sockets(void **state)
{
	struct listener listener;
	pthread_t threads[4], server;
	void *result;

	(void)state;
	make_listener(&listener);
	assert_int_equal(pthread_create(&server, NULL, serve_threads, &listener.sock), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, talk_to_server, listener.port), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	assert_int_equal(pthread_join(server, &result), 0);
	assert_null(result);
	(void)sku_close(&listener.sock);
}

/* ---- families, and datagram sockets that connect to themselves ----------------------------- */

static void
a_family_is_one_of_two_or_zero(void **state)
{
	static const int others[] = { AF_UNIX, 99, -1, INT32_MAX };
	static const char *const names[] = { "localhost", "127.0.0.1", "::1",
		"no-such-host.invalid" };
	struct sku_deadline deadlines[] = { sku_deadline_never(),
		sku_deadline_in(10 * SKU_SECOND) };
	char text[SKU_ADDRESS_TEXT_MAX];
	struct sku_address address;
	struct sku_host *host;
	struct sku_error err;

	(void)state;
	for (size_t d = 0; d < 2; d++) {
		assert_int_equal(
		    sku_gethostbyname_ex("localhost", 0, &host, deadlines[d], &err), 0);
		assert_int_equal(host->family, AF_INET);
		assert_string_equal(host->addresses[0], "127.0.0.1");
		sku_host_free(host);
		assert_int_equal(sku_gethostbyname("localhost", 0, text, deadlines[d], &err), 0);
		assert_string_equal(text, "127.0.0.1");
		assert_int_equal(sku_gethostbyname("127.0.0.1", 0, text, deadlines[d], &err), 0);
		assert_string_equal(text, "127.0.0.1");
	}
	for (size_t f = 0; f < sizeof(others) / sizeof(others[0]); f++) {
		const struct sku_connect_opts connect_opts = { .family = others[f] };
		const struct sku_server_opts server_opts = { .family = others[f] };

		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			struct sku_sock s = SKU_SOCK_INIT;

			for (size_t d = 0; d < 2; d++) {
				memset(&err, 0, sizeof(err));
				assert_int_equal(sku_gethostbyname_ex(names[n], others[f], &host,
						     deadlines[d], &err),
				    -1);
				assert_null(host);
				assert_int_equal(err.kind, SKU_ERR_RESOLVE);
				assert_int_equal(err.code, EAI_FAMILY);
				memset(&err, 0, sizeof(err));
				assert_int_equal(sku_gethostbyname(
						     names[n], others[f], text, deadlines[d], &err),
				    -1);
				assert_int_equal(err.code, EAI_FAMILY);
			}
			assert_int_equal(
			    sku_address_from_numeric(&address, others[f], names[n], 0), -1);
			memset(&err, 0, sizeof(err));
			assert_int_equal(sku_create_connection(
					     &s, names[n], "9", SKU_SECOND, &connect_opts, &err),
			    -1);
			assert_int_equal(err.code, EAI_FAMILY);
			memset(&err, 0, sizeof(err));
			assert_int_equal(
			    sku_create_server(&s, names[n], "0", &server_opts, &err), -1);
			assert_int_equal(err.code, EAI_FAMILY);
			assert_int_equal(sku_create_server(&s, NULL, "0", &server_opts, &err), -1);
			assert_int_equal(sku_fileno(&s), -1);
		}
	}
}

/* Bind a datagram socket to host and port, which is 0 or was free before.  Returns false if the
 * port is in use now. */
static bool
bind_datagram(struct sku_sock *s, int family, const char *host, unsigned port)
{
	struct sku_address address;

	assert_int_equal(sku_socket(s, family, SOCK_DGRAM, 0), 0);
	assert_int_equal(sku_address_from_numeric(&address, family, host, port), 0);
	return sku_bind(s, &address) == 0;
}

static void
a_datagram_socket_is_never_its_own_peer(void **state)
{
	static const struct {
		int family;
		const char *host;
	} ends[] = { { AF_INET, "127.0.0.1" }, { AF_INET6, "::1" } };
	static const int64_t modes[] = { SKU_NO_TIMEOUT, 0, SKU_SECOND };
	struct sku_sock s = SKU_SOCK_INIT;
	struct sku_address own, now;
	char byte = 'x';

	(void)state;
	for (size_t e = 0; e < 2 * 3; e++) {
		int family = ends[e / 3].family;
		const char *host = ends[e / 3].host;

		if (family == AF_INET6 && !sku_has_ipv6())
			continue;
		/* The system chose the port: the socket gets another one. */
		assert_true(bind_datagram(&s, family, host, 0));
		assert_int_equal(sku_settimeout(&s, modes[e % 3]), 0);
		assert_int_equal(sku_getsockname(&s, &own), 0);
		assert_int_equal(sku_connect(&s, &own), 0);
		assert_int_equal(sku_getsockname(&s, &now), 0);
		assert_false(sku_address_equal(&own, &now));
		(void)sku_close(&s);
		/* The program chose the port: the connection is refused. */
		while (!bind_datagram(&s, family, host, sku_address_port(&own))) {
			(void)sku_close(&s);
			assert_true(bind_datagram(&s, family, host, 0));
			assert_int_equal(sku_getsockname(&s, &own), 0);
			(void)sku_close(&s);
		}
		assert_int_equal(sku_settimeout(&s, modes[e % 3]), 0);
		errno = 0;
		assert_int_equal(sku_connect(&s, &own), -1);
		assert_int_equal(errno, ECONNREFUSED);
		assert_int_equal(sku_send(&s, &byte, 1, 0), -1);
		assert_int_equal(errno, EDESTADDRREQ);
		(void)sku_close(&s);
	}
	/* UNIX: a socket's own name is refused.  Two sockets without a name are not the same. */
	assert_int_equal(sku_socket(&s, AF_UNIX, SOCK_DGRAM, 0), 0);
	own = (struct sku_address){ .un.sun_family = AF_UNIX, .len = sizeof(sa_family_t) };
	assert_int_equal(sku_bind(&s, &own), 0);
	assert_int_equal(sku_getsockname(&s, &own), 0);
	assert_int_equal(sku_connect(&s, &own), -1);
	assert_int_equal(errno, ECONNREFUSED);
	(void)sku_close(&s);
	{
		struct sku_sock named = SKU_SOCK_INIT;

		assert_int_equal(sku_socket(&named, AF_UNIX, SOCK_DGRAM, 0), 0);
		own = (struct sku_address){ .un.sun_family = AF_UNIX, .len = sizeof(sa_family_t) };
		assert_int_equal(sku_bind(&named, &own), 0);
		assert_int_equal(sku_getsockname(&named, &own), 0);
		assert_int_equal(sku_socket(&s, AF_UNIX, SOCK_DGRAM, 0), 0);
		assert_int_equal(sku_connect(&s, &own), 0);
		assert_int_equal(sku_send(&s, &byte, 1, 0), 1);
		(void)sku_close(&s);
		(void)sku_close(&named);
	}
}

/* ---- the type of a socket, and its flags --------------------------------------------------- */

static void
flags_in_a_type_are_no_part_of_it(void **state)
{
	static const int flags[] = { 0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK };
	static const int64_t defaults[] = { SKU_NO_TIMEOUT, 0, 5 * SKU_SECOND };

	(void)state;
	for (size_t f = 0; f < 4; f++) {
		for (size_t d = 0; d < 3; d++) {
			int64_t timeout_ns = (flags[f] & SOCK_NONBLOCK) != 0 ? 0 : defaults[d];
			struct sku_sock s = SKU_SOCK_INIT;

			assert_int_equal(sku_setdefaulttimeout(defaults[d]), 0);
			assert_int_equal(sku_socket(&s, AF_INET, SOCK_STREAM | flags[f], 0), 0);
			assert_int_equal(s.type, SOCK_STREAM);
			assert_int_equal(sku_gettimeout(&s), timeout_ns);
			assert_int_equal(sku_getblocking(&s), timeout_ns != 0);
			assert_int_equal(
			    (fcntl(sku_fileno(&s), F_GETFL) & O_NONBLOCK) != 0, timeout_ns >= 0);
			assert_int_equal(fcntl(sku_fileno(&s), F_GETFD), FD_CLOEXEC);
			assert_int_equal(sku_close(&s), 0);
			assert_int_equal(sku_setdefaulttimeout(SKU_NO_TIMEOUT), 0);
		}
	}
}

static void
a_server_whose_type_has_flags_listens(void **state)
{
	static const int types[] = { SOCK_STREAM | SOCK_CLOEXEC, SOCK_STREAM | SOCK_NONBLOCK,
		SOCK_CLOEXEC, SOCK_NONBLOCK };
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@sockutil-test-%ld", (long)getpid());
	for (size_t i = 0; i < 4 + 2; i++) {
		const struct sku_server_opts opts = { .type = types[i % 4], .backlog = 5 };
		struct sku_sock s = SKU_SOCK_INIT, client = SKU_SOCK_INIT;
		struct sku_unix_path bound = SKU_UNIX_PATH_INIT;
		struct sku_address address;
		int listens = 0;
		socklen_t len = sizeof(listens);

		if (i < 4)
			assert_int_equal(sku_create_server(&s, "127.0.0.1", "0", &opts, NULL), 0);
		else
			assert_int_equal(
			    sku_create_unix_server(&s, name, types[i - 4], 5, &bound, NULL), 0);
		assert_int_equal(sku_getsockopt(&s, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len), 0);
		assert_int_equal(listens, 1);
		assert_int_equal(s.type, SOCK_STREAM);
		assert_int_equal(sku_getblocking(&s), (types[i % 4] & SOCK_NONBLOCK) == 0);
		/* A stream socket, so that it can be connected, and send a file. */
		assert_int_equal(sku_getsockname(&s, &address), 0);
		assert_int_equal(sku_socket(&client, s.family, SOCK_STREAM | SOCK_CLOEXEC, 0), 0);
		assert_int_equal(sku_connect(&client, &address), 0);
		assert_int_equal(sku_sendfile(&client, STDIN_FILENO, 0, 0, NULL), -1);
		assert_int_equal(errno, EINVAL); /* count 0 */
		{
			int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

			assert_int_equal(sku_sendfile(&client, fd, 0, 10, NULL), 0);
			assert_int_equal(close(fd), 0);
		}
		(void)sku_close(&client);
		(void)sku_close(&s);
	}
	/* A datagram socket with a flag is connected as one: never to itself. */
	{
		struct sku_sock s = SKU_SOCK_INIT;
		struct sku_address own, now;

		assert_int_equal(sku_socket(&s, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 0);
		assert_int_equal(sku_address_from_numeric(&own, AF_INET, "127.0.0.1", 0), 0);
		assert_int_equal(sku_bind(&s, &own), 0);
		assert_int_equal(sku_getsockname(&s, &own), 0);
		assert_int_equal(sku_connect(&s, &own), 0);
		assert_int_equal(sku_getsockname(&s, &now), 0);
		assert_false(sku_address_equal(&own, &now));
		(void)sku_close(&s);
	}
}

/* ---- connecting, with what the caller set -------------------------------------------------- */

static struct timeval
send_timeout(struct sku_sock *s)
{
	struct timeval tv = { 0, 0 };
	socklen_t len = sizeof(tv);

	assert_int_equal(sku_getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, &len), 0);
	return tv;
}

/* A stream server at a name, whose backlog is full. */
static void
make_busy_server(
    struct sku_sock *s, struct sku_sock *first, const char *name, struct sku_address *address)
{
	struct sku_unix_path bound = SKU_UNIX_PATH_INIT;

	assert_int_equal(sku_create_unix_server(s, name, SOCK_STREAM, 1, &bound, NULL), 0);
	assert_int_equal(sku_listen(s, 0), 0);
	assert_int_equal(sku_getsockname(s, address), 0);
	assert_int_equal(sku_socket(first, AF_UNIX, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_connect(first, address), 0);
}

static void
connecting_keeps_what_the_caller_set(void **state)
{
	static const int64_t modes[] = { SKU_NO_TIMEOUT, 100 * SKU_MS };
	const struct timeval limit = { 0, 200000 };
	struct sku_sock server = SKU_SOCK_INIT, first = SKU_SOCK_INIT, s = SKU_SOCK_INIT;
	struct sku_sock held[8];
	struct sku_address address;
	char name[64];
	size_t n = 0;
	int result = 0;

	(void)state;
	(void)snprintf(name, sizeof(name), "@sockutil-test-%ld", (long)getpid());
	make_busy_server(&server, &first, name, &address);
	for (size_t m = 0; m < 2; m++) {
		int64_t start = sku_now();

		assert_int_equal(sku_socket(&s, AF_UNIX, SOCK_STREAM, 0), 0);
		assert_int_equal(
		    sku_setsockopt(&s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
		assert_int_equal(sku_settimeout(&s, modes[m]), 0);
		assert_int_equal(sku_connect(&s, &address), -1);
		assert_int_equal(errno, modes[m] > 0 ? ETIMEDOUT : EAGAIN);
		assert_true(since(start) >= (modes[m] > 0 ? 100 : 200));
		assert_int_equal(send_timeout(&s).tv_usec / 10000, 20);
		assert_int_equal((fcntl(sku_fileno(&s), F_GETFL) & O_NONBLOCK) != 0, modes[m] > 0);
		(void)sku_close(&s);
	}
	(void)sku_close(&first);
	(void)sku_close(&server);
	/* TCP: a blocking socket gives up as SO_SNDTIMEO says. */
	assert_int_equal(sku_socket(&server, AF_INET, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_address_from_numeric(&address, AF_INET, "127.0.0.1", 0), 0);
	assert_int_equal(sku_bind(&server, &address), 0);
	assert_int_equal(sku_listen(&server, 0), 0);
	assert_int_equal(sku_getsockname(&server, &address), 0);
	for (; n < 8; n++) {
		assert_int_equal(sku_socket(&held[n], AF_INET, SOCK_STREAM, 0), 0);
		assert_int_equal(
		    sku_setsockopt(&held[n], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
		result = sku_connect(&held[n], &address);
		if (result == -1)
			break;
	}
	assert_int_equal(result, -1);
	assert_int_equal(errno, EINPROGRESS);
	for (size_t i = 0; i <= n; i++)
		(void)sku_close(&held[i]);
	(void)sku_close(&server);
}

static void
what_is_not_open_is_not_ready(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(close(fd), 0);
	errno = 0;
	assert_int_equal(sku_wait_fd(fd, POLLIN, sku_deadline_in(SKU_SECOND)), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(sku_wait_fd(-1, POLLIN, sku_deadline_in(10 * SKU_MS)), -1);
	assert_int_equal(errno, ETIMEDOUT);
}

/* ---- zero is the default ------------------------------------------------------------------- */

static int
int_option(struct sku_sock *s, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(sku_getsockopt(s, SOL_SOCKET, option, &value, &len), 0);
	return value;
}

/* How many clients connect although nobody accepts, of at most 10. */
static int
count_waiting(const struct sku_address *address)
{
	struct sku_sock clients[10];
	int n = 0;

	while (n < 10) {
		assert_int_equal(sku_socket(&clients[n], address->sa.sa_family, SOCK_STREAM, 0), 0);
		assert_int_equal(sku_settimeout(&clients[n], 100 * SKU_MS), 0);
		if (sku_connect(&clients[n++], address) == -1)
			break;
	}
	for (int i = 0; i < n; i++)
		(void)sku_close(&clients[i]);
	return n;
}

static void
zeroed_options_are_the_default(void **state)
{
	static const struct {
		struct sku_server_opts opts;
		bool reuses;
		bool full;
	} cases[] = {
		{ { 0 }, true, false },
		{ { .reuseaddr = SKU_REUSEADDR_OFF }, false, false },
		{ { .reuseaddr = SKU_REUSEADDR_ON, .reuseport = true }, true, false },
		{ { .backlog = -1 }, true, true },
		{ { .type = SOCK_DGRAM }, false, true },
		{ { .type = SOCK_DGRAM, .reuseaddr = SKU_REUSEADDR_ON }, true, true },
	};
	struct sku_sock s = SKU_SOCK_INIT, c = SKU_SOCK_INIT;
	struct sku_address address;
	struct sku_unix_path bound;
	char name[64], port[8];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sku_create_server(&s, "127.0.0.1", "0", &cases[i].opts, NULL), 0);
		assert_int_equal(int_option(&s, SO_REUSEADDR), cases[i].reuses);
		assert_int_equal(sku_getsockname(&s, &address), 0);
		if (s.type == SOCK_STREAM)
			assert_int_equal(count_waiting(&address) < 10, cases[i].full);
		(void)sku_close(&s);
	}
	(void)snprintf(name, sizeof(name), "@sockutil-test-%ld", (long)getpid());
	for (int backlog = -1; backlog <= 0; backlog++) {
		assert_int_equal(
		    sku_create_unix_server(&s, name, SOCK_STREAM, backlog, &bound, NULL), 0);
		assert_int_equal(sku_getsockname(&s, &address), 0);
		assert_int_equal(count_waiting(&address) < 10, backlog == -1);
		(void)sku_close(&s);
	}
	/* A name is IPv4, whichever family the resolver names first. */
	assert_int_equal(sku_create_server(&s, "localhost", "0", NULL, NULL), 0);
	assert_int_equal(asked_family, AF_INET);
	assert_int_equal(sku_getsockname(&s, &address), 0);
	assert_int_equal(address.sa.sa_family, AF_INET);
	(void)snprintf(port, sizeof(port), "%u", sku_address_port(&address));
	assert_int_equal(sku_create_connection(&c, "127.0.0.1", port, SKU_SECOND, NULL, NULL), 0);
	(void)sku_close(&c);
	(void)sku_close(&s);
}

/* ---- look-ups ------------------------------------------------------------------------------ */

static void
an_address_of_the_other_family_is_told_as_such(void **state)
{
	static const char *const ipv6[] = { "::1", "::", "fe80::1%lo" };
	struct sku_host *host;
	struct sku_sock s = SKU_SOCK_INIT;
	struct sku_error err;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(sku_gethostbyname_ex(i < 3 ? ipv6[i] : "127.0.0.1",
				     i < 3 ? AF_INET : AF_INET6, &host, sku_deadline_never(), &err),
		    -1);
		assert_null(host);
		assert_int_equal(err.kind, SKU_ERR_RESOLVE);
		assert_int_equal(err.code, EAI_ADDRFAMILY);
	}
	assert_int_equal(sku_create_server(&s, "fe80::1%none-such", "0", NULL, &err), -1);
	assert_int_equal(err.kind, SKU_ERR_SYSTEM);
	assert_int_equal(err.code, ENODEV);
}

static void
a_success_leaves_err_alone(void **state)
{
	struct sku_error err = { .kind = SKU_ERR_NONE, .code = 4711 };
	struct sku_sock s = SKU_SOCK_INIT;
	char name[SKU_HOST_MAX], own[SKU_HOST_MAX], text[SKU_ADDRESS_TEXT_MAX];

	(void)state;
	assert_int_equal(sku_getfqdn("256.1.1.1", name, sku_deadline_in(20 * SKU_SECOND), &err), 0);
	assert_string_equal(name, "256.1.1.1");
	assert_int_equal(sku_create_server(&s, NULL, "0", NULL, &err), 0);
	(void)sku_close(&s);
	assert_int_equal(sku_create_server(&s, "localhost", "0", NULL, &err), 0);
	(void)sku_close(&s);
	assert_int_equal(
	    sku_gethostbyname("localhost", 0, text, sku_deadline_in(5 * SKU_SECOND), &err), 0);
	assert_int_equal(err.code, 4711);
	/* Every address is this machine's. */
	assert_int_equal(sku_getfqdn("0.0.0.0", own, sku_deadline_in(20 * SKU_SECOND), &err), 0);
	assert_int_equal(sku_getfqdn("::", name, sku_deadline_in(20 * SKU_SECOND), &err), 0);
	assert_string_equal(name, own);
	assert_int_equal(err.code, 4711);
}

static void
services_of_getaddrinfo_are_numbers_or_known_names(void **state)
{
	static const struct {
		const char *service;
		int type, flags, port;
	} cases[] = {
		{ "0", SOCK_STREAM, 0, 0 },
		{ "65535", SOCK_STREAM, AI_NUMERICSERV, 65535 },
		{ "https", SOCK_STREAM, 0, 443 },
		{ "domain", SOCK_DGRAM, 0, 53 },
		{ "domain", 0, 0, 53 },
		{ "ssh", 0, 0, 22 },
		{ "65536", SOCK_STREAM, 0, -1 },
		{ " 80", SOCK_STREAM, 0, -1 },
		{ "-1", SOCK_STREAM, 0, -1 },
		{ "", SOCK_STREAM, 0, -1 },
		{ "no-such-service", SOCK_STREAM, 0, -1 },
		{ "https", SOCK_STREAM, AI_NUMERICSERV, -1 },
		{ "tftp", SOCK_STREAM, 0, -1 },
	};
	struct sku_deadline deadlines[] = { sku_deadline_never(),
		sku_deadline_in(10 * SKU_SECOND) };
	struct addrinfo *found;
	struct sku_address address;
	struct sku_error err;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = i / 2;
		const struct addrinfo hints = { .ai_socktype = cases[n].type,
			.ai_flags = cases[n].flags };
		int result = sku_getaddrinfo(
		    "127.0.0.1", cases[n].service, &hints, &found, deadlines[i % 2], &err);

		assert_int_equal(result, cases[n].port == -1 ? -1 : 0);
		if (result == -1) {
			assert_int_equal(err.code, EAI_SERVICE);
			assert_int_equal(strncmp(err.context, "look up service ", 16), 0);
			continue;
		}
		memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
		address.len = found->ai_addrlen;
		assert_int_equal(sku_address_port(&address), cases[n].port);
		/* ssh is there for TCP alone, domain for both. */
		if (cases[n].type == 0)
			assert_int_equal(found->ai_next != NULL, cases[n].port == 53);
		freeaddrinfo(found);
	}
}

/* ---- ending a call ------------------------------------------------------------------------- */

static _Atomic int canceled;

static void
cancel_call(int signum)
{
	(void)signum;
	canceled = 1;
}

static int
is_canceled(void *arg)
{
	return *(_Atomic int *)arg;
}

/* A signal after 50 ms, whose handler sets a flag, and which restarts system calls. */
static void
cancel_soon(void)
{
	struct sigaction action = { .sa_handler = cancel_call, .sa_flags = SA_RESTART };
	const struct itimerval once = { { 0, 0 }, { 0, 50000 } };

	canceled = 0;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &once, NULL), 0);
}

#define IS_CANCELED(call)                                                                          \
	do {                                                                                       \
		cancel_soon();                                                                     \
		errno = 0;                                                                         \
		assert_int_equal(call, -1);                                                        \
		assert_int_equal(errno, ECANCELED);                                                \
	} while (0)

static void
a_hook_ends_each_call_and_says_how_much_was_done(void **state)
{
	struct listener listener;
	static const int64_t modes[] = { SKU_NO_TIMEOUT, 20 * SKU_SECOND };
	static char data[8 << 20];
	struct sku_sock pair[2], first = SKU_SOCK_INIT, s = SKU_SOCK_INIT;
	struct sku_address busy;
	struct sku_error err;
	char name[64], byte;
	size_t done;
	int64_t moved;
	int fds[2], file = make_file(1);

	(void)state;
	(void)snprintf(name, sizeof(name), "@sockutil-test-%ld", (long)getpid());
	assert_int_equal(ftruncate(file, 64 << 20), 0);
	sku_set_interrupt(is_canceled, &canceled);
	for (size_t m = 0; m < 2; m++) {
		canceled = 0;
		make_pair(pair);
		assert_int_equal(sku_settimeout(&pair[0], modes[m]), 0);
		IS_CANCELED((int)sku_recv(&pair[0], &byte, 1, 0));
		assert_int_equal(sku_send(&pair[1], "ab", 2, 0), 2);
		IS_CANCELED(sku_recvall(&pair[0], data, 3, 0, &done));
		assert_int_equal(done, 2);
		/* What is ready is not canceled, although the flag is set. */
		assert_int_equal(sku_send(&pair[1], "c", 1, 0), 1);
		assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), 1);
		/* A flag that was set before the wait counts. */
		assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), -1);
		assert_int_equal(errno, ECANCELED);
		IS_CANCELED(sku_sendall(&pair[0], data, sizeof(data), 0, &done));
		assert_true(done > 0 && done < sizeof(data));
		close_pair(pair);
		make_pair(pair);
		assert_int_equal(sku_settimeout(&pair[0], modes[m]), 0);
		IS_CANCELED(sku_sendfile(&pair[0], file, 0, SKU_SENDFILE_ALL, &moved));
		assert_true(moved > 0 && moved < (64 << 20));
		assert_int_equal((fcntl(sku_fileno(&pair[0]), F_GETFL) & O_NONBLOCK) != 0, m == 1);
		close_pair(pair);
		make_pair(pair);
		assert_int_equal(pipe(fds), 0);
		assert_int_equal(write(fds[1], "xy", 2), 2);
		assert_int_equal(sku_settimeout(&pair[0], modes[m]), 0);
		IS_CANCELED(sku_sendfile(&pair[0], fds[0], 0, SKU_SENDFILE_ALL, &moved));
		assert_int_equal(moved, 2);
		assert_int_equal(close(fds[0]), 0);
		assert_int_equal(close(fds[1]), 0);
		close_pair(pair);
		canceled = 0;
		make_listener(&listener);
		assert_int_equal(sku_settimeout(&listener.sock, modes[m]), 0);
		IS_CANCELED(sku_accept(&listener.sock, &s, NULL));
		canceled = 0;
		assert_int_equal(sku_create_connection(
				     &first, "127.0.0.1", listener.port, SKU_SECOND, NULL, NULL),
		    0);
		canceled = 1;
		assert_int_equal(sku_accept(&listener.sock, &s, NULL), 0);
		canceled = 0;
		(void)sku_close(&first);
		(void)sku_close(&s);
		(void)sku_close(&listener.sock);
		make_busy_server(&listener.sock, &first, name, &busy);
		assert_int_equal(sku_socket(&s, AF_UNIX, SOCK_STREAM, 0), 0);
		assert_int_equal(sku_settimeout(&s, modes[m]), 0);
		IS_CANCELED(sku_connect(&s, &busy));
		IS_CANCELED(sku_connect_ex(&s, &busy) == ECANCELED ? -1 : 0);
		assert_int_equal((fcntl(sku_fileno(&s), F_GETFL) & O_NONBLOCK) != 0, m == 1);
		(void)sku_close(&s);
		IS_CANCELED(sku_create_unix_connection(&s, name, modes[m], &err));
		assert_int_equal(err.code, ECANCELED);
		assert_int_equal(sku_fileno(&s), -1);
		(void)sku_close(&first);
		(void)sku_close(&listener.sock);
		canceled = 0;
	}
	sku_set_interrupt(NULL, NULL);
	assert_int_equal(close(file), 0);
}

static void
a_hook_ends_a_look_up(void **state)
{
	struct sku_address address;
	struct sku_error err;
	char host[SKU_HOST_MAX];

	(void)state;
	/* The flag is set already: the call waits for its thread, and does not. */
	assert_int_equal(sku_address_from_numeric(&address, AF_INET, "127.0.0.1", 443), 0);
	sku_set_interrupt(is_canceled, &canceled);
	canceled = 0;
	assert_int_equal(sku_getnameinfo(&address, host, sizeof(host), NULL, 0, NI_NUMERICHOST,
			     sku_deadline_never(), &err),
	    0);
	assert_string_equal(host, "127.0.0.1");
	lookup_is_slow = true;
	IS_CANCELED(sku_gethostbyname("localhost", AF_INET, host, sku_deadline_never(), &err));
	assert_int_equal(err.code, ECANCELED);
	{
		struct sku_sock s = SKU_SOCK_INIT;

		IS_CANCELED(
		    sku_create_connection(&s, "localhost", "7", SKU_NO_TIMEOUT, NULL, &err));
		assert_string_equal(err.context, "connect to localhost port 7");
	}
	lookup_is_slow = false;
	sku_set_interrupt(NULL, NULL);
}

/* ---- a deadline for several calls ---------------------------------------------------------- */

static void
a_deadline_holds_for_each_call_until_it_passes(void **state)
{
	struct listener listener;
	static const int64_t modes[] = { SKU_NO_TIMEOUT, 20 * SKU_SECOND };
	static char data[8 << 20];
	struct sku_sock pair[2], s = SKU_SOCK_INIT, conn = SKU_SOCK_INIT;
	char byte;
	int64_t start, moved;
	size_t done;
	int file = make_file(10);

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		make_pair(pair);
		assert_int_equal(sku_settimeout(&pair[0], modes[m]), 0);
		start = sku_now();
		assert_int_equal(sku_setdeadline(&pair[0], sku_deadline_in(200 * SKU_MS)), 0);
		assert_int_equal(sku_gettimeout(&pair[0]), modes[m]);
		assert_int_equal(sku_send(&pair[1], "a", 1, 0), 1);
		assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), 1);
		assert_int_equal(sku_sendall(&pair[0], data, sizeof(data), 0, &done), -1);
		assert_int_equal(errno, ETIMEDOUT);
		assert_true(done > 0);
		assert_true(since(start) >= 200);
		/* It has passed: what could be done at once is not done, either. */
		assert_int_equal(sku_send(&pair[1], "b", 1, 0), 1);
		errno = 0;
		assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), -1);
		assert_int_equal(errno, ETIMEDOUT);
		assert_int_equal(sku_sendfile(&pair[0], file, 0, 5, &moved), -1);
		assert_int_equal(errno, ETIMEDOUT);
		/* An instant of zero has passed, too. */
		assert_int_equal(sku_setdeadline(&pair[0], (struct sku_deadline){ 0 }), 0);
		assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), -1);
		assert_int_equal(errno, ETIMEDOUT);
		/* The non-blocking mode does not look at it. */
		assert_int_equal(sku_settimeout(&pair[0], 0), 0);
		assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), 1);
		assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), -1);
		assert_int_equal(errno, EAGAIN);
		/* The timeout is earlier. */
		assert_int_equal(sku_settimeout(&pair[0], 50 * SKU_MS), 0);
		assert_int_equal(sku_setdeadline(&pair[0], sku_deadline_in(20 * SKU_SECOND)), 0);
		assert_int_equal(sku_recv(&pair[0], &byte, 1, 0), -1);
		assert_int_equal(errno, ETIMEDOUT);
		assert_int_equal(sku_settimeout(&pair[0], SKU_NO_TIMEOUT), 0);
		assert_true((fcntl(sku_fileno(&pair[0]), F_GETFL) & O_NONBLOCK) != 0);
		assert_int_equal(sku_setdeadline(&pair[0], sku_deadline_never()), 0);
		assert_true((fcntl(sku_fileno(&pair[0]), F_GETFL) & O_NONBLOCK) == 0);
		close_pair(pair);
	}
	/* A listener's deadline is not that of what it accepts. */
	make_listener(&listener);
	assert_int_equal(sku_setdeadline(&listener.sock, sku_deadline_in(100 * SKU_MS)), 0);
	assert_int_equal(
	    sku_create_connection(&s, "127.0.0.1", listener.port, SKU_SECOND, NULL, NULL), 0);
	assert_int_equal(sku_accept(&listener.sock, &conn, NULL), 0);
	assert_int_equal(conn.deadline_ns, 0);
	assert_int_equal(sku_accept(&listener.sock, &conn, NULL), -1);
	assert_int_equal(errno, ETIMEDOUT);
	(void)sku_close(&s);
	assert_int_equal(sku_socket(&s, AF_INET, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_setdeadline(&s, sku_deadline_in(0)), 0);
	assert_int_equal(sku_connect(&s, &listener.address), -1);
	assert_int_equal(errno, ETIMEDOUT);
	(void)sku_close(&s);
	(void)sku_close(&conn);
	(void)sku_close(&listener.sock);
	assert_int_equal(close(file), 0);
}

static void
recvall_is_whole_or_says_how_much_came(void **state)
{
	struct sku_sock pair[2], s = SKU_SOCK_INIT;
	char buf[10];
	size_t got = 7;

	(void)state;
	make_pair(pair);
	assert_int_equal(sku_send(&pair[1], "0123456789", 10, 0), 10);
	assert_int_equal(sku_recvall(&pair[0], buf, 4, 0, NULL), 0);
	assert_memory_equal(buf, "0123", 4);
	assert_int_equal(sku_recvall(&pair[0], buf, 0, 0, &got), 0);
	assert_int_equal(got, 0);
	assert_int_equal(sku_recvall(&pair[0], buf, 1, MSG_PEEK, &got), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sku_settimeout(&pair[0], 50 * SKU_MS), 0);
	assert_int_equal(sku_recvall(&pair[0], buf, 7, 0, &got), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(got, 6);
	assert_int_equal(sku_send(&pair[1], "xyz", 3, 0), 3);
	assert_int_equal(sku_close(&pair[1]), 0);
	assert_int_equal(sku_recvall(&pair[0], buf, 4, 0, &got), -1);
	assert_int_equal(errno, ENODATA);
	assert_string_equal(sku_reason(errno), "the stream ended early");
	assert_int_equal(got, 3);
	assert_string_equal(sku_reason(ETIMEDOUT), "timed out");
	assert_string_equal(sku_reason(EPIPE), strerror(EPIPE));
	close_pair(pair);
	assert_int_equal(sku_socket(&s, AF_INET, SOCK_DGRAM, 0), 0);
	assert_int_equal(sku_recvall(&s, buf, 1, 0, &got), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(got, 0);
	(void)sku_close(&s);
}

/* Ordinary data is no reason to look for errors again and again. */
static void
the_queue_of_errors_is_waited_for_without_spinning(void **state)
{
	struct sku_sock s = SKU_SOCK_INIT, other = SKU_SOCK_INIT;
	struct sku_address address;
	clock_t used;
	char byte;

	(void)state;
	assert_int_equal(sku_create_server(&s, "127.0.0.1", "0",
			     &(struct sku_server_opts){ .type = SOCK_DGRAM }, NULL),
	    0);
	assert_int_equal(sku_getsockname(&s, &address), 0);
	assert_int_equal(sku_socket(&other, AF_INET, SOCK_DGRAM, 0), 0);
	assert_int_equal(sku_sendto(&other, "x", 1, 0, &address), 1);
	assert_int_equal(sku_settimeout(&s, 500 * SKU_MS), 0);
	used = clock();
	assert_int_equal(sku_recv(&s, &byte, 1, MSG_ERRQUEUE), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(clock() - used < CLOCKS_PER_SEC / 10);
	assert_int_equal(sku_recv(&s, &byte, 1, 0), 1);
	(void)sku_close(&other);
	(void)sku_close(&s);
}

/* poll(2) says that such a socket has room, whoever the datagram is for. */
static void
a_full_queue_of_datagrams_is_waited_for_until_the_deadline(void **state)
{
	struct sku_sock sender = SKU_SOCK_INIT, receiver = SKU_SOCK_INIT;
	struct sku_address address, any;
	clock_t used;
	int64_t start;
	char byte;

	(void)state;
	assert_int_equal(sku_address_from_bytes(&any, "", 0), 0);
	assert_int_equal(sku_socket(&sender, AF_UNIX, SOCK_DGRAM, 0), 0);
	assert_int_equal(sku_socket(&receiver, AF_UNIX, SOCK_DGRAM, 0), 0);
	assert_int_equal(sku_bind(&receiver, &any), 0);
	assert_int_equal(sku_getsockname(&receiver, &address), 0);
	while (sku_sendto(&sender, "x", 1, MSG_DONTWAIT, &address) == 1)
		;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sku_settimeout(&sender, 300 * SKU_MS), 0);
	used = clock();
	start = sku_now();
	(void)alarm(20); /* it would be for ever */
	assert_int_equal(sku_sendto(&sender, "x", 1, 0, &address), -1);
	(void)alarm(0);
	assert_int_equal(errno, ETIMEDOUT);
	assert_in_range(since(start), 300, 10000);
	assert_true(clock() - used < CLOCKS_PER_SEC / 10);
	assert_int_equal(sku_recv(&receiver, &byte, 1, 0), 1);
	assert_int_equal(sku_sendto(&sender, "x", 1, 0, &address), 1);
	(void)sku_close(&sender);
	(void)sku_close(&receiver);
}

/* ---- pairs, copies and descriptors --------------------------------------------------------- */

static void
pairs_and_copies(void **state)
{
	struct sku_sock pair[2], copy = SKU_SOCK_INIT, many[3];
	char byte;
	int value = -1;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		many[i] = SKU_SOCK_CLOSED;
	assert_int_equal(sku_fileno(&many[2]), -1);
	assert_int_equal(sku_dup(&many[0], &copy), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(sku_setdefaulttimeout(3 * SKU_SECOND), 0);
	assert_int_equal(sku_socketpair(pair, AF_UNIX, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_setdefaulttimeout(SKU_NO_TIMEOUT), 0);
	assert_int_equal(sku_gettimeout(&pair[1]), 3 * SKU_SECOND);
	assert_int_equal(fcntl(sku_fileno(&pair[1]), F_GETFD), FD_CLOEXEC);
	assert_int_equal(sku_dup(&pair[0], &copy), 0);
	assert_int_equal(fcntl(sku_fileno(&copy), F_GETFD), FD_CLOEXEC);
	assert_int_equal(sku_gettimeout(&copy), 3 * SKU_SECOND);
	assert_int_equal(sku_close(&pair[0]), 0);
	assert_int_equal(sku_send(&copy, "x", 1, 0), 1);
	assert_int_equal(sku_recv(&pair[1], &byte, 1, 0), 1);
	assert_int_equal(sku_getsockopt_int(&copy, SOL_SOCKET, SO_TYPE, &value), 0);
	assert_int_equal(value, SOCK_STREAM);
	assert_int_equal(sku_close(&copy), 0);
	assert_int_equal(sku_getsockopt_int(&copy, SOL_SOCKET, SO_TYPE, &value), -1);
	assert_int_equal(errno, EBADF);
	close_pair(pair);
	assert_int_equal(sku_socketpair(pair, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), 0);
	assert_int_equal(pair[0].type, SOCK_DGRAM);
	assert_int_equal(sku_gettimeout(&pair[0]), 0);
	close_pair(pair);
	assert_int_equal(sku_socketpair(pair, AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, EOPNOTSUPP);
}

static void
descriptors_go_over_a_unix_socket(void **state)
{
	struct sku_sock pair[2];
	int before, pipes[2], sent[4], got[4], flags;
	struct iovec data;
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	char buf[8];
	size_t count;

	(void)state;
	before = count_descriptors();
	make_pair(pair);
	assert_int_equal(pipe(pipes), 0);
	for (size_t i = 0; i < 4; i++)
		sent[i] = pipes[1];
	/* Room for fewer, for as many, and for more. */
	for (size_t room = 0; room <= 4; room++) {
		assert_int_equal(sku_send_fds(&pair[0], "x", 1, sent, 2, 0), 1);
		count = room;
		flags = 0;
		assert_int_equal(
		    sku_recv_fds(&pair[1], buf, sizeof(buf), got, &count, 0, &flags), 1);
		assert_int_equal(count, room < 2 ? room : 2);
		assert_int_equal((flags & MSG_CTRUNC) != 0, room < 2);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
			assert_int_equal(write(got[i], "p", 1), 1);
			assert_int_equal(read(pipes[0], buf, 1), 1);
			assert_int_equal(close(got[i]), 0);
		}
		assert_int_equal(count_descriptors(), before + 4);
	}
	assert_int_equal(sku_send_fds(&pair[0], "", 0, sent, 1, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sku_send_fds(&pair[0], "x", 1, sent, SKU_FDS_MAX + 1, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sku_send_fds(&pair[0], "y", 1, NULL, 0, 0), 1);
	count = 4;
	assert_int_equal(sku_recv_fds(&pair[1], buf, sizeof(buf), got, &count, 0, NULL), 1);
	assert_int_equal(count, 0);
	/* Under the socket's limits. */
	assert_int_equal(sku_settimeout(&pair[1], 50 * SKU_MS), 0);
	count = 4;
	assert_int_equal(sku_recv_fds(&pair[1], buf, sizeof(buf), got, &count, 0, NULL), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(count, 0);
	data = (struct iovec){ buf, 3 };
	memcpy(buf, "abc", 3);
	assert_int_equal(sku_sendmsg(&pair[0], &message, 0), 3);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(sku_recvmsg(&pair[1], &message, 0), 3);
	assert_memory_equal(buf, "abc", 3);
	assert_int_equal(sku_recvmsg(&pair[1], &message, 0), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(sku_close(&pair[1]), 0);
	assert_int_equal(sku_sendmsg(&pair[0], &message, 0), -1);
	assert_int_equal(errno, EPIPE); /* and no SIGPIPE */
	close_pair(pair);
	assert_int_equal(sku_sendmsg(&pair[0], &message, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(close(pipes[0]), 0);
	assert_int_equal(close(pipes[1]), 0);
	assert_int_equal(count_descriptors(), before);
}

/* ---- more ways to a peer ------------------------------------------------------------------- */

static void
create_datagram_is_create_connections_twin(void **state)
{
	const struct sku_server_opts datagram = { .type = SOCK_DGRAM };
	const struct sku_connect_opts ipv4 = { .family = AF_INET };
	struct sku_sock server = SKU_SOCK_INIT, s = SKU_SOCK_INIT;
	struct sku_address address, from;
	struct sku_error err;
	char port[8], buf[8], context[80];
	int before = count_descriptors();

	(void)state;
	assert_int_equal(sku_create_server(&server, "127.0.0.1", "0", &datagram, NULL), 0);
	assert_int_equal(sku_getsockname(&server, &address), 0);
	(void)snprintf(port, sizeof(port), "%u", sku_address_port(&address));
	assert_int_equal(
	    sku_create_datagram(&s, "localhost", port, 5 * SKU_SECOND, &ipv4, &err), 0);
	assert_int_equal(s.type, SOCK_DGRAM);
	assert_int_equal(sku_gettimeout(&s), 5 * SKU_SECOND);
	assert_int_equal(sku_send(&s, "hello", 5, 0), 5);
	assert_int_equal(sku_recvfrom(&server, buf, sizeof(buf), 0, &from), 5);
	assert_int_equal(sku_sendto(&server, buf, 5, 0, &from), 5);
	assert_int_equal(sku_recv(&s, buf, sizeof(buf), 0), 5);
	(void)sku_close(&s);
	/* Nothing to wait for. */
	lookup_is_slow = true;
	assert_int_equal(sku_create_datagram(&s, "127.0.0.1", port, 0, NULL, &err), 0);
	lookup_is_slow = false;
	assert_int_equal(sku_gettimeout(&s), 0);
	(void)sku_close(&s);
	assert_int_equal(sku_create_datagram(&s, "127.0.0.1", port, SKU_SECOND,
			     &(struct sku_connect_opts){ .source_host = "127.0.0.2" }, &err),
	    0);
	assert_int_equal(sku_getsockname(&s, &from), 0);
	assert_string_equal(sku_address_host(&from, context), "127.0.0.2");
	(void)sku_close(&s);
	/* What fails names itself, and leaves nothing. */
	assert_int_equal(sku_create_datagram(&s, "127.0.0.1", port, SKU_SECOND,
			     &(struct sku_connect_opts){ .source_host = "127.0.0.1",
				 .source_port = sku_address_port(&address) },
			     &err),
	    -1);
	assert_int_equal(err.code, EADDRINUSE);
	assert_true(err.source);
	(void)snprintf(context, sizeof(context),
	    "connect to 127.0.0.1 (127.0.0.1) port %s from 127.0.0.1", port);
	assert_string_equal(err.context, context);
	assert_int_equal(sku_create_datagram(&s, "::1", port, SKU_SECOND, &ipv4, &err), -1);
	assert_int_equal(err.code, EAI_ADDRFAMILY);
	assert_int_equal(sku_create_datagram(&s, "localhost", port, -7, NULL, &err), -1);
	assert_int_equal(err.code, EINVAL);
	assert_int_equal(sku_create_datagram(&s, "localhost", "65536", SKU_SECOND, NULL, &err), -1);
	assert_int_equal(err.code, EINVAL);
	assert_int_equal(sku_create_datagram(&s, "localhost", port, SKU_SECOND,
			     &(struct sku_connect_opts){ .numeric = true }, &err),
	    -1);
	assert_int_equal(sku_fileno(&s), -1);
	(void)sku_close(&server);
	assert_int_equal(count_descriptors(), before);
}

static void
create_unix_connection_and_connect_ex(void **state)
{
	struct sku_sock server = SKU_SOCK_INIT, s = SKU_SOCK_INIT, first = SKU_SOCK_INIT;
	struct sku_address address;
	struct sku_error err;
	char name[64];
	int before = count_descriptors();

	(void)state;
	(void)snprintf(name, sizeof(name), "@sockutil-test-%ld", (long)getpid());
	assert_int_equal(sku_create_unix_connection(&s, name, SKU_SECOND, &err), -1);
	assert_int_equal(err.code, ECONNREFUSED);
	assert_int_equal(sku_create_unix_connection(&s, "", SKU_SECOND, &err), -1);
	assert_int_equal(err.code, EINVAL);
	assert_int_equal(sku_create_unix_connection(&s, name, -9, &err), -1);
	assert_int_equal(err.code, EINVAL);
	make_busy_server(&server, &first, name, &address);
	assert_int_equal(sku_create_unix_connection(&s, name, 50 * SKU_MS, &err), -1);
	assert_int_equal(err.code, ETIMEDOUT);
	assert_int_equal(sku_listen(&server, 5), 0);
	assert_int_equal(sku_create_unix_connection(&s, name, SKU_SECOND, &err), 0);
	assert_int_equal(sku_gettimeout(&s), SKU_SECOND);
	(void)sku_close(&s);
	assert_int_equal(sku_create_unix_connection(&s, name, SKU_DEFAULT_TIMEOUT, &err), 0);
	assert_int_equal(sku_gettimeout(&s), SKU_NO_TIMEOUT);
	(void)sku_close(&s);
	assert_int_equal(sku_socket(&s, AF_UNIX, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_connect_ex(&s, &address), 0);
	assert_int_equal(sku_connect_ex(&s, &address), EISCONN);
	(void)sku_close(&s);
	assert_int_equal(sku_connect_ex(&s, &address), EBADF);
	(void)sku_close(&first);
	(void)sku_close(&server);
	assert_int_equal(count_descriptors(), before);
}

static void
unix_addresses_of_any_bytes(void **state)
{
	struct sku_sock s = SKU_SOCK_INIT;
	struct sku_address address, bound;
	char full[SKU_PATH_MAX + 1], text[SKU_ADDRESS_TEXT_MAX];

	(void)state;
	memset(full, 'p', sizeof(full));
	assert_int_equal(sku_address_from_bytes(&address, full, SKU_PATH_MAX), 0);
	assert_int_equal(sku_address_from_bytes(&address, full, SKU_PATH_MAX + 1), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(sku_address_from_bytes(&address, "a\0b", 3), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sku_address_from_bytes(&address, "@x", 2), 0); /* a file */
	assert_int_equal(address.un.sun_path[0], '@');
	assert_string_equal(sku_address_host(&address, text), "@x");
	assert_int_equal(sku_address_from_bytes(&address, "\0\xff\0name", 7), 0);
	assert_int_equal(sku_socket(&s, AF_UNIX, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_bind(&s, &address), 0);
	assert_int_equal(sku_getsockname(&s, &bound), 0);
	assert_true(sku_address_equal(&address, &bound));
	(void)sku_close(&s);
	/* The system chooses. */
	assert_int_equal(sku_address_from_bytes(&address, NULL, 0), 0);
	assert_int_equal(sku_socket(&s, AF_UNIX, SOCK_STREAM, 0), 0);
	assert_int_equal(sku_bind(&s, &address), 0);
	assert_int_equal(sku_getsockname(&s, &bound), 0);
	assert_true(bound.len > sizeof(sa_family_t));
	(void)sku_close(&s);
}

static void
names_of_addresses_and_interfaces(void **state)
{
	struct sku_deadline deadlines[] = { sku_deadline_never(),
		sku_deadline_in(10 * SKU_SECOND) };
	char host[SKU_HOST_MAX], service[SKU_SERVICE_MAX];
	struct sku_interface *list = sku_if_nameindex();
	struct sku_address address;
	struct sku_error err;
	bool found = false;

	(void)state;
	assert_int_equal(sku_address_from_numeric(&address, AF_INET, "127.0.0.1", 443), 0);
	for (size_t d = 0; d < 2; d++) {
		assert_int_equal(sku_getnameinfo(&address, host, sizeof(host), service,
				     sizeof(service), NI_NUMERICHOST, deadlines[d], &err),
		    0);
		assert_string_equal(host, "127.0.0.1");
		assert_string_equal(service, "https");
		assert_int_equal(sku_getnameinfo(&address, NULL, 0, service, sizeof(service),
				     NI_NUMERICSERV, deadlines[d], &err),
		    0);
		assert_string_equal(service, "443");
		assert_int_equal(
		    sku_getnameinfo(&address, host, 9, NULL, 0, NI_NUMERICHOST, deadlines[d], &err),
		    -1);
		assert_int_equal(err.code, EAI_OVERFLOW);
		assert_string_equal(sku_error_reason(&err), "the buffer is too short");
		assert_string_equal(err.context, "look up 127.0.0.1");
	}
	lookup_is_slow = true;
	assert_int_equal(sku_getnameinfo(&address, host, sizeof(host), NULL, 0, 0,
			     sku_deadline_in(20 * SKU_MS), &err),
	    -1);
	lookup_is_slow = false;
	assert_int_equal(err.code, ETIMEDOUT);
	assert_non_null(list);
	for (size_t i = 0; list[i].index != 0; i++)
		found = found || strcmp(list[i].name, "lo") == 0;
	free(list);
	assert_true(found);
}

/* ---- two threads, one socket --------------------------------------------------------------- */

#define BOTH_WAYS ((size_t)4 << 20)

static void *
send_much(void *arg)
{
	static char data[BOTH_WAYS];

	return sku_sendall(arg, data, sizeof(data), 0, NULL) == 0 ? NULL : "failed";
}

static void
one_thread_receives_while_another_sends(void **state)
{
	static char data[65536];
	struct sku_sock pair[2];
	pthread_t senders[2];
	size_t got[2] = { 0, 0 };
	void *result;

	(void)state;
	make_pair(pair);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sku_settimeout(&pair[i], 20 * SKU_SECOND), 0);
		assert_int_equal(pthread_create(&senders[i], NULL, send_much, &pair[i]), 0);
	}
	while (got[0] < BOTH_WAYS || got[1] < BOTH_WAYS) {
		for (int i = 0; i < 2; i++) {
			ssize_t n =
			    got[i] < BOTH_WAYS ? sku_recv(&pair[i], data, sizeof(data), 0) : 0;

			assert_true(n > 0 || got[i] == BOTH_WAYS);
			got[i] += (size_t)n;
		}
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(senders[i], &result), 0);
		assert_null(result);
	}
	close_pair(pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlines_never_overflow_and_round_up),
		cmocka_unit_test(errors_keep_what_and_why),
		cmocka_unit_test(numeric_addresses_are_parsed_and_shown),
		cmocka_unit_test(unix_paths_are_never_cut),
		cmocka_unit_test(addresses_compare_and_unmap),
		cmocka_unit_test(a_path_that_fills_its_address_is_equal_to_itself),
		cmocka_unit_test(a_closed_socket_is_ebadf_and_closes_twice),
		cmocka_unit_test(who_has_no_peer_gets_an_empty_address),
		cmocka_unit_test(detach_and_autoclose),
		cmocka_unit_test(the_three_modes_are_pythons),
		cmocka_unit_test(recv_in_each_mode),
		cmocka_unit_test(the_default_timeout_is_inherited_by_new_and_accepted_sockets),
		cmocka_unit_test(accept_times_out_and_would_block),
		cmocka_unit_test(sendall_says_how_much_went),
		cmocka_unit_test(the_deadline_of_sendall_is_one_for_the_whole_call),
		cmocka_unit_test(signals_change_nothing_but_the_time),
		cmocka_unit_test(lookups_of_numbers_and_of_this_machine),
		cmocka_unit_test(services_both_ways),
		cmocka_unit_test(create_connection_says_what_failed),
		cmocka_unit_test(connecting_in_steps_has_one_descriptor),
		cmocka_unit_test(an_answer_during_a_step_is_not_lost),
		cmocka_unit_test(connecting_in_steps_ends_at_its_deadline),
		cmocka_unit_test(connecting_in_steps_to_a_unix_path),
		cmocka_unit_test(only_addresses_of_the_sources_family_are_tried),
		cmocka_unit_test(a_failed_start_leaves_nothing_behind),
		cmocka_unit_test(a_lookup_without_memory_is_no_unknown_name),
		cmocka_unit_test(resolving_in_steps),
		cmocka_unit_test(create_server_dual_stack),
		cmocka_unit_test(sendfile_has_pythons_offset_and_count),
		cmocka_unit_test(sendfile_falls_back_for_pipes_and_proc),
		cmocka_unit_test(sendfile_does_not_outlast_its_timeout_without_progress),
		cmocka_unit_test(sendfile_times_out_says_how_much_and_raises_no_sigpipe),
		cmocka_unit_test(sendfile_does_not_wait_longer_for_a_pipe_than_for_a_peer),
		cmocka_unit_test(threads_use_different_sockets),
		cmocka_unit_test(a_family_is_one_of_two_or_zero),
		cmocka_unit_test(a_datagram_socket_is_never_its_own_peer),
		cmocka_unit_test(flags_in_a_type_are_no_part_of_it),
		cmocka_unit_test(a_server_whose_type_has_flags_listens),
		cmocka_unit_test(connecting_keeps_what_the_caller_set),
		cmocka_unit_test(what_is_not_open_is_not_ready),
		cmocka_unit_test(zeroed_options_are_the_default),
		cmocka_unit_test(an_address_of_the_other_family_is_told_as_such),
		cmocka_unit_test(a_success_leaves_err_alone),
		cmocka_unit_test(services_of_getaddrinfo_are_numbers_or_known_names),
		cmocka_unit_test(a_hook_ends_each_call_and_says_how_much_was_done),
		cmocka_unit_test(a_hook_ends_a_look_up),
		cmocka_unit_test(a_deadline_holds_for_each_call_until_it_passes),
		cmocka_unit_test(recvall_is_whole_or_says_how_much_came),
		cmocka_unit_test(the_queue_of_errors_is_waited_for_without_spinning),
		cmocka_unit_test(a_full_queue_of_datagrams_is_waited_for_until_the_deadline),
		cmocka_unit_test(pairs_and_copies),
		cmocka_unit_test(descriptors_go_over_a_unix_socket),
		cmocka_unit_test(create_datagram_is_create_connections_twin),
		cmocka_unit_test(create_unix_connection_and_connect_ex),
		cmocka_unit_test(unix_addresses_of_any_bytes),
		cmocka_unit_test(names_of_addresses_and_interfaces),
		cmocka_unit_test(one_thread_receives_while_another_sends),
	};

	return cmocka_run_group_tests_name("libsockutil", tests, NULL, NULL);
}

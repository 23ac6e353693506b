/* sockutil.h - the API of Python's socket module, in C.
 *
 * Conventions that hold for every function here:
 *
 * - A function that can fail returns -1, NULL or false, as its comment says, and sets errno.  One
 *   that makes several system calls also fills a struct sku_error, which says what was tried; that
 *   pointer may be NULL.  Other pointers may be NULL only where a comment says so.
 * - A duration is an int64_t in nanoseconds: multiply SKU_SECOND, SKU_MS or SKU_US.  A deadline is
 *   an instant on the monotonic clock.  The wall clock is never used for waiting.
 * - What is all zero has the default: a `{ 0 }` of any options struct is what Python's function
 *   does without that argument.
 * - A success leaves *err as it was.
 * - A string argument ends with NUL and stays the caller's.  A buffer that is filled is the
 *   caller's, too.  The comment says so where the caller has to free a result.
 * - A system call that a signal interrupts goes on with the time that is left (PEP 475): no
 *   function fails with EINTR.  sku_set_interrupt() lets a program end a call.
 * - A descriptor that the library opens is close-on-exec.
 * - The library never prints, never exits, installs no signal handler and raises no SIGPIPE.
 * - Threads may use different sockets at the same time.  Of one socket, one thread may receive
 *   while another sends.  Whatever else is done to it, closing it, connecting it and changing its
 *   mode, is for one thread alone, while no other uses it.
 */
#ifndef SOCKUTIL_H
#define SOCKUTIL_H

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#ifndef IPPROTO_MPTCP /* an older C library does not know it */
#define IPPROTO_MPTCP 262
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo; /* netdb.h hides it from a program that asks for ISO C alone */

/* ---- time ---------------------------------------------------------------------------------- */

#define SKU_SECOND INT64_C(1000000000)
#define SKU_MS INT64_C(1000000)
#define SKU_US INT64_C(1000)
#define SKU_NO_TIMEOUT INT64_C(-1)	/* Python: None, no limit */
#define SKU_DEFAULT_TIMEOUT INT64_C(-2) /* stands for sku_getdefaulttimeout() */

/* An instant on CLOCK_MONOTONIC, in nanoseconds.  INT64_MAX: never. */
struct sku_deadline {
	int64_t at_ns;
};

/* The deadline that never passes. */
struct sku_deadline sku_deadline_never(void);
/* The instant timeout_ns from now.  A negative timeout, or one beyond the range: never. */
struct sku_deadline sku_deadline_in(int64_t timeout_ns);
struct sku_deadline sku_deadline_earlier(struct sku_deadline a, struct sku_deadline b);
/* The nanoseconds left: 0 once the deadline has passed, SKU_NO_TIMEOUT for never. */
int64_t sku_deadline_left(struct sku_deadline deadline);
bool sku_deadline_passed(struct sku_deadline deadline);
/* The milliseconds left as poll(2) and epoll_wait(2) take them: rounded up, -1 for never.  More
 * than an int holds is INT_MAX, so a caller asks again after each wait. */
int sku_deadline_poll_ms(struct sku_deadline deadline);
/* The present time of CLOCK_MONOTONIC, in nanoseconds. */
int64_t sku_now(void);

/* ---- interrupting -------------------------------------------------------------------------- */

/* Let a program end a call that waits.  asked(arg) returns 0 to go on, and anything else to end the
 * call with ECANCELED.  Any thread that uses the library may call it.  It is asked after each
 * system call that a signal interrupted (also if the handler has SA_RESTART), and before each wait.
 * So a handler that only sets a flag is enough.  sku_sendall(), sku_recvall() and sku_sendfile()
 * then report how much was done.  NULL removes the hook; without one a signal never ends a call.
 *
 * The process has one hook, which is set before there are threads.  With a hook, each look-up has a
 * thread of its own, a blocking socket polls before it waits, and SO_RCVTIMEO and SO_SNDTIMEO have
 * no effect. */
void sku_set_interrupt(int (*asked)(void *arg), void *arg);

/* ---- errors -------------------------------------------------------------------------------- */

enum sku_error_kind {
	SKU_ERR_NONE = 0,
	SKU_ERR_SYSTEM,	 /* code is an errno value */
	SKU_ERR_RESOLVE, /* code is an EAI_ value of getaddrinfo(3) */
};

#define SKU_ERROR_CONTEXT_MAX 1280 /* the longest host is shown whole */

struct sku_error {
	enum sku_error_kind kind;
	int code;
	unsigned addresses; /* sku_create_connection(): addresses tried; else 0 */
	bool source;	    /* sku_create_connection(): the source cannot be used */
	char context[SKU_ERROR_CONTEXT_MAX]; /* what was tried, as "connect to ::1 port 7" */
};

/* Fill *err, which may be NULL, and set errno: to code with SKU_ERR_SYSTEM, else to EHOSTUNREACH.
 * format makes the context, which is cut to SKU_ERROR_CONTEXT_MAX bytes. */
__attribute__((format(printf, 4, 5))) void sku_error_set(
    struct sku_error *err, enum sku_error_kind kind, int code, const char *format, ...);
/* The reason in words: those of sku_reason() or gai_strerror(3), or others where they say more. The
 * text is not to be freed; it is valid until the same thread calls this function or strerror(3)
 * again. */
const char *sku_error_reason(const struct sku_error *err);
/* The same for an errno value: those of strerror(3), but for ETIMEDOUT, EAGAIN, ENODATA and
 * EPROTOTYPE. */
const char *sku_reason(int error);

/* ---- addresses ----------------------------------------------------------------------------- */

/* A socket address of any family.  len is the size in use; 0: there is no address. */
struct sku_address {
	__extension__ union { /* of C11, for a program in C99 */
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;
};

#define SKU_PATH_MAX 108	 /* a sun_path; a full one has no NUL */
#define SKU_ADDRESS_TEXT_MAX 128 /* an IPv6 address with its zone, or a sun_path; with NUL */

/* Make an address from a numeric host and a port of 0 to 65535.  IPv4 may have any form of
 * inet_aton(3), IPv6 may have a zone.  family: AF_INET, AF_INET6, or AF_UNSPEC for both.  Nothing
 * is looked up.  Returns 0, or -1: EINVAL if host is no address of the family or port is too large;
 * ENODEV if the zone of an IPv6 address is no interface of this machine (any more). */
int sku_address_from_numeric(
    struct sku_address *address, int family, const char *host, unsigned port);
/* Make an AF_UNIX address from a path, or from "@NAME" for Linux's abstract namespace (unix(7)).
 * Returns 0, or -1 with EINVAL for an empty path or name, ENAMETOOLONG for one longer than sun_path
 * (108 bytes). */
int sku_address_from_path(struct sku_address *address, const char *path);
/* Make an AF_UNIX address from len bytes as they are in sun_path: a path, or a NUL and a name of
 * any bytes in the abstract namespace, or nothing, with which bind(2) chooses a name.  Returns 0,
 * or -1 with ENAMETOOLONG for more than SKU_PATH_MAX, EINVAL for a path with a NUL in it. */
int sku_address_from_bytes(struct sku_address *address, const void *bytes, size_t len);
/* Make an address from an entry of getaddrinfo(3) and a port of 0 to 65535.  Returns 0, or -1 with
 * EAFNOSUPPORT when the entry is neither IPv4 nor IPv6. */
int sku_address_from_addrinfo(
    struct sku_address *address, const struct addrinfo *entry, unsigned port);
/* Write the host part as text into buf, and return buf.  An IPv6 address keeps its zone.  A
 * v4-mapped address is written as IPv4, which is no text of its family.  AF_UNIX: the path with its
 * bytes unchanged, "@NAME" for an abstract address, "" for an unnamed one.  Other families: "". */
const char *sku_address_host(const struct sku_address *address, char buf[SKU_ADDRESS_TEXT_MAX]);
/* The port in host byte order; 0 when the family has no ports. */
unsigned sku_address_port(const struct sku_address *address);
/* The port that text means: digits for 0 to 65535, or, unless numeric, the name of a service of
 * proto ("tcp", "udp"; NULL: any).  Returns the port, or -1 and *err: SKU_ERR_SYSTEM with EINVAL,
 * SKU_ERR_RESOLVE with EAI_SERVICE for an unknown name, or SKU_ERR_SYSTEM if it cannot be looked
 * up: ENOMEM, or EACCES for a database that may not be read. */
int sku_port_from_text(const char *text, const char *proto, bool numeric, struct sku_error *err);
/* Do family, host and port (AF_UNIX: the path) agree?  Two addresses with len 0 are not equal. */
bool sku_address_equal(const struct sku_address *a, const struct sku_address *b);
/* Turn a v4-mapped IPv6 address (::ffff:a.b.c.d) into IPv4.  Any other address stays. */
void sku_address_unmap(struct sku_address *address);

/* ---- sockets ------------------------------------------------------------------------------- */

/* A socket object: socket.socket.  Initialise it with SKU_SOCK_INIT, which is a closed socket.  The
 * members are read-only: the functions below set them.  Unless a comment says otherwise, they
 * return -1 with EBADF when the socket is closed. */
struct sku_sock {
	int fd;
	int family;
	int type;
	int protocol;
	int64_t timeout_ns;
	int64_t deadline_ns; /* of sku_setdeadline(); 0: none */
};

#define SKU_SOCK_INIT                                                                              \
	{                                                                                          \
		-1, 0, 0, 0, SKU_NO_TIMEOUT, 0                                                     \
	}

/* The same as a value: `many[i] = SKU_SOCK_CLOSED;`. */
#ifdef __cplusplus
#define SKU_SOCK_CLOSED (sku_sock SKU_SOCK_INIT)
#else
#define SKU_SOCK_CLOSED ((struct sku_sock)SKU_SOCK_INIT)
#endif

/* `SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;` closes s at the end of its scope, as Python's
 * `with` does. */
#define SKU_AUTOCLOSE __attribute__((cleanup(sku_autoclose)))
/* Close s and keep errno. */
void sku_autoclose(struct sku_sock *s);

/* socket.socket(family, type, proto): open a socket with the default timeout, or in non-blocking
 * mode if type has SOCK_NONBLOCK.  SOCK_NONBLOCK and SOCK_CLOEXEC are not kept in s->type.  Returns
 * 0, or -1 with the errors of socket(2). */
int sku_socket(struct sku_sock *s, int family, int type, int protocol);
/* socket.socket(fileno=fd): take over the open socket fd, and make it close-on-exec.  family, type
 * and protocol are read from it.  It gets the default timeout; without one it stays blocking or
 * non-blocking, as it is.  On success s owns fd.  Returns 0, or -1 with ENOTSOCK, EBADF or another
 * error of getsockopt(2) or fcntl(2); fd then stays the caller's. */
int sku_socket_from_fd(struct sku_sock *s, int fd);
/* socket.socketpair(): two connected sockets with the default timeout, which the caller has to
 * close; type as for sku_socket().  Returns 0, or -1 with the errors of socketpair(2). */
int sku_socketpair(struct sku_sock pair[2], int family, int type, int protocol);
/* socket.dup(): a second socket for the same connection, with the timeout and the deadline of the
 * first, which the caller has to close.  Both share one O_NONBLOCK: a mode that is set on one may
 * not suit the other, as in Python.  Returns 0, or -1 with the errors of fcntl(2). */
int sku_dup(const struct sku_sock *s, struct sku_sock *copy);
/* The descriptor, which stays the socket's, or -1 when it is closed; errno is not set. */
int sku_fileno(const struct sku_sock *s);
/* Close the socket.  Returns 0, also when it was closed before, or -1 with the errors of close(2).
 * The descriptor is closed in each case. */
int sku_close(struct sku_sock *s);
/* Close a stream socket so that a TCP peer sees a reset instead of an end of the stream (SO_LINGER
 * with 0, socket(7)).  Returns as sku_close(). */
int sku_reset(struct sku_sock *s);
/* Give the descriptor to the caller, who has to close it, and leave the object closed.  Returns the
 * descriptor, or -1 with EBADF. */
int sku_detach(struct sku_sock *s);

/* bind(2).  Returns 0, or -1 with errno. */
int sku_bind(struct sku_sock *s, const struct sku_address *address);
#define SKU_DEFAULT_BACKLOG INT32_MAX /* as many as the system allows: listen(2) caps it */
/* listen(2).  A backlog below 0 counts as 0, as in Python.  Returns 0, or -1 with errno. */
int sku_listen(struct sku_sock *s, int backlog);
/* Accept a connection into *conn, which the caller has to close, and store its peer's address in
 * *peer, which may be NULL.  The connection has the default timeout; without one it is blocking,
 * whatever mode the listener is in.  A connection that the peer aborted before it was accepted is
 * skipped.  Returns 0, or -1 with EAGAIN in non-blocking mode, ETIMEDOUT in timeout mode, or
 * another error of accept(2). */
int sku_accept(struct sku_sock *s, struct sku_sock *conn, struct sku_address *peer);
/* connect(2).  Returns 0, or -1 with errno: in non-blocking mode EINPROGRESS (AF_UNIX: EAGAIN), in
 * timeout mode ETIMEDOUT, which the system also reports when it gives up.  A blocking socket with
 * SO_SNDTIMEO fails with EINPROGRESS (AF_UNIX: EAGAIN) after that time.  A datagram socket is never
 * connected to its own address, since it would answer itself: it gets another port, or ECONNREFUSED
 * if the caller had bound it to that port.  If no local port is free, TCP and UDP have
 * EADDRNOTAVAIL. */
int sku_connect(struct sku_sock *s, const struct sku_address *address);
/* socket.connect_ex(): the same, but returns 0 or the errno value.  In timeout mode that is
 * ETIMEDOUT, where Python says EAGAIN. */
int sku_connect_ex(struct sku_sock *s, const struct sku_address *address);

/* socket.recv(), socket.recvfrom(): receive at most len bytes.  Returns their number, or 0 at the
 * end of the stream, for an empty datagram, or if len is 0.  Returns -1 with EAGAIN in non-blocking
 * mode, ETIMEDOUT in timeout mode, or another error of recv(2).  flags are those of recv(2).
 * *from, which may be NULL, is the sender's address (len 0 if there is none). */
ssize_t sku_recv(struct sku_sock *s, void *buf, size_t len, int flags);
ssize_t sku_recvfrom(
    struct sku_sock *s, void *buf, size_t len, int flags, struct sku_address *from);
/* socket.send(), socket.sendto(): send at most len bytes.  Returns the number of bytes sent, which
 * may be less than len on a stream, or -1 with EAGAIN in non-blocking mode, ETIMEDOUT in timeout
 * mode, or another error of send(2).  flags are those of send(2); MSG_NOSIGNAL is added.  to may be
 * NULL: the connected peer. */
ssize_t sku_send(struct sku_sock *s, const void *buf, size_t len, int flags);
ssize_t sku_sendto(
    struct sku_sock *s, const void *buf, size_t len, int flags, const struct sku_address *to);
/* socket.sendall(): send all len bytes.  The timeout is one deadline for the whole call.  *sent,
 * which may be NULL, is the number of bytes sent, also after a failure.  Returns 0, or -1 with the
 * errors of sku_send(). */
int sku_sendall(struct sku_sock *s, const void *buf, size_t len, int flags, size_t *sent);

/* Receive all len bytes of a stream: the twin of sku_sendall().  The timeout is one deadline for
 * the whole call.  flags are those of recv(2) without MSG_PEEK.  *received, which may be NULL, is
 * the number of bytes that came, also after a failure.  Returns 0, or -1: ENODATA if the stream
 * ended early, EINVAL if s is no stream socket or for MSG_PEEK, or the errors of sku_recv(). */
int sku_recvall(struct sku_sock *s, void *buf, size_t len, int flags, size_t *received);

/* socket.sendmsg() and recvmsg(): sendmsg(2) and recvmsg(2) as sku_send() and sku_recv().
 * MSG_CMSG_CLOEXEC is added. */
ssize_t sku_sendmsg(struct sku_sock *s, const struct msghdr *message, int flags);
ssize_t sku_recvmsg(struct sku_sock *s, struct msghdr *message, int flags);

#define SKU_FDS_MAX 253 /* unix(7): descriptors in one message, at most */
/* socket.send_fds(): send count descriptors over a UNIX socket, on a stream together with at least
 * one byte.  They stay the caller's, too.  Returns as sku_send(), or -1 with EINVAL for more than
 * SKU_FDS_MAX, or for a stream without a byte. */
ssize_t sku_send_fds(
    struct sku_sock *s, const void *buf, size_t len, const int *fds, size_t count, int flags);
/* socket.recv_fds(): receive bytes and at most *count descriptors, which the caller has to close.
 * *count becomes their number, 0 after a failure.  *message_flags, which may be NULL, has
 * MSG_CTRUNC if more came: the system has closed those.  Returns as sku_recv(). */
ssize_t sku_recv_fds(struct sku_sock *s, void *buf, size_t len, int *fds, size_t *count, int flags,
    int *message_flags);

#define SKU_SENDFILE_ALL INT64_C(-1) /* Python: count=None, to the end of the file */
/* socket.sendfile(file, offset=0, count=None) on a stream socket: send count bytes of file_fd, or
 * SKU_SENDFILE_ALL, from offset (0 or more bytes) on.  The file's position is ignored; afterwards
 * it is offset plus *sent, if the file has one.  A pipe, and any other file that sendfile(2)
 * refuses, is read and sent; a pipe's first offset bytes are discarded.  Progress restarts the
 * timeout.  The timeout and the non-blocking mode also apply to a pipe that stalls.  *sent, which
 * may be NULL, is the number of bytes sent, also after a failure.  Returns 0 once count bytes are
 * sent or the file has ended, which may be earlier: compare *sent with count.  Returns -1 with
 * EINVAL if offset is below 0, count is 0 or below -1, or s is no stream socket; else with the
 * errors of sku_send(), read(2) and sendfile(2). */
int sku_sendfile(struct sku_sock *s, int file_fd, int64_t offset, int64_t count, int64_t *sent);

/* shutdown(2), setsockopt(2) and getsockopt(2).  Each returns 0, or -1 with errno. */
int sku_shutdown(struct sku_sock *s, int how);
int sku_setsockopt(struct sku_sock *s, int level, int option, const void *value, socklen_t len);
/* sku_setsockopt() for an option that is an int. */
int sku_setsockopt_int(struct sku_sock *s, int level, int option, int value);
int sku_getsockopt(struct sku_sock *s, int level, int option, void *value, socklen_t *len);
/* sku_getsockopt() for an option that is an int. */
int sku_getsockopt_int(struct sku_sock *s, int level, int option, int *value);

/* socket.settimeout(): choose one of three modes.  SKU_NO_TIMEOUT: blocking.  0: non-blocking. More
 * than 0: the limit of each operation in nanoseconds.  SKU_DEFAULT_TIMEOUT stands for the default.
 * Returns 0, or -1 with EINVAL for another negative value. */
int sku_settimeout(struct sku_sock *s, int64_t timeout_ns);
/* Limit all operations on the socket by one instant: accepting, connecting, receiving and sending,
 * until another one is set.  sku_deadline_never() removes it.  The earlier of it and the timeout
 * holds.  Once it has passed, each operation fails with ETIMEDOUT, even if it could be done at
 * once. It has no effect in non-blocking mode.  An accepted socket does not have it.  (Do not set
 * the time that is left as a timeout instead: 0 would be the non-blocking mode.)  Returns 0, or -1
 * with the errors of fcntl(2). */
int sku_setdeadline(struct sku_sock *s, struct sku_deadline deadline);
/* socket.gettimeout(): SKU_NO_TIMEOUT, or nanoseconds from 0 on. */
int64_t sku_gettimeout(const struct sku_sock *s);
/* socket.setblocking(): sku_settimeout() with SKU_NO_TIMEOUT (true) or 0 (false). */
int sku_setblocking(struct sku_sock *s, bool blocking);
/* socket.getblocking(): false only in non-blocking mode; true in timeout mode, as in Python. */
bool sku_getblocking(const struct sku_sock *s);
/* socket.setdefaulttimeout(): the mode of the sockets that are opened or accepted from now on, in
 * all threads.  SKU_NO_TIMEOUT, which it is at first, or nanoseconds from 0 on.  Returns 0, or -1
 * with EINVAL for another value. */
int sku_setdefaulttimeout(int64_t timeout_ns);
/* socket.getdefaulttimeout(): SKU_NO_TIMEOUT, or nanoseconds from 0 on. */
int64_t sku_getdefaulttimeout(void);

/* getsockname(2) and getpeername(2).  Each returns 0, or -1 with errno and an empty address (len is
 * 0). */
int sku_getsockname(const struct sku_sock *s, struct sku_address *address);
int sku_getpeername(const struct sku_sock *s, struct sku_address *address);

/* Wait until fd is ready for events (POLLIN, POLLOUT or both), or has an error or a hang-up to
 * report (poll(2)).  With a negative fd it waits for the deadline alone.  Returns 0, or -1 with
 * ETIMEDOUT at the deadline, EBADF if fd is not open, or another error of poll(2). */
int sku_wait_fd(int fd, short events, struct sku_deadline deadline);

/* ---- connecting ---------------------------------------------------------------------------- */

struct sku_connect_opts {
	int family;		 /* AF_UNSPEC (0: both), AF_INET or AF_INET6 */
	int protocol;		 /* 0, or IPPROTO_MPTCP (TCP if the system has no MPTCP) */
	bool numeric;		 /* host is an address and port a number: look nothing up */
	const char *source_host; /* a numeric address to connect from; NULL: the system chooses */
	unsigned source_port;	 /* 0: any; else addresses are tried one after another */
	/* Called after each attempt, in the caller's thread, with 0 or an errno value; may be NULL.
	 * The attempts that are under way when the time is up end with ETIMEDOUT. */
	void (*attempt)(void *arg, const struct sku_address *address, int error);
	void *arg;
};

/* socket.create_connection(): connect to a host by TCP.
 *
 * host is a name or a numeric address, port a number or the name of a service.  opts may be NULL.
 * All addresses of a name are tried, and the families race as RFC 8305 describes: 250 ms between
 * two attempts, IPv6 and IPv4 in turn, in the order of RFC 6724.  The attempts that lose are reset.
 * With a source host only the addresses of its family are tried.
 *
 * timeout_ns limits resolution and connecting together (0 leaves no time), and is then the socket's
 * timeout.  SKU_NO_TIMEOUT and SKU_DEFAULT_TIMEOUT are allowed.
 *
 * Returns 0 and a connection that the caller has to close, or -1 and *err.  If every address
 * failed, *err names the first in the order of RFC 6724 and its error.  At the deadline the error
 * is ETIMEDOUT.  A connection of a socket with itself is ECONNREFUSED.  A failed look-up is
 * SKU_ERR_RESOLVE; its code is EAI_ADDRFAMILY if an address is not of the source's family.  EINVAL:
 * the source is no numeric address, the timeout is another negative value, or, with numeric, host
 * is a name. */
int sku_create_connection(struct sku_sock *s, const char *host, const char *port,
    int64_t timeout_ns, const struct sku_connect_opts *opts, struct sku_error *err);

/* The same for a UNIX stream socket at a path, or at "@NAME" in the abstract namespace.  A server
 * whose backlog is full is tried again until the deadline.  EINVAL and ENAMETOOLONG are those of
 * sku_address_from_path(), too. */
int sku_create_unix_connection(
    struct sku_sock *s, const char *path, int64_t timeout_ns, struct sku_error *err);
/* The same for datagrams: a UDP socket that is connected to the first address, in the order of RFC
 * 6724, to which there is a route.  Nothing is sent, so it is not known whether a peer is there.
 * If there is none, a later call fails with ECONNREFUSED, or no answer comes.  For "localhost" the
 * address is ::1; opts->family chooses.  opts->protocol is not used. */
int sku_create_datagram(struct sku_sock *s, const char *host, const char *port, int64_t timeout_ns,
    const struct sku_connect_opts *opts, struct sku_error *err);

/* create_connection() in steps, for a program that has a loop.  One descriptor and one instant
 * stand for the whole race:
 *
 *	c = sku_connecting_start(host, port, NULL, sku_deadline_in(timeout_ns), &err);
 *	while ((result = sku_connecting_step(c, &s, &err)) == 1)
 *		(void)sku_wait_fd(sku_connecting_fd(c), POLLIN | POLLOUT, sku_connecting_wakes(c));
 *	sku_connecting_cancel(c);
 *
 * Nothing is tried before the first step.  The descriptor belongs to the race, so a loop forgets it
 * before the race is freed. */
struct sku_connecting;

/* Begin: host, port and opts as for sku_create_connection(), and they are copied; opts->arg stays
 * the caller's.  At the deadline the race has failed.  Returns a race that the caller has to free
 * with sku_connecting_cancel(), or NULL and *err: what is wrong with the arguments, ENOMEM, EMFILE
 * or another error of epoll_create1(2), eventfd(2) or pthread_create(3). */
struct sku_connecting *sku_connecting_start(const char *host, const char *port,
    const struct sku_connect_opts *opts, struct sku_deadline deadline, struct sku_error *err);
/* The same for a UNIX stream socket at a path, or at "@NAME" in the abstract namespace.  A server
 * whose backlog is full is tried again until the deadline. */
struct sku_connecting *sku_connecting_start_unix(
    const char *path, struct sku_deadline deadline, struct sku_error *err);
/* The descriptor to poll for POLLIN and POLLOUT, once a step has returned 1.  It stays the same
 * until the end.  A UNIX path has -1: there is nothing to wait for but the instant. */
int sku_connecting_fd(const struct sku_connecting *connecting);
/* Change the deadline.  Who starts a race without one, and sets it only if the first step has
 * returned 1, does not read the clock where the peer answers at once. */
void sku_connecting_set_deadline(struct sku_connecting *connecting, struct sku_deadline deadline);
/* The instant at which to call the next step if the descriptor is not ready before. */
struct sku_deadline sku_connecting_wakes(const struct sku_connecting *connecting);
/* Is a name still being looked up?  One thread asks for both families; if that takes long, two more
 * ask for one each. */
bool sku_connecting_is_resolving(const struct sku_connecting *connecting);
/* Do the next step without waiting.  Returns 1 if there is more to do; 0 and in *s a connection in
 * non-blocking mode that the caller has to close; or -1 and *err as sku_create_connection().  After
 * 0 and -1 it is over, and no step follows. */
int sku_connecting_step(
    struct sku_connecting *connecting, struct sku_sock *s, struct sku_error *err);
/* Give up, and free the race.  errno is kept.  NULL is harmless.  A thread that looks a name up may
 * outlive it. */
void sku_connecting_cancel(struct sku_connecting *connecting);

/* ---- serving ------------------------------------------------------------------------------- */

/* Whether to set SO_REUSEADDR.  By default a stream socket has it, and a datagram socket does not:
 * two living servers could then share a port. */
enum sku_reuseaddr { SKU_REUSEADDR_DEFAULT = 0, SKU_REUSEADDR_ON, SKU_REUSEADDR_OFF };

struct sku_server_opts {
	int family;   /* AF_UNSPEC (0: that of host, for a name AF_INET), AF_INET or AF_INET6 */
	int type;     /* SOCK_STREAM (0, too) or SOCK_DGRAM; SOCK_NONBLOCK as in sku_socket() */
	int protocol; /* 0, or IPPROTO_MPTCP (TCP if the system has no MPTCP) */
	int backlog;  /* of listen(2); 0: the system's maximum; below 0: 0 */
	enum sku_reuseaddr reuseaddr; /* whether to set SO_REUSEADDR */
	bool reuseport;		      /* set SO_REUSEPORT */
	bool numeric;		      /* host is an address and port a number: look nothing up */
	struct sku_deadline deadline; /* of the name's resolution; all zero: never */
};

/* socket.create_server(): open a socket, bind it and, if it is a stream socket, listen.
 *
 * host is a name, a numeric address, or NULL or "" for every address.  For a name, the first
 * address that can be bound is taken: of IPv4 unless opts->family says otherwise, as in Python.
 * Every address of AF_UNSPEC means IPv6 and IPv4 on one dual-stack socket, or only IPv4 if the
 * system has no IPv6. port is a number (0: a free port) or the name of a service.  opts may be
 * NULL, or all zero: a stream socket with the system's longest backlog.
 *
 * Returns 0 and a socket that the caller has to close, or -1 and *err. */
int sku_create_server(struct sku_sock *s, const char *host, const char *port,
    const struct sku_server_opts *opts, struct sku_error *err);

/* The identity of the socket file that a server is bound to, so that only this file is removed. */
struct sku_unix_path {
	int dir_fd; /* its directory; -1: nothing to remove */
	char name[SKU_PATH_MAX + 1];
	uint64_t device;
	uint64_t inode;
};

#define SKU_UNIX_PATH_INIT                                                                         \
	{                                                                                          \
		-1, "", 0, 0                                                                       \
	}

/* The same as sku_create_server() for a UNIX path, or "@NAME" in the abstract namespace.
 *
 * type is SOCK_STREAM or SOCK_DGRAM, SOCK_NONBLOCK as in sku_socket().  backlog is as in struct
 * sku_server_opts: 0 is the system's maximum, and below 0 means 0.  A socket file without a process
 * behind it is replaced, under a flock(2) on its directory.  A datagram socket connects to the path
 * to find out whether there is a process; neither a stream server nor a datagram server notices it.
 *
 * Returns 0, a socket that the caller has to close, and in *bound what sku_unlink_unix_server()
 * takes; or -1 and *err.  EADDRINUSE: a process has the path bound, listening or not.  EEXIST: the
 * path is a file of another kind.  ETIMEDOUT: another process held the lock for 5 s.  EINVAL and
 * ENAMETOOLONG as sku_address_from_path(). */
int sku_create_unix_server(struct sku_sock *s, const char *path, int type, int backlog,
    struct sku_unix_path *bound, struct sku_error *err);
/* Unlink the path, if it is still that socket file.  Call it before the socket is closed: the
 * kernel does not reuse the inode number of an open socket.  Returns 0, also when there is nothing
 * to remove, or -1 with the errors of unlink(2).  A second call does nothing. */
int sku_unlink_unix_server(struct sku_unix_path *bound);

/* Does this machine have IPv6: can ::1 be bound?  If not, errno says why. */
bool sku_has_ipv6(void);
/* socket.has_dualstack_ipv6(): can one socket serve IPv6 and IPv4? */
bool sku_has_dualstack_ipv6(void);

/* ---- look-ups ------------------------------------------------------------------------------ */

/* A function that takes a deadline returns by then: the system's resolver runs in a thread of its
 * own. Nothing can stop such a thread.  It may outlive the call, and then frees its result itself.
 * With sku_deadline_never() no thread is started.
 *
 * Each returns 0, or -1 and *err: SKU_ERR_RESOLVE with an EAI_ value, or SKU_ERR_SYSTEM, with
 * ETIMEDOUT at the deadline. */

#define SKU_HOST_MAX 1025 /* NI_MAXHOST: the longest name or numeric address, with NUL */

/* The official name of a host, its aliases, and its addresses of one family as text, as Python's
 * gethostbyname_ex() returns them.  The caller frees all of it with sku_host_free(). */
struct sku_host {
	int family;
	char *name;
	char **aliases;	  /* ends with NULL */
	char **addresses; /* ends with NULL */
};
/* host may be NULL. */
void sku_host_free(struct sku_host *host);

/* socket.gethostbyname(): the first address of a name, as text into address.
 * socket.gethostbyname_ex(): name, aliases and addresses into *host, which the caller frees; NULL
 * after a failure.
 * family: AF_INET (0 too, as in Python) or AF_INET6.  Another one is EAI_FAMILY, and an address of
 * the other family is EAI_ADDRFAMILY. */
int sku_gethostbyname(const char *name, int family, char address[SKU_ADDRESS_TEXT_MAX],
    struct sku_deadline deadline, struct sku_error *err);
int sku_gethostbyname_ex(const char *name, int family, struct sku_host **host,
    struct sku_deadline deadline, struct sku_error *err);
/* socket.gethostbyaddr(): the name of an address into *host, which the caller frees; NULL after a
 * failure.  address is IPv4 or IPv6, or a name, which is looked up first, as in Python. */
int sku_gethostbyaddr(const char *address, struct sku_host **host, struct sku_deadline deadline,
    struct sku_error *err);
/* socket.gethostname(): this machine's name into buf of len bytes, with NUL.  Returns 0, or -1 with
 * ENAMETOOLONG when buf is too short, or another error of gethostname(2). */
int sku_gethostname(char *buf, size_t len);
/* socket.sethostname().  Returns 0, or -1 with EINVAL for an empty name, which the kernel would
 * accept, or another error of sethostname(2). */
int sku_sethostname(const char *name);
/* socket.getfqdn(): the first name with a dot in the answer of gethostbyaddr(), or else the
 * official name.  White space around name is left out.  name may be NULL, "", "0.0.0.0" or "::":
 * this machine's.  Without an answer buf is name itself, as in Python.  Returns 0, or -1 at the
 * deadline, without memory, a descriptor or a thread for the look-up, for a name longer than
 * SKU_HOST_MAX - 1 bytes (ENAMETOOLONG), or when gethostname(2) fails. */
int sku_getfqdn(
    const char *name, char buf[SKU_HOST_MAX], struct sku_deadline deadline, struct sku_error *err);
/* getaddrinfo(3) under a deadline.  hints may be NULL, and host or service, too.  service is a
 * number of 0 to 65535, or a name that sku_getservbyname() knows; anything else is EAI_SERVICE.  If
 * only one protocol has the name, the entries are for that one.  The caller frees *result with
 * freeaddrinfo(3); it is NULL after a failure. */
int sku_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **result, struct sku_deadline deadline, struct sku_error *err);

/* sku_getaddrinfo() in steps, for a program that has a loop; used as the steps of connecting are.
 */
struct sku_resolving;

/* Begin: the arguments are those of sku_getaddrinfo(), and they are copied.  A thread looks them
 * up.  Returns a look-up that the caller has to free with sku_resolving_cancel(), or NULL and *err:
 * ENOMEM, EMFILE or another error of eventfd(2) or pthread_create(3). */
struct sku_resolving *sku_resolving_start(const char *host, const char *service,
    const struct addrinfo *hints, struct sku_deadline deadline, struct sku_error *err);
/* The descriptor to poll for POLLIN; it stays the same from the start to the end. */
int sku_resolving_fd(const struct sku_resolving *resolving);
/* The instant at which to call the next step if the descriptor is not ready before. */
struct sku_deadline sku_resolving_wakes(const struct sku_resolving *resolving);
/* Returns 1 while there is no answer yet, or 0 and *result, or -1 and *err, as sku_getaddrinfo()
 * without waiting.  After 0 and -1 it is over, and no step follows. */
int sku_resolving_step(
    struct sku_resolving *resolving, struct addrinfo **result, struct sku_error *err);
/* Give up, and free the look-up.  errno is kept.  NULL is harmless. */
void sku_resolving_cancel(struct sku_resolving *resolving);

#define SKU_SERVICE_MAX 256 /* the longest name of a service that is found, with NUL */
/* getnameinfo(3) under a deadline: the name of an address into host, that of its port into service.
 * Either may be NULL.  flags are those of getnameinfo(3).  EAI_OVERFLOW: a buffer is too short. */
int sku_getnameinfo(const struct sku_address *address, char *host, size_t host_size, char *service,
    size_t service_size, int flags, struct sku_deadline deadline, struct sku_error *err);

/* A network interface. */
struct sku_interface {
	unsigned index; /* as in a zone; 0: the end of the list */
	char name[16];
};
/* socket.if_nameindex(): all network interfaces.  Returns a list that ends with index 0, which the
 * caller frees with free(3), or NULL with errno. */
struct sku_interface *sku_if_nameindex(void);

/* How many threads of this process look something up now, including those of abandoned look-ups.  A
 * program that looks up often should keep the number small. */
unsigned sku_lookup_threads(void);

/* The next two take no deadline.  proto is "tcp", "udp" or NULL for any.  If the system has no
 * services database (/etc/services), a built-in table of well-known services answers. */
/* socket.getservbyname(): the port of a service's name or alias.  Returns the port, or -1 with
 * ENOENT, ENOMEM, EMFILE, ENFILE, or EACCES: /etc/services, which may have it, may not be read. */
int sku_getservbyname(const char *name, const char *proto);
/* socket.getservbyport(): the name of the service at port, 0 to 65535 in host byte order, into buf
 * of len bytes.  Returns 0, or -1: ENOENT or EACCES for an unknown port, EINVAL above 65535,
 * ERANGE when buf is too short (SKU_SERVICE_MAX is enough), ENOMEM, EMFILE or ENFILE. */
int sku_getservbyport(unsigned port, const char *proto, char *buf, size_t len);

#ifdef __cplusplus
}
#endif
#endif

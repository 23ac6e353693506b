/* sockutil.h - the API of Python's socket module, in C.
 *
 * Conventions, all through this header:
 *
 * - A function that can fail returns -1 (or NULL, or false where it says so) and sets errno.
 *   Those that do more than one system call also fill in a struct sku_error, which says what was
 *   tried; the pointer may be NULL.
 * - Durations are int64_t nanoseconds: SKU_SECOND and SKU_MS make them readable.  A deadline is an
 *   instant on the monotonic clock; the wall clock is never used for waiting.
 * - Text that goes in is a NUL-terminated string that stays the caller's; buffers that are filled
 *   are the caller's too.  What must be freed says so.
 * - The library never prints, never exits, installs no signal handler, and raises no SIGPIPE.
 *   Different threads may use different sockets; one socket belongs to one thread at a time.
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

#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo; /* netdb.h hides it from a program that asks for ISO C alone */

/* ---- time ---------------------------------------------------------------------------------- */

#define SKU_SECOND INT64_C(1000000000)
#define SKU_MS INT64_C(1000000)
#define SKU_US INT64_C(1000)
#define SKU_NO_TIMEOUT INT64_C(-1)	/* None: wait for ever */
#define SKU_DEFAULT_TIMEOUT INT64_C(-2) /* what sku_getdefaulttimeout() says */

/* An instant on CLOCK_MONOTONIC, in nanoseconds; INT64_MAX is never. */
struct sku_deadline {
	int64_t at_ns;
};

/* The deadline that never comes. */
struct sku_deadline sku_deadline_never(void);
/* timeout_ns from now; a negative timeout is never. */
struct sku_deadline sku_deadline_in(int64_t timeout_ns);
/* The earlier of the two. */
struct sku_deadline sku_deadline_earlier(struct sku_deadline a, struct sku_deadline b);
/* Nanoseconds left: 0 when it has passed, SKU_NO_TIMEOUT for never. */
int64_t sku_deadline_left(struct sku_deadline deadline);
bool sku_deadline_passed(struct sku_deadline deadline);
/* The same for poll(2) and epoll_wait(2): milliseconds, rounded up, -1 for never. */
int sku_deadline_poll_ms(struct sku_deadline deadline);
/* CLOCK_MONOTONIC now, in nanoseconds. */
int64_t sku_now(void);

/* ---- errors -------------------------------------------------------------------------------- */

enum sku_error_kind {
	SKU_ERR_NONE = 0,
	SKU_ERR_SYSTEM,	 /* code is an errno value */
	SKU_ERR_RESOLVE, /* code is an EAI_ value of getaddrinfo(3) */
};

#define SKU_ERROR_CONTEXT_MAX 512

struct sku_error {
	enum sku_error_kind kind;
	int code;
	unsigned addresses;		     /* connecting: how many addresses were tried */
	char context[SKU_ERROR_CONTEXT_MAX]; /* what was tried: "connect to ::1 port 7" */
};

/* Fill in *err (which may be NULL) and set errno (EHOSTUNREACH for a failed look-up). */
__attribute__((format(printf, 4, 5))) void sku_error_set(
    struct sku_error *err, enum sku_error_kind kind, int code, const char *format, ...);
/* Why it failed, in words: strerror(3) or gai_strerror(3).  Valid until the thread's next call. */
const char *sku_error_reason(const struct sku_error *err);

/* ---- addresses ----------------------------------------------------------------------------- */

/* A socket address of any family.  len 0 is no address at all. */
struct sku_address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;
};

#define SKU_ADDRESS_TEXT_MAX 128 /* "fe80::…%interface", or a sun_path, and NUL */

/* From a numeric address (IPv4 in any form that inet_aton(3) knows, IPv6 with or without a zone)
 * and a port of 0 to 65535.  family AF_UNSPEC takes either.  EINVAL: it is no such address. */
int sku_address_from_numeric(
    struct sku_address *address, int family, const char *host, unsigned port);
/* From a path, or "@NAME" for Linux's abstract namespace.  ENAMETOOLONG: sockaddr_un has no room;
 * EINVAL: empty. */
int sku_address_from_path(struct sku_address *address, const char *path);
/* From an entry of getaddrinfo(3), with this port.  EAFNOSUPPORT: it is neither IPv4 nor IPv6. */
int sku_address_from_addrinfo(
    struct sku_address *address, const struct addrinfo *entry, unsigned port);
/* The host part (a path for AF_UNIX, "" for an unnamed one) as text; an IPv6 zone is kept, a
 * v4-mapped address is shown as IPv4.  Bytes of a path are copied as they are.  Returns buf. */
const char *sku_address_host(const struct sku_address *address, char buf[SKU_ADDRESS_TEXT_MAX]);
/* The port, 0 where the family has none. */
unsigned sku_address_port(const struct sku_address *address);
/* A port as people write it: 0 to 65535, or (numeric false) the name of a service of proto ("tcp",
 * "udp"; NULL: any).  The port, or -1 and *err: EINVAL, or EAI_SERVICE for an unknown name. */
int sku_port_from_text(const char *text, const char *proto, bool numeric, struct sku_error *err);
bool sku_address_equal(const struct sku_address *a, const struct sku_address *b);
/* ::ffff:a.b.c.d becomes a.b.c.d; anything else stays. */
void sku_address_unmap(struct sku_address *address);

/* ---- sockets ------------------------------------------------------------------------------- */

/* A socket object.  Initialise with SKU_SOCK_INIT; read fd through sku_fileno(). */
struct sku_sock {
	int fd;
	int family;
	int type;
	int protocol;
	int64_t timeout_ns;
};

#define SKU_SOCK_INIT                                                                              \
	{                                                                                          \
		-1, 0, 0, 0, SKU_NO_TIMEOUT                                                        \
	}

/* `SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;` closes at the end of the scope: `with`. */
#define SKU_AUTOCLOSE __attribute__((cleanup(sku_autoclose)))
void sku_autoclose(struct sku_sock *s);

/* socket(family, type, proto): non-inheritable, with the default timeout. */
int sku_socket(struct sku_sock *s, int family, int type, int protocol);
/* socket(fileno=fd): takes an open socket over; family, type and protocol are read from it.  With
 * no default timeout the mode is the one it is in.  ENOTSOCK, EBADF as getsockopt(2). */
int sku_socket_from_fd(struct sku_sock *s, int fd);
/* The descriptor, or -1 when closed. */
int sku_fileno(const struct sku_sock *s);
/* Closing twice is harmless (0).  EINTR is not reported: the descriptor is gone. */
int sku_close(struct sku_sock *s);
/* Close so that the peer sees a reset, not the end of a stream (SO_LINGER with 0). */
int sku_reset(struct sku_sock *s);
/* Hands the descriptor to the caller; the object is closed then.  -1 when it was. */
int sku_detach(struct sku_sock *s);

int sku_bind(struct sku_sock *s, const struct sku_address *address);
#define SKU_DEFAULT_BACKLOG INT32_MAX /* the system's SOMAXCONN */
/* Below 0 counts as 0. */
int sku_listen(struct sku_sock *s, int backlog);
/* A connection into *conn (non-inheritable; it has the default timeout, else it is blocking) and
 * its peer's address into *peer (may be NULL). */
int sku_accept(struct sku_sock *s, struct sku_sock *conn, struct sku_address *peer);
/* In non-blocking mode EINPROGRESS (EAGAIN for AF_UNIX) as connect(2); a signal never ends it.  A
 * datagram socket is never connected to its own address, where it would answer itself: it gets
 * another port, or ECONNREFUSED where it was bound to this one. */
int sku_connect(struct sku_sock *s, const struct sku_address *address);

/* Bytes received; 0 is the end of the stream (or an empty datagram).  Errors: EAGAIN in
 * non-blocking mode, ETIMEDOUT in timeout mode, and those of recv(2). */
ssize_t sku_recv(struct sku_sock *s, void *buf, size_t len, int flags);
ssize_t sku_recvfrom(
    struct sku_sock *s, void *buf, size_t len, int flags, struct sku_address *from);
/* Bytes sent, which may be fewer than len. */
ssize_t sku_send(struct sku_sock *s, const void *buf, size_t len, int flags);
ssize_t sku_sendto(
    struct sku_sock *s, const void *buf, size_t len, int flags, const struct sku_address *to);
/* All of it (0) or an error; *sent (may be NULL) says how much went in both cases.  The timeout is
 * one deadline for the whole call. */
int sku_sendall(struct sku_sock *s, const void *buf, size_t len, int flags, size_t *sent);

#define SKU_SENDFILE_ALL INT64_C(-1) /* count=None: to the end of the file */
/* sendfile(file, offset=0, count=None) on a stream socket: count bytes (or all) of file_fd from
 * offset on; the file's position does not matter and is offset plus *sent afterwards, where the
 * file has one.  Pipes and what sendfile(2) refuses are read and sent.  Returns 0 when count bytes
 * or the file's end was reached: *sent (may be NULL) says how much went, also on failure.  The
 * timeout is armed anew by progress.  EINVAL: offset below 0, count 0 or below -1, no stream. */
int sku_sendfile(struct sku_sock *s, int file_fd, int64_t offset, int64_t count, int64_t *sent);

int sku_shutdown(struct sku_sock *s, int how);
int sku_setsockopt(struct sku_sock *s, int level, int option, const void *value, socklen_t len);
/* setsockopt for the common case of an int. */
int sku_setsockopt_int(struct sku_sock *s, int level, int option, int value);
int sku_getsockopt(struct sku_sock *s, int level, int option, void *value, socklen_t *len);

/* The three modes: SKU_NO_TIMEOUT blocking, 0 non-blocking, else the limit of each operation.
 * EINVAL: another negative value. */
int sku_settimeout(struct sku_sock *s, int64_t timeout_ns);
int64_t sku_gettimeout(const struct sku_sock *s);
int sku_setblocking(struct sku_sock *s, bool blocking);
/* False in non-blocking mode alone. */
bool sku_getblocking(const struct sku_sock *s);
/* For sockets made from now on, in all threads.  EINVAL as sku_settimeout. */
int sku_setdefaulttimeout(int64_t timeout_ns);
int64_t sku_getdefaulttimeout(void);

int sku_getsockname(const struct sku_sock *s, struct sku_address *address);
int sku_getpeername(const struct sku_sock *s, struct sku_address *address);

/* Wait for POLLIN or POLLOUT on a descriptor until the deadline: 0, or -1 with ETIMEDOUT. */
int sku_wait_fd(int fd, short events, struct sku_deadline deadline);

/* ---- connecting ---------------------------------------------------------------------------- */

struct sku_connect_opts {
	int family;		 /* AF_UNSPEC (0), AF_INET or AF_INET6 */
	int protocol;		 /* 0, or IPPROTO_MPTCP (falls back to TCP where there is none) */
	bool numeric;		 /* host is an address: nothing is looked up */
	const char *source_host; /* numeric; NULL: the system chooses */
	unsigned source_port;	 /* 0: any.  Else the addresses are tried in turn, not raced */
	/* Called after each address that was tried, with 0 or an errno value; may be NULL. */
	void (*attempt)(void *arg, const struct sku_address *address, int error);
	void *arg;
};

/* create_connection(): every address of the name, racing the families as RFC 8305 describes
 * (250 ms between attempts, IPv6 and IPv4 in turn, RFC 6724 order), resolution and connecting
 * within timeout_ns together (0 leaves no time).  The socket keeps the timeout.  Attempts that lost
 * are reset.  A connection of a socket with itself is ECONNREFUSED.  On failure *err has the first
 * address in RFC 6724 order and their number.  port is a number or a service's name.  opts may be
 * NULL. */
int sku_create_connection(struct sku_sock *s, const char *host, const char *port,
    int64_t timeout_ns, const struct sku_connect_opts *opts, struct sku_error *err);

/* ---- serving ------------------------------------------------------------------------------- */

struct sku_server_opts {
	int family;	   /* AF_UNSPEC: what the host has; with host NULL both, or IPv4 alone */
	int type;	   /* 0: SOCK_STREAM; or SOCK_DGRAM */
	int protocol;	   /* 0, or IPPROTO_MPTCP (falls back to TCP where there is none) */
	int backlog;	   /* 0 is 0: SKU_DEFAULT_BACKLOG for the system's */
	bool no_reuseaddr; /* SO_REUSEADDR is on for streams unless this is set */
	bool reuseaddr;	   /* and off for datagrams unless this is set */
	bool reuseport;
	bool numeric;
	struct sku_deadline deadline; /* of the name's resolution; all zero: never */
};

/* create_server(): bound and, for a stream, listening.  host NULL is every address, on one
 * dual-stack socket where the system has it and opts->family does not say otherwise.  port is a
 * number or a service's name.  opts may be NULL. */
int sku_create_server(struct sku_sock *s, const char *host, const char *port,
    const struct sku_server_opts *opts, struct sku_error *err);
/* A UNIX path that a server is bound to, kept so that it can be removed and nothing else. */
struct sku_unix_path {
	int dir_fd; /* its directory; -1: nothing to remove (abstract, or not ours) */
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	dev_t device;
	ino_t inode;
};

#define SKU_UNIX_PATH_INIT                                                                         \
	{                                                                                          \
		-1, "", 0, 0                                                                       \
	}

/* create_server() for a UNIX path; type SOCK_STREAM or SOCK_DGRAM.  The socket file of a server
 * that is gone is replaced, under a lock on its directory; one that lives, listening or not yet, is
 * EADDRINUSE, and any other file EEXIST.  Whether it lives is found out by connecting a datagram
 * socket, which a stream server never sees and a datagram server neither. */
int sku_create_unix_server(struct sku_sock *s, const char *path, int type, int backlog,
    struct sku_unix_path *bound, struct sku_error *err);
/* Unlink the path, if what stands there is still that socket.  Call it before the socket is closed:
 * an open socket keeps the number of its inode from being used again.  Once; then harmless. */
int sku_unlink_unix_server(struct sku_unix_path *bound);

/* Is there IPv6 here (can ::1 be bound)?  And both families on one socket? */
bool sku_has_ipv6(void);
bool sku_has_dualstack_ipv6(void);

/* ---- look-ups ------------------------------------------------------------------------------ */

/* All of these return in time: under a deadline the system's resolver runs in a thread of its own,
 * which goes on by itself after the deadline, since nothing can stop it, and frees what it made.
 * Look-ups fail with SKU_ERR_RESOLVE, or SKU_ERR_SYSTEM with ETIMEDOUT. */

#define SKU_HOST_MAX 1025 /* NI_MAXHOST: longest name or numeric address, and NUL */

/* The result of the _ex functions: a name, its aliases, and addresses of one family as text.
 * One allocation: free with sku_host_free(). */
struct sku_host {
	int family;
	char *name;
	char **aliases;	  /* ends with NULL */
	char **addresses; /* ends with NULL */
};
void sku_host_free(struct sku_host *host);

/* One address as text, and all that gethostbyname2_r(3) says.  family AF_INET (0 too, as in Python)
 * or AF_INET6; another is EAI_FAMILY. */
int sku_gethostbyname(const char *name, int family, char address[SKU_ADDRESS_TEXT_MAX],
    struct sku_deadline deadline, struct sku_error *err);
int sku_gethostbyname_ex(const char *name, int family, struct sku_host **host,
    struct sku_deadline deadline, struct sku_error *err);
/* address: IPv4 or IPv6, or a name, which is looked up first, as in Python. */
int sku_gethostbyaddr(const char *address, struct sku_host **host, struct sku_deadline deadline,
    struct sku_error *err);
/* len: of buf, with the NUL. */
int sku_gethostname(char *buf, size_t len);
/* EINVAL for an empty name, which the kernel would take. */
int sku_sethostname(const char *name);
/* The first name of gethostbyaddr's answer that has a dot; else the host name.  name NULL, "" or
 * "0.0.0.0": this machine's.  Without an answer, name itself. */
int sku_getfqdn(
    const char *name, char buf[SKU_HOST_MAX], struct sku_deadline deadline, struct sku_error *err);
/* getaddrinfo(3) under a deadline.  Free *result with freeaddrinfo(3). */
int sku_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **result, struct sku_deadline deadline, struct sku_error *err);

/* proto NULL: any.  Where the system has no services database at all, a built-in table of
 * well-known services answers.  Port, or -1 with errno ENOENT. */
int sku_getservbyname(const char *name, const char *proto);
/* Name into buf.  ENOENT: unknown; EINVAL: port above 65535; ERANGE: buf is too short. */
int sku_getservbyport(unsigned port, const char *proto, char *buf, size_t len);

#ifdef __cplusplus
}
#endif
#endif

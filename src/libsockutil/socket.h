/* socket.h - what other modules of the library need to know of a socket. */
#ifndef SKU_SOCKET_H
#define SKU_SOCKET_H

#include "libsockutil/sockutil.h"

#include <stdbool.h>

/* Are the local and the peer address of fd the same?  The system may choose as local port the very
 * port that a socket connects to on this machine.  TCP then connects by a simultaneous open, UDP at
 * once. */
bool sku_is_connected_to_itself(int fd);

/* A type of socket(2) without SOCK_NONBLOCK and SOCK_CLOEXEC, which may be in it. */
int sku_type_kind(int type);

/* One operation on a socket, which ends as the socket's mode says. */
struct sku_operation {
	struct sku_deadline deadline;
	bool waits;	/* EAGAIN is a reason to poll */
	bool polls;	/* it waits on a blocking descriptor, since there is a hook */
	bool was_ready; /* poll(2) has said so since the last progress */
	int flags;	/* of send(2) or recv(2) */
	short events;	/* what receiving with these flags polls for */
};

/* Begin.  Returns 0, or -1 with EBADF (the socket is closed) or ETIMEDOUT (its deadline has
 * passed). */
int sku_operation_begin(struct sku_operation *op, const struct sku_sock *s, int flags);
/* Call it after a system call has failed.  Returns 0 to call that again, once the socket is ready,
 * or -1 with errno. */
int sku_operation_retry(struct sku_operation *op, const struct sku_sock *s, short events);
/* Is there a hook that may end a call? */
bool sku_has_interrupt(void);
/* Ask the hook.  Returns 0 to go on, or -1 with ECANCELED. */
int sku_check_interrupt(void);
int sku_set_nonblock(int fd, bool nonblock);

/* The backlog for sku_listen() from that of struct sku_server_opts, where 0 is the default. */
int sku_backlog(int backlog);

#endif

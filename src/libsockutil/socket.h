/* socket.h - what others of the library need to know of a socket. */
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
	bool waits;   /* EAGAIN is a reason to poll */
	bool polls;   /* it waits, and the descriptor is a blocking one: the hook is to be asked */
	int flags;    /* of send(2) or recv(2) */
	short events; /* what receiving with these flags polls for */
};

/* Begin.  Returns 0, or -1 with EBADF for a closed socket, ETIMEDOUT for a deadline of the socket
 * that has passed. */
int sku_operation_begin(struct sku_operation *op, const struct sku_sock *s, int flags);
/* After a system call failed: returns 0 to call it again, once the socket is ready, or -1 with
 * errno. */
int sku_operation_retry(const struct sku_operation *op, const struct sku_sock *s, short events);
/* Is there a hook that may end a call? */
bool sku_has_interrupt(void);
/* Ask it.  Returns 0 to go on, or -1 with ECANCELED. */
int sku_check_interrupt(void);
int sku_set_nonblock(int fd, bool nonblock);

/* The backlog of a server that is created, for sku_listen(): 0 is the default there. */
int sku_backlog(int backlog);

#endif

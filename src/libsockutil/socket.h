/* socket.h - what others of the library need to know of a socket. */
#ifndef SKU_SOCKET_H
#define SKU_SOCKET_H

#include <stdbool.h>

/* Are the local and the peer address of fd the same?  The system may choose as local port the very
 * port that a socket connects to on this machine.  TCP then connects by a simultaneous open, UDP at
 * once. */
bool sku_is_connected_to_itself(int fd);

/* A type of socket(2) without SOCK_NONBLOCK and SOCK_CLOEXEC, which may be in it. */
int sku_type_kind(int type);

/* The backlog of a server that is created, for sku_listen(): 0 is the default there. */
int sku_backlog(int backlog);

#endif

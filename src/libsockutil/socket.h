/* socket.h - what connecting asks of a socket. */
#ifndef SKU_SOCKET_H
#define SKU_SOCKET_H

#include <stdbool.h>

/* Are its two ends one and the same address?  A free port of this machine that is connected to can
 * be given to the socket itself: over TCP by a simultaneous open, over UDP as a matter of course.
 */
bool sku_is_connected_to_itself(int fd);

#endif

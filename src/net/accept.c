/* accept.c - accepting connections from a listener.
 * Row net. */
#include "net/accept.h"

#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"

#include <errno.h>
#include <string.h>

/* accept(2): these errors mean a lack of descriptors or memory.  Others concern one connection. */
static bool
is_shortage(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

enum accept_result
accept_connection(struct listener *listener, const struct access_list *access,
    struct sku_sock *conn, struct sku_address *peer)
{
	while (sku_accept(&listener->sock, conn, peer) == -1) {
		if (errno == EAGAIN)
			return ACCEPT_NONE;
		if (is_shortage(errno))
			return ACCEPT_FAILED;
		/* accept(2), "Error handling": this connection failed, the next one may not. */
		msg_verbose(1, "accept: %s", strerror(errno));
	}
	sku_address_unmap(peer);
	if (access_check(access, peer))
		return ACCEPT_TAKEN;
	peer_log(peer, "refused");
	(void)sku_reset(conn);
	return ACCEPT_REFUSED;
}

/* retry.h - connecting again after a connection was lost: --retry. */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "net/peer_options.h"

struct retry {
	int64_t left;	  /* tries */
	int64_t pause_ns; /* before the next */
};

#define RETRY_INIT(tries)                                                                          \
	{                                                                                          \
		tries, 100 * SKU_MS                                                                \
	}

/* Connect once more, after a pause that grows from a tenth of a second to five; a try that finds
 * nobody counts, too, unless --wait has it go on.  0 and the socket, or the error of the last try
 * is reported and its status returned. */
int retry_reconnect(struct retry *retry, const struct peer_options *options, struct sku_sock *sock);

#endif

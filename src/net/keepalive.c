/* keepalive.c - finding out that a TCP peer is gone: --keepalive.
 * Row net. */
#include "net/keepalive.h"

#include <netinet/tcp.h>

/* Linux 6.15. */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif

#define PARTS 6 /* the time is divided into as many */
#define PROBES 3

void
keepalive_set(struct sku_sock *s, int seconds)
{
	int interval = seconds / PARTS > 0 ? seconds / PARTS : 1;
	int probes = seconds > PROBES ? PROBES : seconds > 1 ? seconds - 1 : 1;
	int idle = seconds - interval * probes > 0 ? seconds - interval * probes : 1;
	int rto_max_ms = seconds > PROBES ? seconds * 1000 / PROBES : 1000;

	if (seconds == 0)
		return;
	(void)sku_setsockopt_int(s, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)sku_setsockopt_int(s, IPPROTO_TCP, TCP_KEEPIDLE, idle);
	(void)sku_setsockopt_int(s, IPPROTO_TCP, TCP_KEEPINTVL, interval);
	(void)sku_setsockopt_int(s, IPPROTO_TCP, TCP_KEEPCNT, probes);
	/* The kernel probes a peer that does not read ever more rarely: bound the pause, at 2
	 * minutes at most. */
	(void)sku_setsockopt_int(
	    s, IPPROTO_TCP, TCP_RTO_MAX_MS, rto_max_ms < 120000 ? rto_max_ms : 120000);
}

int64_t
keepalive_interval(int seconds)
{
	return seconds * SKU_SECOND / PARTS;
}

bool
keepalive_is_gone(struct keepalive *k, const struct sku_sock *s, int seconds, int64_t now)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int64_t acknowledged_ns;

	if (getsockopt(sku_fileno(s), IPPROTO_TCP, TCP_INFO, &info, &len) == -1 ||
	    (info.tcpi_unacked == 0 && info.tcpi_probes == 0)) {
		k->unanswered_since_ns = 0;
		return false;
	}
	acknowledged_ns = now - info.tcpi_last_ack_recv * SKU_MS;
	if (k->unanswered_since_ns == 0)
		k->unanswered_since_ns = now;
	else if (acknowledged_ns > k->unanswered_since_ns)
		k->unanswered_since_ns = acknowledged_ns;
	return now - k->unanswered_since_ns >= seconds * SKU_SECOND;
}

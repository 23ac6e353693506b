/* datagrams.c - the loop that answers datagrams.
 * Row tool.
 *
 * Each is answered by one that is as long, from the address that it came to, or by none: what could
 * make two echo services talk for ever (CVE-1999-0103, CVE-2024-2169) is not answered. */
#include "sockecho-server/datagrams.h"

#include "run/ascii.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/rate.h"
#include "run/run.h"
#include "run/wait.h"
#include "sockecho-server/source_limit.h"
#include "sockecho-server/stats.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 16
#define BUFFERS_MAX ((size_t)16 << 20)
#define DELAYED_MAX ((size_t)4 << 20)
#define FINISH_TIMEOUT (5 * SKU_SECOND)
#define SEND_TIMEOUT (1 * SKU_SECOND)
#define DEFAULT_RATE 1000
#define FIRST_UNPRIVILEGED_PORT 1024

/* Room for one IP_PKTINFO or IPV6_PKTINFO. */
struct control {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* An answer that --delay holds back. */
struct delayed_answer {
	struct delayed_answer *next;
	int64_t due_ns;
	struct sku_address peer;
	struct control control;
	size_t control_len;
	size_t len;
	char bytes[];
};

struct loop {
	const struct server_config *config;
	struct listener *listener;
	bool wildcard; /* the address that a datagram came to must be asked for */
	int64_t now, idle_since_ns, finish_by_ns;
	int64_t answered;
	struct source_limit *rate;
	bool rate_noted;
	uint64_t random;
	size_t batch, size;
	char *buffers;
	struct mmsghdr in[BATCH];
	struct iovec iov[BATCH];
	struct sku_address peers[BATCH];
	struct control controls[BATCH];
	struct mmsghdr out[BATCH];
	struct delayed_answer *first, **last;
	size_t delayed_bytes;
};

/* ---- which are answered -------------------------------------------------------------------- */

static bool
is_reserved_address(const struct sku_address *address)
{
	if (address->sa.sa_family == AF_INET) {
		in_addr_t a = ntohl(address->in.sin_addr.s_addr);

		return a == INADDR_ANY || a == INADDR_BROADCAST || IN_MULTICAST(a);
	}
	return IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr) ||
	       IN6_IS_ADDR_MULTICAST(&address->in6.sin6_addr);
}

/* The address that message i came to, and whether it was a broadcast of some network. */
static struct sku_address
destination(struct loop *loop, size_t i, bool *broadcast)
{
	struct sku_address to = loop->listener->address;
	struct msghdr *msg = &loop->in[i].msg_hdr;

	*broadcast = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			to.in.sin_addr = info.ipi_addr;
			*broadcast = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			to.in6.sin6_addr = info.ipi6_addr;
		}
	}
	sku_address_unmap(&to);
	return to;
}

/* RFC 862 echo, RFC 864 chargen and their like live on low ports, and so do spoofed questions that
 * would make two servers answer each other; an answer to many is an amplifier. */
static bool
may_loop_or_amplify(struct loop *loop, size_t i, const struct sku_address *peer)
{
	bool broadcast;
	struct sku_address to = destination(loop, i, &broadcast), from = *peer;

	if (loop->config->allow_reserved)
		return false;
	to.in.sin_port = htons((in_port_t)sku_address_port(&loop->listener->address));
	if (to.sa.sa_family == AF_INET6 && from.sa.sa_family == AF_INET6)
		from.in6.sin6_scope_id = to.in6.sin6_scope_id;
	return sku_address_port(peer) < FIRST_UNPRIVILEGED_PORT || is_reserved_address(peer) ||
	       is_reserved_address(&to) || broadcast || sku_address_equal(&from, &to);
}

static bool
is_loopback(const struct sku_address *address)
{
	if (address->sa.sa_family == AF_INET)
		return ntohl(address->in.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
}

static bool
within_rate(struct loop *loop, const struct sku_address *peer)
{
	char text[PEER_TEXT_MAX];

	if (loop->rate == NULL || (loop->config->rate == UNLIMITED && is_loopback(peer)) ||
	    source_limit_take(loop->rate, peer, loop->now))
		return true;
	if (!loop->rate_noted)
		msg_note(
		    "%s sends more than --rate allows: the rest is dropped", peer_text(peer, text));
	loop->rate_noted = true;
	return false;
}

/* splitmix64: the same seed loses the same datagrams. */
static bool
is_dropped_on_purpose(struct loop *loop)
{
	uint64_t z;

	if (loop->config->drop == 0)
		return false;
	z = loop->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (int64_t)((z ^ z >> 31) % 1000000) < loop->config->drop;
}

static bool
is_answered(struct loop *loop, size_t i)
{
	struct msghdr *msg = &loop->in[i].msg_hdr;
	struct sku_address peer = loop->peers[i];

	peer.len = msg->msg_namelen;
	if ((msg->msg_flags & MSG_TRUNC) != 0)
		return false;
	if (loop->listener->sock.family == AF_UNIX) /* one without a name cannot be answered */
		return peer.len > sizeof(sa_family_t) && !is_dropped_on_purpose(loop);
	sku_address_unmap(&peer);
	if (!access_check(&loop->config->listen.access, &peer)) {
		counter_add(&server_stats.refused, 1);
		return false;
	}
	return !may_loop_or_amplify(loop, i, &peer) && within_rate(loop, &peer) &&
	       !is_dropped_on_purpose(loop);
}

/* ---- answering ----------------------------------------------------------------------------- */

static void
count_dropped(const struct sku_address *peer, const char *reason)
{
	char text[PEER_TEXT_MAX];

	counter_add(&server_stats.dropped, 1);
	if (run.verbose > 1)
		msg_verbose(2, "%s: a datagram is dropped%s%s", peer_text(peer, text),
		    *reason != '\0' ? ": " : "", reason);
}

/* All answers that are ready.  One that cannot be sent is dropped; a full send buffer of a network
 * socket empties by itself, that of a UNIX peer only when the peer reads. */
static void
send_answers(struct loop *loop, struct mmsghdr *answers, size_t count)
{
	struct sku_deadline timeout = sku_deadline_in(SEND_TIMEOUT);
	int fd = sku_fileno(&loop->listener->sock);
	size_t i = 0;

	while (i < count) {
		int n =
		    sendmmsg(fd, &answers[i], (unsigned)(count - i), MSG_DONTWAIT | MSG_NOSIGNAL);

		for (int sent = 0; sent < n; sent++, i++) {
			counter_add(&server_stats.bytes_out, answers[i].msg_len);
			loop->answered++;
		}
		if (n >= 0 || errno == EINTR)
			continue;
		if ((errno == EAGAIN || errno == ENOBUFS) &&
		    loop->listener->sock.family != AF_UNIX &&
		    run_wait_fd(fd, POLLOUT, timeout) == 0)
			continue;
		count_dropped(answers[i].msg_hdr.msg_name, strerror(errno));
		i++;
	}
}

static void
delay_answer(struct loop *loop, const struct mmsghdr *answer)
{
	const struct msghdr *msg = &answer->msg_hdr;
	size_t len = msg->msg_iov->iov_len;
	struct delayed_answer *d = NULL;

	if (loop->delayed_bytes + len <= DELAYED_MAX)
		d = malloc(sizeof(*d) + len);
	if (d == NULL) {
		count_dropped(msg->msg_name, "too many wait for --delay");
		return;
	}
	*d = (struct delayed_answer){ .due_ns = loop->now + loop->config->delay_ns, .len = len };
	memcpy(&d->peer, msg->msg_name, msg->msg_namelen);
	d->peer.len = msg->msg_namelen;
	d->control_len = msg->msg_controllen;
	if (d->control_len > 0)
		memcpy(&d->control, msg->msg_control, d->control_len);
	memcpy(d->bytes, msg->msg_iov->iov_base, len);
	*loop->last = d;
	loop->last = &d->next;
	loop->delayed_bytes += sizeof(*d) + len;
}

static void
send_delayed(struct loop *loop)
{
	while (loop->first != NULL && loop->first->due_ns <= loop->now) {
		struct delayed_answer *d = loop->first;
		struct iovec iov = { d->bytes, d->len };
		struct mmsghdr answer = { .msg_hdr = {
					      .msg_name = &d->peer.storage,
					      .msg_namelen = d->peer.len,
					      .msg_iov = &iov,
					      .msg_iovlen = 1,
					      .msg_control =
						  d->control_len > 0 ? &d->control : NULL,
					      .msg_controllen = d->control_len,
					  } };

		send_answers(loop, &answer, 1);
		loop->delayed_bytes -= sizeof(*d) + d->len;
		loop->first = d->next;
		if (loop->first == NULL)
			loop->last = &loop->first;
		free(d);
	}
}

/* The control message that makes the answer leave from where the question came to: the same one,
 * less the interface, which routing chooses. */
static void
set_source_address(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (c != NULL && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof(info));
		info.ipi_ifindex = 0;
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else if (c != NULL && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof(info));
		if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			info.ipi6_ifindex = 0;
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		msg->msg_control = NULL;
		msg->msg_controllen = 0;
	}
}

static void
answer_batch(struct loop *loop, size_t received)
{
	size_t count = 0;

	for (size_t i = 0; i < received; i++) {
		struct msghdr *msg = &loop->in[i].msg_hdr;

		counter_add(&server_stats.datagrams, 1);
		counter_add(&server_stats.bytes_in, loop->in[i].msg_len);
		if (!is_answered(loop, i)) {
			loop->peers[i].len = msg->msg_namelen;
			count_dropped(&loop->peers[i], "");
			continue;
		}
		if (loop->config->upper)
			ascii_upper(loop->iov[i].iov_base, loop->in[i].msg_len);
		loop->iov[i].iov_len = loop->in[i].msg_len;
		set_source_address(msg);
		msg->msg_flags = 0;
		if (loop->config->delay_ns > 0)
			delay_answer(loop, &loop->in[i]);
		else
			loop->out[count++] = loop->in[i];
	}
	send_answers(loop, loop->out, count);
}

static size_t
batch_size(const struct loop *loop)
{
	int64_t left = loop->config->connections - loop->answered;

	if (loop->config->connections == UNLIMITED || left >= (int64_t)loop->batch)
		return loop->batch;
	return left > 0 ? (size_t)left : 1;
}

static void
receive_and_answer(struct loop *loop)
{
	size_t batch = batch_size(loop);
	int n;

	for (size_t i = 0; i < batch; i++) {
		loop->iov[i] = (struct iovec){ loop->buffers + i * loop->size, loop->size };
		loop->in[i].msg_hdr = (struct msghdr){
			.msg_name = &loop->peers[i].storage,
			.msg_namelen = sizeof(loop->peers[i].storage),
			.msg_iov = &loop->iov[i],
			.msg_iovlen = 1,
			.msg_control = loop->wildcard ? &loop->controls[i] : NULL,
			.msg_controllen = loop->wildcard ? sizeof(loop->controls[i]) : 0,
		};
	}
	n = recvmmsg(
	    sku_fileno(&loop->listener->sock), loop->in, (unsigned)batch, MSG_DONTWAIT, NULL);
	/* Errors of a datagram socket are about datagrams that went before: they end nothing. */
	if (n > 0) {
		loop->idle_since_ns = loop->now;
		answer_batch(loop, (size_t)n);
	}
}

/* ---- the loop ------------------------------------------------------------------------------ */

static bool
stopping(const struct loop *loop)
{
	return loop->finish_by_ns != INT64_MAX;
}

static bool
is_done(const struct loop *loop)
{
	if (run_signals() > 1 || run_is_killed())
		return true;
	if (stopping(loop))
		return loop->first == NULL || loop->now >= loop->finish_by_ns;
	return loop->config->connections != UNLIMITED &&
	       loop->answered >= loop->config->connections;
}

static int64_t
idle_deadline(const struct loop *loop)
{
	int64_t timeout_ns = run.timeouts.accept_ns;

	return timeout_ns == SKU_NO_TIMEOUT || stopping(loop) || loop->first != NULL ?
		   INT64_MAX :
		   loop->idle_since_ns + timeout_ns;
}

static int
poll_ms(const struct loop *loop)
{
	struct sku_deadline at = run.timeouts.run;

	at = sku_deadline_earlier(at, (struct sku_deadline){ idle_deadline(loop) });
	at = sku_deadline_earlier(at, (struct sku_deadline){ loop->finish_by_ns });
	if (loop->first != NULL)
		at = sku_deadline_earlier(at, (struct sku_deadline){ loop->first->due_ns });
	return sku_deadline_poll_ms(at);
}

/* STATUS_OK to go on. */
static int
check_deadlines(const struct loop *loop)
{
	if (loop->now >= run.timeouts.run.at_ns)
		return msg_error(STATUS_TIMED_OUT, ETIMEDOUT, "timed out (--max-time)", "serve");
	if (loop->now < idle_deadline(loop))
		return STATUS_OK;
	if (run.timeouts.accept_ns == 0)
		return msg_error_errno(STATUS_FAILED, EAGAIN, "receive");
	return msg_error(STATUS_TIMED_OUT, ETIMEDOUT, "timed out (--accept-timeout)", "receive");
}

static int
answer_datagrams(struct loop *loop)
{
	struct pollfd pfds[2] = {
		{ .fd = sku_fileno(&loop->listener->sock), .events = POLLIN },
		{ .fd = run.cancel_fd, .events = POLLIN },
	};
	int status = STATUS_OK;

	while (status == STATUS_OK && !is_done(loop)) {
		int n = poll(pfds, 2, poll_ms(loop));

		loop->now = sku_now();
		if (n > 0 && run_signals() > 0) {
			pfds[0].fd = -1;
			if (!stopping(loop))
				loop->finish_by_ns = loop->now + FINISH_TIMEOUT;
		} else if (n > 0 && pfds[0].revents != 0 && !stopping(loop)) {
			receive_and_answer(loop);
		}
		send_delayed(loop);
		if (!is_done(loop))
			status = check_deadlines(loop);
	}
	return status;
}

/* Bound to every address, each datagram says which it came to. */
static int
enable_pktinfo(struct loop *loop)
{
	struct sku_sock *s = &loop->listener->sock;
	const struct sku_address *a = &loop->listener->address;

	if (s->family == AF_INET && a->in.sin_addr.s_addr == INADDR_ANY)
		loop->wildcard = true;
	else if (s->family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr))
		loop->wildcard = true;
	if (!loop->wildcard)
		return 0;
	return s->family == AF_INET ? sku_setsockopt_int(s, IPPROTO_IP, IP_PKTINFO, 1) :
				      sku_setsockopt_int(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

static int
open_loop(struct loop *loop)
{
	const struct server_config *config = loop->config;

	loop->size = config->stream.bufsize;
	loop->batch = BUFFERS_MAX / loop->size;
	loop->batch = loop->batch > BATCH ? BATCH : loop->batch < 1 ? 1 : loop->batch;
	loop->buffers = malloc(loop->batch * loop->size);
	if (loop->buffers == NULL)
		return msg_error_errno(STATUS_FAILED, ENOMEM, "get a buffer (--bufsize)");
	if (config->rate != INT64_MAX && loop->listener->sock.family != AF_UNIX) {
		loop->rate =
		    source_limit_new(config->rate == UNLIMITED ? DEFAULT_RATE : config->rate);
		if (loop->rate == NULL)
			return msg_error_errno(STATUS_FAILED, ENOMEM, "prepare --rate");
	}
	if (enable_pktinfo(loop) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "ask for destination addresses");
	return STATUS_OK;
}

static void
close_loop(struct loop *loop)
{
	while (loop->first != NULL) {
		struct delayed_answer *d = loop->first;

		loop->first = d->next;
		free(d);
	}
	source_limit_free(loop->rate);
	free(loop->buffers);
}

int
datagrams_serve(struct listener *listener, const struct server_config *config)
{
	struct loop loop = { .config = config,
		.listener = listener,
		.now = sku_now(),
		.finish_by_ns = INT64_MAX,
		.random = config->seed };
	int status;

	loop.last = &loop.first;
	loop.idle_since_ns = loop.now;
	status = open_loop(&loop);
	if (status == STATUS_OK)
		status = answer_datagrams(&loop);
	close_loop(&loop);
	return status;
}

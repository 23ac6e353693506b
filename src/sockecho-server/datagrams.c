/* datagrams.c - answering datagrams.
 * Row tool.
 *
 * Each datagram gets at most one answer, of the same length, from the address that it came to.  No
 * answer is sent if that could make two echo services answer each other for ever (CVE-1999-0103,
 * CVE-2024-2169). */
#include "sockecho-server/serving.h"

#include "run/ascii.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/rate.h"
#include "run/run.h"
#include "sockecho-server/source_limit.h"
#include "sockecho-server/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 16
#define BUFFERS_MAX ((size_t)16 << 20)
#define HELD_MAX ((size_t)4 << 20)
#define FINISH_TIMEOUT (5 * SKU_SECOND)
#define SEND_TIMEOUT (1 * SKU_SECOND)
#define SEND_PAUSE (10 * SKU_MS) /* between two tries */
#define DEFAULT_RATE 1000
#define FIRST_UNPRIVILEGED_PORT 1024

/* The TTL of an answer is smaller than the question's, and at most this.  So two servers that
 * answer each other, after a datagram with a forged source, soon stop. */
#define TTL_MAX 64
#define TTL_MAX_LOOPBACK 8

/* Room for IPV6_PKTINFO and IP_PKTINFO, which both come with IPv4 on an IPv6 socket, and one of
 * IP_TTL and IPV6_HOPLIMIT. */
struct control {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
					    CMSG_SPACE(sizeof(struct in_pktinfo)) +
					    CMSG_SPACE(sizeof(int))];
};

/* An answer that waits for --delay, or for room to send it. */
struct held_answer {
	struct held_answer *next;
	int64_t due_ns;
	struct sku_address peer;
	struct control control;
	size_t control_len;
	size_t len;
	char bytes[];
};

struct echo {
	struct server server; /* each answer that is held is an active client */
	const struct server_config *config;
	struct source_limit *rate;
	bool rate_noted;
	bool has_peer; /* the socket is connected: all comes from there, and needs no name */
	uint64_t random;
	size_t batch, size;
	char *buffers;
	struct mmsghdr in[BATCH];
	struct iovec iov[BATCH];
	struct sku_address peers[BATCH];
	struct control controls[BATCH];
	struct mmsghdr out[BATCH];
	struct held_answer *first, **last; /* by due_ns */
	size_t held_bytes;
	struct loop_timer timer; /* when to try the first answer */
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

/* The address that message i came to, and whether that was a broadcast address. */
static struct sku_address
destination(struct echo *echo, size_t i, bool *broadcast)
{
	struct sku_address to = echo->server.listener->address;
	struct msghdr *msg = &echo->in[i].msg_hdr;

	*broadcast = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			to = (struct sku_address){ .in = { .sin_family = AF_INET,
						       .sin_addr = info.ipi_addr },
				.len = sizeof(to.in) };
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

static bool
is_wildcard(const struct sku_address *a)
{
	return a->sa.sa_family == AF_INET ? a->in.sin_addr.s_addr == INADDR_ANY :
					    IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

/* A socket can be bound to such an address alone.  Without a socket to try with: yes, for then the
 * datagram is not answered. */
static bool
is_of_this_machine(const struct sku_address *address)
{
	SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;
	struct sku_address any_port = *address;

	any_port.in.sin_port = 0; /* IPv6 has it at the same offset */
	return sku_socket(&s, address->sa.sa_family, SOCK_DGRAM, 0) == -1 ||
	       sku_bind(&s, &any_port) == 0;
}

/* Does a datagram claim to come from this server?  to is the address that it came to.  A server on
 * the wildcard address has each address of this machine. */
static bool
is_from_itself(struct echo *echo, const struct sku_address *from, const struct sku_address *to)
{
	const struct sku_address *own = &echo->server.listener->address;

	if (sku_address_equal(from, to))
		return true;
	return is_wildcard(own) && sku_address_port(from) == sku_address_port(own) &&
	       is_of_this_machine(from);
}

/* May an answer loop or amplify?  Echo (RFC 862), chargen (RFC 864) and the like use low ports, and
 * so do spoofed questions that would make two servers answer each other.  An answer to a multicast
 * or broadcast question is an amplifier. */
static bool
may_loop_or_amplify(struct echo *echo, size_t i, const struct sku_address *peer)
{
	bool broadcast;
	struct sku_address to = destination(echo, i, &broadcast), from = *peer;

	if (echo->config->allow_reserved)
		return false;
	to.in.sin_port = htons((in_port_t)sku_address_port(&echo->server.listener->address));
	if (to.sa.sa_family == AF_INET6 && from.sa.sa_family == AF_INET6)
		from.in6.sin6_scope_id = to.in6.sin6_scope_id;
	return sku_address_port(peer) < FIRST_UNPRIVILEGED_PORT || is_reserved_address(peer) ||
	       is_reserved_address(&to) || broadcast || is_from_itself(echo, &from, &to);
}

static bool
is_loopback(const struct sku_address *address)
{
	if (address->sa.sa_family == AF_INET)
		return ntohl(address->in.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
}

static bool
is_ttl(const struct cmsghdr *c)
{
	return (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
	       (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT);
}

/* The TTL for the answer to message i; 0: do not answer. */
static int
answer_ttl(struct echo *echo, size_t i, const struct sku_address *peer)
{
	struct msghdr *msg = &echo->in[i].msg_hdr;
	int max = is_loopback(peer) ? TTL_MAX_LOOPBACK : TTL_MAX, ttl = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (is_ttl(c))
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
	}
	return ttl <= 1 ? 0 : ttl - 1 < max ? ttl - 1 : max;
}

static bool
within_rate(struct echo *echo, const struct sku_address *peer)
{
	char text[PEER_TEXT_MAX];

	if (echo->rate == NULL ||
	    (echo->config->rate == SERVER_RATE_DEFAULT && is_loopback(peer)) ||
	    source_limit_take(echo->rate, peer, echo->server.loop.now))
		return true;
	if (!echo->rate_noted)
		msg_note(
		    "%s sends more than --rate allows: the rest is dropped", peer_text(peer, text));
	echo->rate_noted = true;
	return false;
}

/* splitmix64: the same seed drops the same datagrams. */
static bool
is_dropped_on_purpose(struct echo *echo)
{
	uint64_t z;

	if (echo->config->drop == 0)
		return false;
	z = echo->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (int64_t)((z ^ z >> 31) % 1000000) < echo->config->drop;
}

static bool
is_allowed(struct echo *echo, size_t i)
{
	struct sku_address peer = echo->peers[i];

	sku_address_unmap(&peer);
	if (access_check(&echo->config->listen.access, &peer))
		return true;
	counter_add(&server_stats.refused, 1);
	return false;
}

/* Why message i is not answered, or NULL. */
static const char *
refusal(struct echo *echo, size_t i)
{
	struct msghdr *msg = &echo->in[i].msg_hdr;
	struct sku_address peer = echo->peers[i];

	if ((msg->msg_flags & MSG_TRUNC) != 0)
		return "it is larger than --bufsize";
	if (echo->server.listener->sock.family == AF_UNIX) {
		if (peer.len <= sizeof(sa_family_t) && !echo->has_peer)
			return "its sender has no name";
	} else {
		sku_address_unmap(&peer);
		if (may_loop_or_amplify(echo, i, &peer))
			return "two servers could answer each other, or it is for many";
		if (answer_ttl(echo, i, &peer) == 0)
			return "its TTL is 1";
		if (!within_rate(echo, &peer))
			return "--rate";
	}
	return is_dropped_on_purpose(echo) ? "--drop" : NULL;
}

/* ---- answering ----------------------------------------------------------------------------- */

static void
count_dropped(const struct sku_address *peer, const char *reason)
{
	char text[PEER_TEXT_MAX];

	counter_add(&server_stats.dropped, 1);
	if (run.verbose > 1)
		msg_verbose(2, "%s: a datagram is dropped: %s", peer_text(peer, text), reason);
}

static void
hold_answer(struct echo *echo, const struct mmsghdr *answer, int64_t due_ns)
{
	const struct msghdr *msg = &answer->msg_hdr;
	size_t len = msg->msg_iov->iov_len;
	struct held_answer *h = NULL;

	if (echo->held_bytes + len <= HELD_MAX)
		h = malloc(sizeof(*h) + len);
	if (h == NULL) {
		count_dropped(msg->msg_name, "too many wait to be answered");
		return;
	}
	*h = (struct held_answer){ .due_ns = due_ns, .len = len };
	memcpy(&h->peer, msg->msg_name, msg->msg_namelen);
	h->peer.len = msg->msg_namelen;
	h->control_len = msg->msg_controllen;
	if (h->control_len > 0)
		memcpy(&h->control, msg->msg_control, h->control_len);
	memcpy(h->bytes, msg->msg_iov->iov_base, len);
	if (echo->first == NULL)
		(void)loop_set_timer(&echo->server.loop, &echo->timer, due_ns);
	*echo->last = h;
	echo->last = &h->next;
	echo->held_bytes += sizeof(*h) + len;
	server_client_came(&echo->server);
}

static void
drop_first_held(struct echo *echo)
{
	struct held_answer *h = echo->first;

	echo->first = h->next;
	if (echo->first == NULL)
		echo->last = &echo->first;
	echo->held_bytes -= sizeof(*h) + h->len;
	free(h);
}

/* May another try to send succeed?  A full send buffer of a network socket empties by itself, that
 * of a UNIX socket only when the peer reads. */
static bool
may_find_room(const struct echo *echo, int errnum)
{
	return (errnum == EAGAIN || errnum == ENOBUFS) &&
	       echo->server.listener->sock.family != AF_UNIX;
}

/* The number of answers that were sent, or -1 with errno: the first one failed. */
static int
send_some(struct echo *echo, struct mmsghdr *answers, size_t count)
{
	int n = sendmmsg(sku_fileno(&echo->server.listener->sock), answers, (unsigned)count,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	for (int i = 0; i < n; i++)
		counter_add(&server_stats.bytes_out, answers[i].msg_len);
	return n;
}

/* Send, hold or drop all of the answers. */
static void
send_answers(struct echo *echo, struct mmsghdr *answers, size_t count)
{
	size_t i = 0;

	while (i < count) {
		int n = send_some(echo, &answers[i], count - i);

		if (n != -1) {
			server_count(&echo->server, n);
			i += (size_t)n;
			continue;
		}
		if (may_find_room(echo, errno))
			hold_answer(echo, &answers[i], echo->server.loop.now);
		else
			count_dropped(answers[i].msg_hdr.msg_name, strerror(errno));
		i++;
	}
}

static int
send_held(struct echo *echo, struct held_answer *h)
{
	struct iovec iov = { h->bytes, h->len };
	struct mmsghdr answer = { .msg_hdr = {
				      .msg_name = &h->peer.storage,
				      .msg_namelen = h->peer.len,
				      .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = h->control_len > 0 ? &h->control : NULL,
				      .msg_controllen = h->control_len,
				  } };

	return send_some(echo, &answer, 1);
}

/* Send the answers that are due.  One that finds no room is tried again for SEND_TIMEOUT. */
static void
held_due(struct loop *loop, struct loop_timer *timer)
{
	struct echo *echo = LOOP_OWNER(timer, struct echo, timer);
	struct held_answer *h;

	while ((h = echo->first) != NULL && h->due_ns <= loop->now) {
		bool is_sent = send_held(echo, h) != -1;

		if (!is_sent && may_find_room(echo, errno) &&
		    loop->now < h->due_ns + SEND_TIMEOUT) {
			(void)loop_set_timer(loop, timer, loop->now + SEND_PAUSE);
			return;
		}
		if (!is_sent)
			count_dropped(&h->peer, strerror(errno));
		drop_first_held(echo);
		server_client_left(&echo->server, is_sent);
	}
	(void)loop_set_timer(loop, timer, h != NULL ? h->due_ns : LOOP_PARKED);
}

/* Turn the control messages of question i into those of its answer: sent from the address that the
 * question came to, on the interface that routing chooses, with a smaller TTL. */
static void
turn_control(struct echo *echo, size_t i)
{
	struct msghdr *msg = &echo->in[i].msg_hdr;
	struct sku_address peer = echo->peers[i];
	int ttl;

	if (msg->msg_controllen == 0)
		msg->msg_control = NULL;
	sku_address_unmap(&peer);
	ttl = answer_ttl(echo, i, &peer);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			info.ipi_ifindex = 0;
			memcpy(CMSG_DATA(c), &info, sizeof(info));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				info.ipi6_ifindex = 0;
			memcpy(CMSG_DATA(c), &info, sizeof(info));
		} else if (is_ttl(c)) {
			memcpy(CMSG_DATA(c), &ttl, sizeof(ttl));
		}
	}
}

static void
answer_batch(struct echo *echo, size_t received)
{
	size_t count = 0;
	bool came = false; /* a source that is allowed */

	for (size_t i = 0; i < received; i++) {
		struct msghdr *msg = &echo->in[i].msg_hdr;
		const char *reason;
		bool allowed;

		echo->peers[i].len = msg->msg_namelen;
		counter_add(&server_stats.datagrams, 1);
		counter_add(&server_stats.bytes_in, echo->in[i].msg_len);
		allowed = is_allowed(echo, i);
		came = came || allowed;
		reason = allowed ? refusal(echo, i) : "--allow and --deny";
		if (reason != NULL) {
			count_dropped(&echo->peers[i], reason);
			continue;
		}
		if (echo->config->upper)
			ascii_upper(echo->iov[i].iov_base, echo->in[i].msg_len);
		echo->iov[i].iov_len = echo->in[i].msg_len;
		turn_control(echo, i);
		msg->msg_flags = 0;
		if (echo->config->faults.delay_ns > 0)
			hold_answer(echo, &echo->in[i],
			    echo->server.loop.now + echo->config->faults.delay_ns);
		else
			echo->out[count++] = echo->in[i];
	}
	if (came)
		server_restart_idle(&echo->server);
	send_answers(echo, echo->out, count);
}

static size_t
batch_size(const struct echo *echo)
{
	const struct server *server = &echo->server;
	int64_t left = server->max_served - server->served - server->active;

	return server->max_served == SERVER_UNLIMITED || left >= (int64_t)echo->batch ?
		   echo->batch :
		   (size_t)left;
}

static int
receive(struct echo *echo)
{
	size_t batch = batch_size(echo);

	for (size_t i = 0; i < batch; i++) {
		echo->iov[i] = (struct iovec){ echo->buffers + i * echo->size, echo->size };
		echo->in[i].msg_hdr = (struct msghdr){
			.msg_name = &echo->peers[i].storage,
			.msg_namelen = sizeof(echo->peers[i].storage),
			.msg_iov = &echo->iov[i],
			.msg_iovlen = 1,
			.msg_control = &echo->controls[i],
			.msg_controllen = sizeof(echo->controls[i]),
		};
	}
	return recvmmsg(sku_fileno(&echo->server.listener->sock), echo->in, (unsigned)batch,
	    MSG_DONTWAIT, NULL);
}

static void
readable(struct server *server)
{
	struct echo *echo = LOOP_OWNER(server, struct echo, server);
	int n = receive(echo);

	/* An error of a datagram socket is about an earlier datagram, and is reported once. */
	if (n == -1 && errno != EAGAIN)
		n = receive(echo);
	if (n > 0) {
		answer_batch(echo, (size_t)n);
	} else if (n == -1 && errno != EAGAIN) {
		msg_verbose(1, "receive: %s", strerror(errno));
		server_rest(server);
	}
}

/* ---- all together -------------------------------------------------------------------------- */

/* Ask the kernel for the TTL of each datagram and, on the wildcard address, for the address that it
 * came to.  An IPv6 socket may receive IPv4; IP_PKTINFO alone tells a broadcast. */
static int
ask_for_details(struct echo *echo)
{
	struct sku_sock *s = &echo->server.listener->sock;
	bool wildcard;

	if (s->family == AF_UNIX)
		return 0;
	wildcard = is_wildcard(&echo->server.listener->address);
	if (sku_setsockopt_int(s, IPPROTO_IP, IP_RECVTTL, 1) == -1 ||
	    (wildcard && sku_setsockopt_int(s, IPPROTO_IP, IP_PKTINFO, 1) == -1))
		return -1;
	if (s->family == AF_INET)
		return 0;
	if (sku_setsockopt_int(s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) == -1)
		return -1;
	return wildcard ? sku_setsockopt_int(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : 0;
}

static int
prepare(struct echo *echo, struct failure *failure)
{
	const struct server_config *config = echo->config;
	struct sku_address peer;

	echo->size = config->stream.bufsize;
	echo->batch = BUFFERS_MAX / echo->size;
	echo->batch = echo->batch > BATCH ? BATCH : echo->batch < 1 ? 1 : echo->batch;
	echo->buffers = malloc(echo->batch * echo->size);
	if (echo->buffers == NULL)
		return failure_errno(failure, ENOMEM, "get a buffer (--bufsize)");
	if (config->rate != UNLIMITED && echo->server.listener->sock.family != AF_UNIX) {
		echo->rate = source_limit_new(
		    config->rate == SERVER_RATE_DEFAULT ? DEFAULT_RATE : config->rate);
		if (echo->rate == NULL)
			return failure_errno(failure, ENOMEM, "prepare --rate");
	}
	echo->has_peer = sku_getpeername(&echo->server.listener->sock, &peer) == 0;
	if (ask_for_details(echo) == -1)
		return failure_errno(
		    failure, errno, "ask for the TTL and the destination of datagrams");
	if (loop_set_timer(&echo->server.loop, &echo->timer, LOOP_PARKED) == -1)
		return failure_errno(failure, ENOMEM, "prepare to wait");
	return 0;
}

static void
close_datagrams(struct server *server)
{
	struct echo *echo = LOOP_OWNER(server, struct echo, server);

	while (echo->first != NULL)
		drop_first_held(echo);
	server_close(server);
	source_limit_free(echo->rate);
	free(echo->buffers);
	free(echo);
}

static struct server *
open_datagrams(
    struct listener *listener, const struct server_config *config, struct failure *failure)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	if (echo == NULL) {
		(void)failure_errno(failure, ENOMEM, "get a buffer");
		return NULL;
	}
	echo->server.listener = listener;
	echo->server.max_clients = SERVER_UNLIMITED;
	echo->server.max_served = config->connections;
	echo->server.action = "serve";
	echo->server.signal_grace_ns = FINISH_TIMEOUT;
	echo->server.readable = readable;
	echo->config = config;
	echo->random = config->seed;
	echo->last = &echo->first;
	echo->timer.due = held_due;
	if (server_open(&echo->server, failure) == 0 && prepare(echo, failure) == 0)
		return &echo->server;
	close_datagrams(&echo->server);
	return NULL;
}

const struct serving serving_datagrams = { open_datagrams, close_datagrams };

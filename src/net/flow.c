/* flow.c - bytes from one socket to another, or back to the one that they came from.
 * Row net. */
#include "net/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct flow_rest {
	struct flow_rest *next;
	int64_t due_ns; /* do not send it before */
	size_t len, sent;
	char bytes[];
};

int
flow_init(
    struct flow *flow, struct sku_sock *from, struct sku_sock *to, const struct faults *faults)
{
	*flow = (struct flow){ .from = from, .to = to };
	if (!faults_any(faults))
		return 0;
	flow->faults = faults_begin(faults);
	return flow->faults != NULL ? 0 : -1;
}

/* ---- what waits to be sent ----------------------------------------------------------------- */

static struct flow_rest *
first_rest(const struct flow *flow)
{
	return flow->last != NULL ? flow->last->next : NULL;
}

static int
keep(struct flow *flow, const char *bytes, size_t len, int64_t due_ns)
{
	struct flow_rest *rest = malloc(sizeof(*rest) + len);

	if (rest == NULL)
		return -1;
	*rest = (struct flow_rest){ .next = rest, .due_ns = due_ns, .len = len };
	memcpy(rest->bytes, bytes, len);
	if (flow->last != NULL) {
		rest->next = flow->last->next;
		flow->last->next = rest;
	}
	flow->last = rest;
	return 0;
}

static void
drop_first(struct flow *flow)
{
	struct flow_rest *first = flow->last->next;

	flow->last->next = first->next;
	if (first == flow->last)
		flow->last = NULL;
	free(first);
}

void
flow_free(struct flow *flow)
{
	while (flow->last != NULL)
		drop_first(flow);
	free(flow->faults);
	flow->faults = NULL;
}

/* ---- events -------------------------------------------------------------------------------- */

/* All that may be sent now was sent: what follows from that? */
static enum flow_next
after_sending(struct flow *flow)
{
	enum faults_end end =
	    flow->faults != NULL ? faults_end(flow->faults, flow->bytes_out) : FAULTS_NO_END;

	if (end != FAULTS_NO_END)
		return end == FAULTS_RESET ? FLOW_RESET : FLOW_CLOSE;
	if ((flow->ended || flow->stopped) && flow->last == NULL && !flow->over) {
		flow->over = true;
		if (flow->to != flow->from) /* if to is gone, reading it will tell */
			(void)sku_shutdown(flow->to, SHUT_WR);
	}
	return FLOW_CONTINUES;
}

enum flow_next
flow_advance(struct flow *flow, int64_t now)
{
	struct flow_rest *rest;

	flow->blocked = false;
	while ((rest = first_rest(flow)) != NULL && rest->due_ns <= now) {
		size_t len = rest->len - rest->sent;
		ssize_t n;

		if (flow->faults != NULL)
			len = faults_allowance(flow->faults, flow->bytes_out, len, now);
		if (len == 0)
			break;
		n = sku_send(flow->to, rest->bytes + rest->sent, len, 0);
		if (n == -1) {
			flow->blocked = errno == EAGAIN;
			return flow->blocked ? FLOW_CONTINUES : FLOW_LOST;
		}
		flow->bytes_out += (uint64_t)n;
		if (flow->faults != NULL)
			faults_account(flow->faults, (size_t)n, now);
		rest->sent += (size_t)n;
		if (rest->sent == rest->len)
			drop_first(flow);
	}
	return after_sending(flow);
}

/* Send what came, at once as far as possible, and keep the rest. */
static enum flow_next
pass_on(struct flow *flow, const char *bytes, size_t len, int64_t now)
{
	int64_t due_ns = now;
	ssize_t n = 0;

	if (flow->faults != NULL) {
		due_ns = faults_due(flow->faults, now);
	} else if (flow->last == NULL) {
		n = sku_send(flow->to, bytes, len, 0);
		if (n == -1 && errno != EAGAIN)
			return FLOW_LOST;
		n = n == -1 ? 0 : n;
		flow->bytes_out += (uint64_t)n;
		if ((size_t)n == len)
			return FLOW_CONTINUES;
	}
	if (keep(flow, bytes + n, len - (size_t)n, due_ns) == -1)
		return FLOW_NO_MEMORY;
	return flow_advance(flow, now);
}

enum flow_next
flow_readable(struct flow *flow, const struct flow_buffer *buffer, int64_t now)
{
	ssize_t n = sku_recv(flow->from, buffer->bytes, buffer->size, 0);

	if (n == -1)
		return errno == EAGAIN ? FLOW_CONTINUES : FLOW_LOST;
	if (n == 0) {
		flow->ended = true;
		return after_sending(flow);
	}
	flow->bytes_in += (uint64_t)n;
	if (buffer->pass != NULL)
		buffer->pass(buffer->bytes, (size_t)n);
	return pass_on(flow, buffer->bytes, (size_t)n, now);
}

enum flow_next
flow_stop(struct flow *flow, int64_t now)
{
	flow->stopped = true;
	return flow_advance(flow, now);
}

int64_t
flow_deadline(const struct flow *flow)
{
	int64_t due_ns, next_at_ns;

	if (!flow_is_holding_back(flow))
		return INT64_MAX;
	due_ns = first_rest(flow)->due_ns;
	next_at_ns = flow->faults != NULL ? faults_next_at(flow->faults) : 0;
	return due_ns > next_at_ns ? due_ns : next_at_ns;
}

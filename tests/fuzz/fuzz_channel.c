/* fuzz_channel.c - any bytes as the peer's side of a verified transfer: greeting, HELLO and
 * messages, until the peer ends.  Bit 0 of the first byte makes this end a sender, else it is a
 * receiver.  Bit 1 forbids PROGRESS to the peer. */
#include "run/run.h"
#include "transfer/channel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
converse(struct channel *channel, enum wire_role role, struct failure *failure)
{
	const struct channel_options options = { .role = role,
		.wait_first = role == WIRE_RECEIVER };
	static uint8_t buf[WIRE_DATA_MAX];
	struct wire_message message;

	if (channel_open(channel, &options, failure) == -1)
		return;
	while (channel_receive(channel, &message, failure) == 0) {
		size_t left = message.type == WIRE_DATA ? message.data_len : 0;

		channel_set_limit(channel, sku_deadline_never());
		while (left > 0) {
			ssize_t n = channel_receive_data(channel, buf, left, failure);

			if (n == -1)
				return;
			left -= (size_t)n;
		}
		if (channel_send(channel, &message, failure) == -1)
			return;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure failure = { .status = STATUS_OK };
	struct sku_sock ends[2];
	struct channel channel;
	int fds[2];

	if (size < 1 || size > 65536 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == -1)
		return 0;
	run.timeouts.operation_ns = SKU_SECOND;
	for (int i = 0; i < 2; i++) {
		if (sku_socket_from_fd(&ends[i], fds[i]) == -1)
			abort();
	}
	/* All bytes of the peer and its end are there before, so nothing waits. */
	(void)sku_send(&ends[1], data + 1, size - 1, 0);
	(void)sku_shutdown(&ends[1], SHUT_WR);
	channel_init(&channel, &ends[0], "a stranger", sku_now());
	channel.peer_works = (data[0] & 2) == 0;
	converse(&channel, (data[0] & 1) != 0 ? WIRE_SENDER : WIRE_RECEIVER, &failure);
	if (failure.status == STATUS_OK)
		abort(); /* the peer cannot have ended a transfer in order */
	channel_close(&channel, &failure);
	(void)sku_close(&ends[0]);
	(void)sku_close(&ends[1]);
	return 0;
}

/* fuzz_wire.c - any bytes as a greeting and messages.  What is accepted must be encoded to the same
 * bytes, and every field must be within its limits. */
#include "transfer/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(
    const struct wire_message *message, const uint8_t *header, const uint8_t *payload, uint32_t len)
{
	uint8_t again[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];
	size_t n = wire_encode(again, message);

	if (memcmp(again, header, WIRE_HEADER_SIZE) != 0)
		abort();
	if (message->type != WIRE_DATA &&
	    (n != WIRE_HEADER_SIZE + len || memcmp(again + WIRE_HEADER_SIZE, payload, len) != 0))
		abort();
	if (message->type == WIRE_OFFER &&
	    (message->offer.name_len > WIRE_NAME_MAX || message->offer.mode > 0777))
		abort();
	if (message->type == WIRE_OFFER)
		(void)wire_name_is_plain(message->offer.name, message->offer.name_len);
	if (message->type == WIRE_VERDICT)
		(void)wire_code_text(message->position.kind);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_greeting greeting;
	uint8_t again[WIRE_GREETING_SIZE];

	(void)wire_may_be_greeting(data, size);
	if (size >= WIRE_GREETING_SIZE &&
	    wire_greeting_decode(data, &greeting) == WIRE_GREETING_OK) {
		wire_greeting_encode(again, &greeting);
		if (memcmp(again, data, sizeof(again)) != 0)
			abort();
		data += WIRE_GREETING_SIZE;
		size -= WIRE_GREETING_SIZE;
	}
	while (size >= WIRE_HEADER_SIZE) {
		struct wire_message message;
		enum wire_type type;
		uint32_t len;

		if (!wire_decode_header(data, &type, &len))
			break;
		if (type == WIRE_DATA ? len > WIRE_DATA_MAX : len > WIRE_PAYLOAD_MAX)
			abort();
		if (len > size - WIRE_HEADER_SIZE)
			break;
		if (wire_decode(type, data + WIRE_HEADER_SIZE, len, &message))
			check(&message, data, data + WIRE_HEADER_SIZE, len);
		data += WIRE_HEADER_SIZE + len;
		size -= WIRE_HEADER_SIZE + len;
	}
	return 0;
}

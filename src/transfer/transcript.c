/* transcript.c - the transcript digest, which END carries.
 * Row transfer. */
#include "transfer/transcript.h"

static void
add_message(struct digest *all, const struct wire_message *message)
{
	uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX];

	digest_update(all, out, wire_encode(out, message));
}

void
transcript_digest(
    const struct transcript *transcript, const struct digest *bytes, uint8_t out[DIGEST_BYTES])
{
	struct digest *all = digest_spare(bytes);
	uint8_t content[DIGEST_BYTES];

	digest_so_far(bytes, content);
	add_message(all, &transcript->hello);
	add_message(all, &transcript->offer);
	add_message(all, &transcript->start);
	digest_update(all, content, sizeof(content));
	digest_so_far(all, out);
}

/* transcript.h - the digest that END carries: over the bytes of a file and all that was said about
 * it. */
#ifndef TRANSFER_TRANSCRIPT_H
#define TRANSFER_TRANSCRIPT_H

#include "transfer/digest.h"
#include "transfer/wire.h"

/* What was said, as messages: the sender's HELLO, the file's OFFER, the file's START. */
struct transcript {
	struct wire_message hello, offer, start;
};

/* XXH3-128 of HELLO, OFFER and START, as they went, and the digest of the file's bytes: a bit that
 * flips in any of them on the way is found. */
void transcript_digest(
    const struct transcript *transcript, const struct digest *bytes, uint8_t out[DIGEST_BYTES]);

#endif

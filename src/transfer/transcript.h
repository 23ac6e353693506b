/* transcript.h - the transcript digest, which END carries: over the bytes of a file and the
 * messages about it. */
#ifndef TRANSFER_TRANSCRIPT_H
#define TRANSFER_TRANSCRIPT_H

#include "transfer/digest.h"
#include "transfer/wire.h"

/* The messages that the digest covers: the sender's HELLO, the file's OFFER and the file's
 * START. */
struct transcript {
	struct wire_message hello, offer, start;
};

/* XXH3-128 over HELLO, OFFER and START as they were sent, and over the digest of the file's bytes.
 * So a bit that changes in any of them is found. */
void transcript_digest(
    const struct transcript *transcript, const struct digest *bytes, uint8_t out[DIGEST_BYTES]);

#endif

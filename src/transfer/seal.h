/* seal.h - the digest that END carries: over the bytes of a file and all that was said about it. */
#ifndef TRANSFER_SEAL_H
#define TRANSFER_SEAL_H

#include "transfer/digest.h"
#include "transfer/wire.h"

/* What was said, as messages: the sender's HELLO, the file's OFFER, the file's START. */
struct seal {
	struct wire_message hello, offer, start;
};

/* XXH3-128 of HELLO, OFFER and START, as they went, and the digest of the file's bytes: a bit that
 * flips in any of them on the way is found. */
void seal_digest(const struct seal *seal, const struct digest *bytes, uint8_t out[DIGEST_BYTES]);

#endif

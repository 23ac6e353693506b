/* wire.h - the messages of a verified transfer as bytes: sockfile(7).
 *
 * These functions have no side effects.  Decoding checks every field against its limits. */
#ifndef TRANSFER_WIRE_H
#define TRANSFER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the greeting, in the clear ------------------------------------------------------------- */

#define WIRE_MAGIC_SIZE 8
#define WIRE_GREETING_SIZE 16
#define WIRE_VERSION 1

enum wire_role { WIRE_SENDER = 1, WIRE_RECEIVER = 2 };

struct wire_greeting {
	unsigned version;
	enum wire_role role;
	bool key;
};

enum wire_greeting_result {
	WIRE_GREETING_OK,
	WIRE_NOT_A_GREETING,   /* the magic bytes are missing */
	WIRE_GREETING_VERSION, /* another version, which is stored in *greeting */
	WIRE_GREETING_BROKEN,  /* the version is ours, but a field is invalid */
};

void wire_greeting_encode(uint8_t out[WIRE_GREETING_SIZE], const struct wire_greeting *greeting);
enum wire_greeting_result wire_greeting_decode(
    const uint8_t in[WIRE_GREETING_SIZE], struct wire_greeting *greeting);
/* Can a stream that begins with these len bytes be a greeting?  len may be 0 or more. */
bool wire_may_be_greeting(const uint8_t *in, size_t len);

/* ---- messages ------------------------------------------------------------------------------- */

#define WIRE_HEADER_SIZE 8
#define WIRE_ID_SIZE 16
#define WIRE_DIGEST_SIZE 32
#define WIRE_NAME_MAX 250
#define WIRE_DATA_MAX (1024 * 1024)
/* of one HOLE: small enough that hashing so many zeros takes no time that a peer notices */
#define WIRE_HOLE_MAX (64 * 1024 * 1024)
/* of every message but DATA; an OFFER with the longest name has this size */
#define WIRE_PAYLOAD_MAX 278
#define WIRE_FILES_MAX 65535
#define WIRE_SIZE_UNKNOWN UINT64_MAX

enum wire_type {
	WIRE_HELLO = 1,
	WIRE_OFFER,
	WIRE_HAVE,
	WIRE_PREFIX,
	WIRE_START,
	WIRE_DATA,
	WIRE_END,
	WIRE_VERDICT,
	WIRE_PROGRESS,
	WIRE_BYE,
	WIRE_BYE_OK,
	WIRE_ABORT,
	WIRE_HOLE,
};

enum wire_have { WIRE_HAVE_NONE, WIRE_HAVE_PART, WIRE_HAVE_FINAL };
enum wire_algorithm { WIRE_XXH3 = 1, WIRE_SHA256 = 2 };
enum wire_end { WIRE_WHOLE, WIRE_CHANGED, WIRE_READ_FAILED, WIRE_STOPPED };

/* For VERDICT and ABORT.  wire_code_text() and wire_code_status() say what each code means. */
enum wire_code {
	WIRE_DONE,
	WIRE_EXISTS,
	WIRE_NO_SPACE,
	WIRE_FAILED,
	WIRE_TOO_LARGE,
	WIRE_WRONG_SIZE,
	WIRE_WRONG_DIGEST,
	WIRE_WRONG_NAME,
	WIRE_WRONG_SHA256,
	WIRE_BUSY,
	WIRE_PROTOCOL,
	WIRE_ENDED,
	WIRE_TIMED_OUT,
	WIRE_CUT_SHORT,
	WIRE_GREETING_CHANGED,
	WIRE_ONE_FILE,
	WIRE_CODES
};

struct wire_hello {
	uint8_t own[WIRE_GREETING_SIZE];  /* the greeting that this end sent */
	uint8_t seen[WIRE_GREETING_SIZE]; /* the greeting that this end received */
	uint8_t id[WIRE_ID_SIZE];	  /* the transfer's */
	uint32_t files;			  /* 0 from a receiver */
};

struct wire_offer {
	uint32_t index;
	uint16_t mode;
	uint64_t size; /* bytes, or WIRE_SIZE_UNKNOWN */
	int64_t mtime_s;
	uint32_t mtime_ns;
	size_t name_len;
	char name[WIRE_NAME_MAX + 1]; /* any bytes, with NUL after them */
};

struct wire_position { /* HAVE, PREFIX, START, VERDICT */
	uint32_t index;
	uint8_t kind; /* enum wire_have, enum wire_algorithm, 0, or enum wire_code */
	uint64_t offset;
	uint8_t digest[WIRE_DIGEST_SIZE]; /* only in PREFIX */
};

struct wire_ending {
	uint32_t index;
	enum wire_end how;
	uint64_t total;
	uint8_t digest[16];
};

struct wire_progress {
	uint64_t done, total;
};

struct wire_message {
	enum wire_type type;
	union {
		struct wire_hello hello;
		struct wire_offer offer;
		struct wire_position position;
		struct wire_ending end;
		struct wire_progress progress;
		uint8_t code;	   /* ABORT */
		uint32_t data_len; /* DATA */
		uint64_t hole_len; /* HOLE */
	};
};

/* Encode a message; of DATA only the header.  Returns the number of bytes. */
size_t wire_encode(
    uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX], const struct wire_message *message);
/* Decode a header.  Returns false if the type is unknown or *len is outside the limits of the
 * type. */
bool wire_decode_header(const uint8_t in[WIRE_HEADER_SIZE], enum wire_type *type, uint32_t *len);
/* Decode the payload that belongs to a decoded header; DATA has only its length.  Returns false if
 * a field is invalid. */
bool wire_decode(
    enum wire_type type, const uint8_t *in, uint32_t len, struct wire_message *message);

/* May a receiver create a file of this name?  It must be 1 to 250 bytes of UTF-8 without '/' and
 * control characters, must not begin with '.' or '-', and must not end in ".part". */
bool wire_name_is_plain(const char *name, size_t len);

/* What a code says about the file, in words for the end that receives the code.  Never NULL, and
 * not to be freed. */
const char *wire_code_text(uint8_t code);
/* The exit status for a code: an enum status. */
int wire_code_status(uint8_t code);

#endif

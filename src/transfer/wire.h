/* wire.h - the messages of a verified transfer as bytes: sockfile(7).
 *
 * Pure functions.  Every field is checked against its limits before anybody uses it. */
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
	WIRE_NOT_A_GREETING,   /* it is none */
	WIRE_GREETING_VERSION, /* of another version, which is in the greeting */
	WIRE_GREETING_BROKEN,  /* it is one, but its fields are not */
};

void wire_greeting_encode(uint8_t out[WIRE_GREETING_SIZE], const struct wire_greeting *greeting);
enum wire_greeting_result wire_greeting_decode(
    const uint8_t in[WIRE_GREETING_SIZE], struct wire_greeting *greeting);
/* Could a stream that begins with these bytes be a greeting?  len may be anything. */
bool wire_may_be_greeting(const uint8_t *in, size_t len);

/* ---- messages ------------------------------------------------------------------------------- */

#define WIRE_HEADER_SIZE 8
#define WIRE_ID_SIZE 16
#define WIRE_DIGEST_SIZE 32
#define WIRE_NAME_MAX 250
#define WIRE_DATA_MAX (1024 * 1024)
#define WIRE_PAYLOAD_MAX 278 /* of any message but DATA: an OFFER with the longest name */
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
};

enum wire_have { WIRE_HAVE_NONE, WIRE_HAVE_PART, WIRE_HAVE_FINAL };
enum wire_algorithm { WIRE_XXH3 = 1, WIRE_SHA256 = 2 };
enum wire_end { WIRE_WHOLE, WIRE_CHANGED, WIRE_READ_FAILED, WIRE_STOPPED };

/* Of VERDICT and ABORT: wire_code_text() and wire_code_status() say what each means. */
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
	uint8_t own[WIRE_GREETING_SIZE];  /* what this end said in the clear */
	uint8_t seen[WIRE_GREETING_SIZE]; /* and what it heard */
	uint8_t id[WIRE_ID_SIZE];	  /* of the transfer */
	uint32_t files;			  /* 0 from a receiver */
};

struct wire_offer {
	uint32_t index;
	uint16_t mode;
	uint64_t size; /* WIRE_SIZE_UNKNOWN */
	int64_t mtime_s;
	uint32_t mtime_ns;
	size_t name_len;
	char name[WIRE_NAME_MAX + 1]; /* any bytes; NUL behind them */
};

struct wire_position { /* HAVE, PREFIX, START, VERDICT */
	uint32_t index;
	uint8_t kind; /* enum wire_have, enum wire_algorithm, 0, enum wire_code */
	uint64_t offset;
	uint8_t digest[WIRE_DIGEST_SIZE]; /* PREFIX */
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
	};
};

/* A whole message, for DATA its header alone: the number of bytes. */
size_t wire_encode(
    uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX], const struct wire_message *message);
/* A header: false when it is none.  *len is within the limits of its type. */
bool wire_decode_header(const uint8_t in[WIRE_HEADER_SIZE], enum wire_type *type, uint32_t *len);
/* The payload of a header that was got (of DATA nothing is looked at): false when it is none. */
bool wire_decode(
    enum wire_type type, const uint8_t *in, uint32_t len, struct wire_message *message);

/* May a receiver give a file this name?  Plain: 1 to 250 bytes of UTF-8, no '/', no control
 * characters, no leading '.' or '-', not ending in ".part". */
bool wire_name_is_plain(const char *name, size_t len);

/* What a code says about the file, for the one who is told; never NULL. */
const char *wire_code_text(uint8_t code);
/* And the exit status for it: an enum status. */
int wire_code_status(uint8_t code);

#endif

/* wire.c - the messages of a verified transfer as bytes.
 * Row transfer. */
#include "transfer/wire.h"

#include "run/escape.h"
#include "run/status.h"

#include <string.h>

static const uint8_t magic[WIRE_MAGIC_SIZE] = { 0x89, 'S', 'F', 'V', '\r', '\n', 0x1a, '\n' };

#define FLAG_KEY 1u

/* ---- numbers ------------------------------------------------------------------------------- */

/* The position of the next field, for encoding or for decoding.  Both handle the fields in the same
 * order. */
struct cursor {
	uint8_t *out;
	const uint8_t *in;
};

static void
put_number(struct cursor *c, uint64_t value, int bytes)
{
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		*c->out++ = (uint8_t)(value >> shift);
}

static void
put_bytes(struct cursor *c, const void *bytes, size_t len)
{
	(void)memcpy(c->out, bytes, len);
	c->out += len;
}

static uint64_t
get_number(struct cursor *c, int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | *c->in++;
	return value;
}

static void
get_bytes(struct cursor *c, void *bytes, size_t len)
{
	(void)memcpy(bytes, c->in, len);
	c->in += len;
}

/* ---- the greeting -------------------------------------------------------------------------- */

void
wire_greeting_encode(uint8_t out[WIRE_GREETING_SIZE], const struct wire_greeting *greeting)
{
	struct cursor c = { .out = out };

	put_bytes(&c, magic, sizeof(magic));
	put_number(&c, greeting->version, 1);
	put_number(&c, greeting->role, 1);
	put_number(&c, greeting->key ? FLAG_KEY : 0, 2);
	put_number(&c, 0, 4);
}

enum wire_greeting_result
wire_greeting_decode(const uint8_t in[WIRE_GREETING_SIZE], struct wire_greeting *greeting)
{
	struct cursor c = { .in = in + WIRE_MAGIC_SIZE };
	uint64_t role, flags, rest;

	if (memcmp(in, magic, sizeof(magic)) != 0)
		return WIRE_NOT_A_GREETING;
	greeting->version = (unsigned)get_number(&c, 1);
	role = get_number(&c, 1);
	flags = get_number(&c, 2);
	rest = get_number(&c, 4);
	/* Only the version's position is fixed: the other fields of another version are unknown. */
	if (greeting->version != WIRE_VERSION)
		return WIRE_GREETING_VERSION;
	if ((role != WIRE_SENDER && role != WIRE_RECEIVER) || (flags & ~FLAG_KEY) != 0 || rest != 0)
		return WIRE_GREETING_BROKEN;
	greeting->role = (enum wire_role)role;
	greeting->key = (flags & FLAG_KEY) != 0;
	return WIRE_GREETING_OK;
}

bool
wire_may_be_greeting(const uint8_t *in, size_t len)
{
	return memcmp(in, magic, len < sizeof(magic) ? len : sizeof(magic)) == 0;
}

/* ---- messages ------------------------------------------------------------------------------ */

/* The limits of each payload, in bytes. */
static const struct {
	uint32_t min, max;
} lengths[] = {
	[WIRE_HELLO] = { 52, 52 },
	[WIRE_OFFER] = { 28, 28 + WIRE_NAME_MAX },
	[WIRE_HAVE] = { 16, 16 },
	[WIRE_PREFIX] = { 48, 48 },
	[WIRE_START] = { 16, 16 },
	[WIRE_DATA] = { 1, WIRE_DATA_MAX },
	[WIRE_END] = { 32, 32 },
	[WIRE_VERDICT] = { 16, 16 },
	[WIRE_PROGRESS] = { 16, 16 },
	[WIRE_BYE] = { 0, 0 },
	[WIRE_BYE_OK] = { 0, 0 },
	[WIRE_ABORT] = { 4, 4 },
	[WIRE_HOLE] = { 8, 8 },
};

static void
put_hello(struct cursor *c, const struct wire_hello *m)
{
	put_bytes(c, m->own, sizeof(m->own));
	put_bytes(c, m->seen, sizeof(m->seen));
	put_bytes(c, m->id, sizeof(m->id));
	put_number(c, m->files, 4);
}

static void
put_offer(struct cursor *c, const struct wire_offer *m)
{
	put_number(c, m->index, 4);
	put_number(c, m->mode, 2);
	put_number(c, m->name_len, 2);
	put_number(c, m->size, 8);
	put_number(c, (uint64_t)m->mtime_s, 8);
	put_number(c, m->mtime_ns, 4);
	put_bytes(c, m->name, m->name_len);
}

static void
put_position(struct cursor *c, const struct wire_position *m)
{
	put_number(c, m->index, 4);
	put_number(c, m->kind, 1);
	put_number(c, 0, 3);
	put_number(c, m->offset, 8);
}

static void
put_payload(struct cursor *c, const struct wire_message *message)
{
	switch (message->type) {
	case WIRE_HELLO:
		put_hello(c, &message->hello);
		break;
	case WIRE_OFFER:
		put_offer(c, &message->offer);
		break;
	case WIRE_HAVE:
	case WIRE_START:
	case WIRE_VERDICT:
		put_position(c, &message->position);
		break;
	case WIRE_PREFIX:
		put_position(c, &message->position);
		put_bytes(c, message->position.digest, sizeof(message->position.digest));
		break;
	case WIRE_END:
		put_number(c, message->end.index, 4);
		put_number(c, message->end.how, 1);
		put_number(c, 0, 3);
		put_number(c, message->end.total, 8);
		put_bytes(c, message->end.digest, sizeof(message->end.digest));
		break;
	case WIRE_PROGRESS:
		put_number(c, message->progress.done, 8);
		put_number(c, message->progress.total, 8);
		break;
	case WIRE_ABORT:
		put_number(c, message->code, 1);
		put_number(c, 0, 3);
		break;
	case WIRE_HOLE:
		put_number(c, message->hole_len, 8);
		break;
	case WIRE_DATA:
	case WIRE_BYE:
	case WIRE_BYE_OK:
		break;
	}
}

size_t
wire_encode(uint8_t out[WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX], const struct wire_message *message)
{
	struct cursor header = { .out = out }, payload = { .out = out + WIRE_HEADER_SIZE };
	size_t len;

	put_payload(&payload, message);
	len = (size_t)(payload.out - out) - WIRE_HEADER_SIZE;
	put_number(&header, message->type, 1);
	put_number(&header, 0, 3);
	put_number(&header, message->type == WIRE_DATA ? message->data_len : len, 4);
	return WIRE_HEADER_SIZE + len;
}

bool
wire_decode_header(const uint8_t in[WIRE_HEADER_SIZE], enum wire_type *type, uint32_t *len)
{
	struct cursor c = { .in = in };
	uint64_t number = get_number(&c, 1), zero = get_number(&c, 3), length = get_number(&c, 4);

	if (number < WIRE_HELLO || number > WIRE_HOLE || zero != 0 ||
	    length < lengths[number].min || length > lengths[number].max)
		return false;
	*type = (enum wire_type)number;
	*len = (uint32_t)length;
	return true;
}

static bool
get_hello(struct cursor *c, struct wire_hello *m)
{
	get_bytes(c, m->own, sizeof(m->own));
	get_bytes(c, m->seen, sizeof(m->seen));
	get_bytes(c, m->id, sizeof(m->id));
	m->files = (uint32_t)get_number(c, 4);
	return m->files <= WIRE_FILES_MAX;
}

static bool
get_offer(struct cursor *c, uint32_t len, struct wire_offer *m)
{
	m->index = (uint32_t)get_number(c, 4);
	m->mode = (uint16_t)get_number(c, 2);
	m->name_len = (size_t)get_number(c, 2);
	m->size = get_number(c, 8);
	m->mtime_s = (int64_t)get_number(c, 8);
	m->mtime_ns = (uint32_t)get_number(c, 4);
	if (m->name_len != len - lengths[WIRE_OFFER].min || m->mode > 0777 ||
	    m->mtime_ns > 999999999 || m->index == 0 || m->index > WIRE_FILES_MAX ||
	    (m->size > INT64_MAX && m->size != WIRE_SIZE_UNKNOWN))
		return false;
	get_bytes(c, m->name, m->name_len);
	m->name[m->name_len] = '\0';
	return true;
}

/* Decode HAVE, PREFIX, START or VERDICT.  The kind must be from min_kind to max_kind.  The offset
 * is at most the largest size of a file. */
static bool
get_position(struct cursor *c, struct wire_position *m, uint64_t min_kind, uint64_t max_kind)
{
	uint64_t zero;

	m->index = (uint32_t)get_number(c, 4);
	m->kind = (uint8_t)get_number(c, 1);
	zero = get_number(c, 3);
	m->offset = get_number(c, 8);
	return zero == 0 && m->kind >= min_kind && m->kind <= max_kind && m->offset <= INT64_MAX;
}

static bool
get_end(struct cursor *c, struct wire_ending *m)
{
	uint64_t how, zero;

	m->index = (uint32_t)get_number(c, 4);
	how = get_number(c, 1);
	zero = get_number(c, 3);
	m->total = get_number(c, 8);
	get_bytes(c, m->digest, sizeof(m->digest));
	if (how > WIRE_STOPPED || zero != 0 || m->total > INT64_MAX)
		return false;
	m->how = (enum wire_end)how;
	return true;
}

bool
wire_decode(enum wire_type type, const uint8_t *in, uint32_t len, struct wire_message *message)
{
	struct cursor c = { .in = in };

	(void)memset(message, 0, sizeof(*message));
	message->type = type;
	switch (type) {
	case WIRE_HELLO:
		return get_hello(&c, &message->hello);
	case WIRE_OFFER:
		return get_offer(&c, len, &message->offer);
	case WIRE_HAVE:
		return get_position(&c, &message->position, WIRE_HAVE_NONE, WIRE_HAVE_FINAL) &&
		       (message->position.kind != WIRE_HAVE_NONE || message->position.offset == 0);
	case WIRE_PREFIX:
		if (!get_position(&c, &message->position, WIRE_XXH3, WIRE_SHA256))
			return false;
		get_bytes(&c, message->position.digest, sizeof(message->position.digest));
		return true;
	case WIRE_START:
		return get_position(&c, &message->position, 0, 0);
	case WIRE_END:
		return get_end(&c, &message->end);
	case WIRE_VERDICT:
		return get_position(&c, &message->position, 0, WIRE_CODES - 1);
	case WIRE_PROGRESS:
		message->progress.done = get_number(&c, 8);
		message->progress.total = get_number(&c, 8);
		return true;
	case WIRE_ABORT:
		message->code = (uint8_t)get_number(&c, 1);
		return get_number(&c, 3) == 0 && message->code != WIRE_DONE &&
		       message->code < WIRE_CODES;
	case WIRE_HOLE:
		message->hole_len = get_number(&c, 8);
		return message->hole_len > 0 && message->hole_len <= WIRE_HOLE_MAX;
	case WIRE_DATA:
		message->data_len = len;
		return true;
	case WIRE_BYE:
	case WIRE_BYE_OK:
		return true;
	}
	return false;
}

/* ---- names and codes ----------------------------------------------------------------------- */

bool
wire_name_is_plain(const char *name, size_t len)
{
	static const char part[] = ".part";

	if (len == 0 || len > WIRE_NAME_MAX || *name == '.' || *name == '-' ||
	    memchr(name, '/', len) != NULL || !escape_is_utf8(name, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)name[i];

		/* C0, DEL and C1.  In UTF-8, C1 (U+0080 to U+009F) is 0xc2 and a byte below
		 * 0xa0. */
		if (byte < 0x20 || byte == 0x7f ||
		    (byte == 0xc2 && i + 1 < len && (unsigned char)name[i + 1] < 0xa0))
			return false;
	}
	return len < sizeof(part) - 1 || memcmp(name + len - (sizeof(part) - 1), part, 5) != 0;
}

static const struct {
	const char *text;
	enum status status;
} codes[WIRE_CODES] = {
	[WIRE_DONE] = { "done", STATUS_OK },
	[WIRE_EXISTS] = { "it has another file of that name, and replaces it with --force alone",
	    STATUS_FAILED },
	[WIRE_NO_SPACE] = { "it has no space left, or takes no file that large", STATUS_FAILED },
	[WIRE_FAILED] = { "it could not write the file, or could not go on", STATUS_FAILED },
	[WIRE_TOO_LARGE] = { "it takes no file that large (--max-size)", STATUS_MISMATCH },
	[WIRE_WRONG_SIZE] = { "it expects another size (--size)", STATUS_MISMATCH },
	[WIRE_WRONG_DIGEST] = { "what arrived is not what was sent: the digests differ",
	    STATUS_MISMATCH },
	[WIRE_WRONG_NAME] = { "it takes no file of that name (--name gives another)",
	    STATUS_MISMATCH },
	[WIRE_WRONG_SHA256] = { "it expects another SHA-256 (--sha256)", STATUS_MISMATCH },
	[WIRE_BUSY] = { "it is busy with another transfer, or done", STATUS_NO_PEER },
	[WIRE_PROTOCOL] = { "it did not understand what came", STATUS_MISMATCH },
	[WIRE_ENDED] = { "it was told to end", STATUS_NO_PEER },
	[WIRE_TIMED_OUT] = { "it has waited too long", STATUS_TIMED_OUT },
	[WIRE_CUT_SHORT] = { "the file changed, or could not be read to its end", STATUS_MISMATCH },
	[WIRE_GREETING_CHANGED] = { "the greeting was changed on the way", STATUS_MISMATCH },
	[WIRE_ONE_FILE] = { "it takes one file (--dir takes several)", STATUS_MISMATCH },
};

const char *
wire_code_text(uint8_t code)
{
	return code < WIRE_CODES ? codes[code].text : "unknown";
}

int
wire_code_status(uint8_t code)
{
	return (int)(code < WIRE_CODES ? codes[code].status : STATUS_MISMATCH);
}

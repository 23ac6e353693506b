/* event.c - what happened: a line for people and a record for --json, by one call.
 * Row run. */
#include "run/event.h"

#include "run/handover.h"
#include "run/message.h"
#include "run/output.h"
#include "run/peer.h"
#include "run/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 15 significant digits: 0.1 stays 0.1, and a Unix time has five decimals. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* ---- the record ---------------------------------------------------------------------------- */

/* This thread had too little memory for a part of its record. */
static _Thread_local bool lacks_memory;

/* Notes a failure: jansson does not always report it, and callers need not check each value. */
static void *
allocate(size_t size)
{
	void *memory = malloc(size);

	lacks_memory = lacks_memory || memory == NULL;
	return memory;
}

void
event_begin(void)
{
	json_set_alloc_funcs(allocate, free);
}

static void
add(json_t *record, const char *key, json_t *value)
{
	/* It takes NULL for both, and fails.  The keys are ours, and valid. */
	(void)json_object_set_new_nocheck(record, key, value);
}

void
event_append(json_t *array, json_t *value)
{
	(void)json_array_append_new(array, value);
}

static json_t *
new_record(const char *event)
{
	json_t *record = json_object();
	struct timespec now;

	add(record, "program", json_string(run.program));
	if (event != NULL) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		add(record, "event", json_string(event));
		add(record, "time",
		    json_real((double)now.tv_sec + (double)(now.tv_nsec / 1000) / 1e6));
	}
	return record;
}

json_t *
event_escaped(const char *text, enum escape_for purpose)
{
	size_t len = strlen(text);
	char *escaped;
	json_t *string;

	if (escape_is_plain(text, len))
		return json_stringn_nocheck(text, len);
	escaped = escape_text(text, len, purpose, NULL);
	lacks_memory = lacks_memory || escaped == NULL;
	string = escaped != NULL ? json_string(escaped) : NULL;
	free(escaped);
	return string;
}

json_t *
event_string(const char *text)
{
	return event_escaped(text, ESCAPE_JSON);
}

static char *
base64(const unsigned char *p, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *result = allocate((len + 2) / 3 * 4 + 1), *out = result;

	if (result == NULL)
		return NULL;
	for (; len > 0; p += 3) {
		unsigned group = (unsigned)p[0] << 16 | (len > 1 ? (unsigned)p[1] << 8 : 0) |
				 (len > 2 ? p[2] : 0);

		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = len > 1 ? digits[group >> 6 & 63] : '=';
		*out++ = len > 2 ? digits[group & 63] : '=';
		len -= len > 3 ? 3 : len;
	}
	*out = '\0';
	return result;
}

static void
add_bytes(json_t *record, const char *bytes, size_t len)
{
	char *encoded;

	if (escape_is_utf8(bytes, len)) {
		add(record, "text", json_stringn(bytes, len));
		return;
	}
	encoded = base64((const unsigned char *)bytes, len);
	add(record, "base64", encoded != NULL ? json_string(encoded) : NULL);
	free(encoded);
}

static void
add_peer(json_t *record, const struct sku_address *peer)
{
	char host[SKU_ADDRESS_TEXT_MAX];

	(void)sku_address_host(peer, host);
	if (peer->len == 0 || peer->sa.sa_family == AF_UNIX) {
		add(record, "path", event_string(host));
		return;
	}
	add(record, "address", event_string(host));
	add(record, "port", json_integer((json_int_t)sku_address_port(peer)));
}

/* message and during are escaped as in the line for people. */
static json_t *
error_object(const struct event_error *is)
{
	json_t *error = json_object();

	add(error, "code", json_string(status_code(is->status)));
	add(error, "message", event_escaped(is->message, ESCAPE_LINE));
	add(error, "errno", is->errnum != 0 ? json_integer(is->errnum) : json_null());
	add(error, "during", event_escaped(is->during != NULL ? is->during : "usage", ESCAPE_LINE));
	return error;
}

static void
add_field(json_t *record, const struct event_field *field)
{
	if (field->key == NULL)
		return;
	switch (field->kind) {
	case EVENT_IS_TEXT:
		if (field->text != NULL)
			add(record, field->key, event_string(field->text));
		break;
	case EVENT_IS_NUMBER:
		add(record, field->key, json_integer((json_int_t)field->number));
		break;
	case EVENT_IS_SECONDS:
		add(record, field->key, json_real((double)field->ns / 1e9));
		break;
	case EVENT_IS_FLAG:
		add(record, field->key, json_boolean(field->flag));
		break;
	case EVENT_IS_BYTES:
		add_bytes(record, field->bytes.start, field->bytes.len);
		break;
	case EVENT_IS_PEER:
		add_peer(record, field->peer);
		break;
	case EVENT_IS_VALUE:
		add(record, field->key, field->value);
		break;
	case EVENT_IS_ERROR:
		add(record, field->key, error_object(field->error));
		break;
	case EVENT_IS_REMARK:
	case EVENT_IS_END:
		break;
	}
}

/* The length of a DEL or C1 character at p; 0: another character.  jansson leaves them as they are,
 * but terminals obey them. */
static size_t
control_length(const char *p)
{
	if (*p == 0x7f)
		return 1;
	return (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0 ? 2 : 0;
}

/* A copy of the line and a newline, with such characters as \u00XX.  The caller frees it.  NULL:
 * out of memory. */
static char *
escape_controls(const char *line, size_t *len)
{
	char *text = allocate(strlen(line) * 6 + 2), *out = text;

	if (text == NULL)
		return NULL;
	for (;;) {
		size_t plain = strcspn(line, "\x7f\xc2"), n;

		memcpy(out, line, plain);
		out += plain;
		line += plain;
		if (*line == '\0')
			break;
		n = control_length(line);
		if (n == 0) {
			*out++ = *line++;
			continue;
		}
		out += snprintf(out, 7, "\\u%04x", (unsigned char)line[n - 1]);
		line += n;
	}
	*out++ = '\n';
	*len = (size_t)(out - text);
	return text;
}

static void
report_lack(const char *bytes, size_t len)
{
	(void)bytes;
	(void)len;
	output_lack_memory();
}

static void
emit(json_t *record)
{
	char *line = record != NULL ? json_dumps(record, DUMP_FLAGS) : NULL;
	size_t len;
	char *text = line != NULL ? escape_controls(line, &len) : NULL;

	if (lacks_memory)
		handover(report_lack, "", 0);
	else if (text != NULL)
		handover(run.stdout_is_data ? output_error_text : output_record, text, len);
	lacks_memory = false;
	free(text);
	free(line);
	json_decref(record);
}

/* ---- the line ------------------------------------------------------------------------------ */

static void
put_field(FILE *line, const struct event_field *field)
{
	char text[PEER_TEXT_MAX];

	switch (field->kind) {
	case EVENT_IS_NUMBER:
		(void)fprintf(line, "%" PRIu64, field->number);
		break;
	case EVENT_IS_SECONDS:
		(void)fprintf(line, "%.3f", (double)field->ns / 1e9);
		break;
	case EVENT_IS_PEER:
		(void)fputs(peer_text(field->peer, text), line);
		break;
	case EVENT_IS_TEXT:
	case EVENT_IS_REMARK:
		(void)fputs(field->text != NULL ? field->text : "", line);
		break;
	default:
		break;
	}
}

static const struct event_field *
find_field(const struct event_field *fields, const char *key, size_t len)
{
	while (fields->kind != EVENT_IS_END &&
	       (fields->key == NULL || strncmp(fields->key, key, len) != 0 ||
		   fields->key[len] != '\0'))
		fields++;
	return fields;
}

/* The line with its fields.  The caller frees it.  NULL: out of memory. */
static char *
fill_in(const char *format, const struct event_field *fields)
{
	char *text = NULL;
	size_t size;
	FILE *line = open_memstream(&text, &size);

	if (line == NULL)
		return NULL;
	while (*format != '\0') {
		size_t len = strcspn(format, "{");

		(void)fwrite(format, 1, len, line);
		format += len;
		if (*format == '\0')
			break;
		len = strcspn(++format, "}");
		put_field(line, find_field(fields, format, len));
		format += len + 1;
	}
	if (fclose(line) == 0)
		return text;
	free(text);
	return NULL;
}

static void
print_line(int level, const char *format, const struct event_field *fields)
{
	char *line;

	if (format == NULL || (level == EVENT_NOTE ? run.quiet > 0 : run.verbose < level))
		return;
	line = fill_in(format, fields);
	if (level == EVENT_NOTE)
		msg_note("%s", line != NULL ? line : strerror(ENOMEM));
	else
		msg_verbose(level, "%s", line != NULL ? line : strerror(ENOMEM));
	free(line);
}

static void
print_error(const struct event_error *error)
{
	const char *of = error->of != NULL ? error->of : "";
	char *during = NULL;

	if (error->during != NULL &&
	    asprintf(&during, "%s%s%s", error->during, *of != '\0' ? " " : "", of) == -1)
		during = NULL;
	msg_error(error->message, during);
	free(during);
}

static void
print_record(const char *name, const struct event_field *fields)
{
	json_t *record;

	if (!run.json)
		return;
	record = new_record(name);
	for (; fields->kind != EVENT_IS_END; fields++)
		add_field(record, fields);
	emit(record);
}

void
event(const char *name, int level, const char *line, const struct event_field fields[])
{
	const struct event_field *error = find_field(fields, "error", strlen("error"));
	bool record_first = run.quiet > 1; /* without it the line is needed */

	if (record_first)
		print_record(name, fields);
	if (error->kind == EVENT_IS_ERROR)
		print_error(error->error);
	else
		print_line(level, line, fields);
	if (!record_first)
		print_record(name, fields);
}

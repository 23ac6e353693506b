/* event.c - records for --json: JSON Lines, one object a line.
 * Row run. */
#include "run/event.h"

#include "run/escape.h"
#include "run/output.h"
#include "run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 15 significant digits: 0.1 stays 0.1, and a Unix time has five decimals. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

json_t *
event_new(const char *event)
{
	json_t *record = json_object();
	struct timespec now;

	event_add(record, "program", json_string(run.program));
	if (event != NULL) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		event_add(record, "event", json_string(event));
		event_add(record, "time",
		    json_real((double)now.tv_sec + (double)(now.tv_nsec / 1000) / 1e6));
	}
	return record;
}

void
event_add(json_t *record, const char *key, json_t *value)
{
	/* It takes NULL for both, and fails.  The keys are ours, and valid. */
	(void)json_object_set_new_nocheck(record, key, value);
}

static json_t *
escaped_string(const char *text, enum escape_for purpose)
{
	size_t len = strlen(text);
	char *escaped;
	json_t *string;

	if (escape_is_plain(text, len))
		return json_stringn_nocheck(text, len);
	escaped = escape_text(text, len, purpose, NULL);
	string = escaped != NULL ? json_string(escaped) : NULL;
	free(escaped);
	return string;
}

json_t *
event_string(const char *text)
{
	return escaped_string(text, ESCAPE_JSON);
}

void
event_text(json_t *record, const char *key, const char *text)
{
	event_add(record, key, event_string(text));
}

void
event_number(json_t *record, const char *key, uint64_t value)
{
	event_add(record, key, json_integer((json_int_t)value));
}

void
event_seconds(json_t *record, const char *key, int64_t ns)
{
	event_add(record, key, json_real((double)ns / 1e9));
}

static char *
base64(const unsigned char *p, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *result = malloc((len + 2) / 3 * 4 + 1), *out = result;

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

void
event_bytes(json_t *record, const char *bytes, size_t len)
{
	char *encoded;

	if (escape_is_utf8(bytes, len)) {
		event_add(record, "text", json_stringn(bytes, len));
		return;
	}
	encoded = base64((const unsigned char *)bytes, len);
	if (encoded != NULL)
		event_add(record, "base64", json_string(encoded));
	free(encoded);
}

json_t *
event_error(enum status status, int errnum, const char *message, const char *during)
{
	json_t *error = json_object();

	event_add(error, "code", json_string(status_code(status)));
	event_add(error, "message", escaped_string(message, ESCAPE_LINE));
	event_add(error, "errno", errnum != 0 ? json_integer(errnum) : json_null());
	event_add(error, "during", escaped_string(during, ESCAPE_LINE));
	return error;
}

/* DEL, and the length of C1 in UTF-8: jansson leaves them as they are, but terminals obey them. */
static size_t
control_length(const char *p)
{
	if (*p == 0x7f)
		return 1;
	return (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0 ? 2 : 0;
}

/* A line with such characters as \u00XX.  The caller frees it. */
static char *
escape_controls(const char *line, size_t *len)
{
	char *text = malloc(strlen(line) * 6 + 2), *out = text;

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

void
event_emit(json_t *record)
{
	char *line = record != NULL ? json_dumps(record, DUMP_FLAGS) : NULL;
	size_t len;
	char *text = line != NULL ? escape_controls(line, &len) : NULL;

	if (text != NULL && run.stdout_is_data)
		output_error_text(text, len);
	else if (text != NULL)
		output_record(text, len);
	free(text);
	free(line);
	json_decref(record);
}

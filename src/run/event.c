/* event.c - JSON Lines: one object a record.
 * Row run. */
#include "run/event.h"

#include "run/escape.h"
#include "run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Digits of a real: a Unix time keeps its microseconds, 0.1 stays 0.1. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

json_t *
cli_record(const char *event)
{
	json_t *record = json_object();
	struct timespec now;

	cli_record_add(record, "program", json_string(cli_voice.program));
	if (event != NULL) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		cli_record_add(record, "event", json_string(event));
		cli_record_add(record, "time",
		    json_real((double)now.tv_sec + (double)(now.tv_nsec / 1000) / 1e6));
	}
	return record;
}

void
cli_record_add(json_t *record, const char *key, json_t *value)
{
	(void)json_object_set_new(record, key, value); /* takes NULL, and reports it */
}

void
cli_record_text(json_t *record, const char *key, const char *text)
{
	char *escaped = cli_escape(text, strlen(text), CLI_ESCAPE_LINE, NULL);

	if (escaped != NULL)
		cli_record_add(record, key, json_string(escaped));
	free(escaped);
}

void
cli_record_number(json_t *record, const char *key, uint64_t value)
{
	cli_record_add(record, key, json_integer((json_int_t)value));
}

void
cli_record_seconds(json_t *record, const char *key, int64_t ns)
{
	cli_record_add(record, key, json_real((double)ns / 1e9));
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
cli_record_bytes(json_t *record, const char *bytes, size_t len)
{
	char *encoded;

	if (cli_is_utf8(bytes, len)) {
		cli_record_add(record, "text", json_stringn(bytes, len));
		return;
	}
	encoded = base64((const unsigned char *)bytes, len);
	if (encoded != NULL)
		cli_record_add(record, "base64", json_string(encoded));
	free(encoded);
}

json_t *
cli_record_error(enum cli_status status, int errnum, const char *message, const char *during)
{
	json_t *error = json_object();

	cli_record_add(error, "code", json_string(cli_status_code(status)));
	cli_record_text(error, "message", message);
	cli_record_add(error, "errno", errnum != 0 ? json_integer(errnum) : json_null());
	cli_record_add(error, "during", json_string(during));
	return error;
}

void
cli_record_emit(json_t *record)
{
	char *line = record != NULL ? json_dumps(record, DUMP_FLAGS) : NULL;

	if (line != NULL && cli_voice.stdout_is_data)
		(void)dprintf(STDERR_FILENO, "%s\n", line); /* one write: no other line mixes in */
	else if (line != NULL)
		(void)printf("%s\n", line);
	if (!cli_voice.stdout_is_data)
		(void)fflush(stdout); /* an error stays in stdout for cli_flush() */
	free(line);
	json_decref(record);
}

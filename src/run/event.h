/* event.h - what happened: a line for people and a record for --json, by one call.
 *
 * Records are JSON Lines: one object a line.  Any thread may report an event (handover.h). */
#ifndef RUN_EVENT_H
#define RUN_EVENT_H

#include "libsockutil/sockutil.h"
#include "run/escape.h"
#include "run/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What went wrong.  The line is `DURING OF: MESSAGE`. */
struct event_error {
	enum status status;
	int errnum; /* 0: null in the record */
	const char *message;
	const char *during; /* what was tried; NULL: reading the command line */
	const char *of;	    /* what it was done to; NULL: nothing; not in `error` */
};

struct event_field {
	enum {
		EVENT_IS_END,
		EVENT_IS_TEXT,
		EVENT_IS_NUMBER,
		EVENT_IS_SECONDS,
		EVENT_IS_FLAG,
		EVENT_IS_BYTES,
		EVENT_IS_PEER,
		EVENT_IS_VALUE,
		EVENT_IS_ERROR,
		EVENT_IS_REMARK,
	} kind;
	const char *key;
	union {
		const char *text;
		uint64_t number;
		int64_t ns;
		bool flag;
		struct {
			const char *start;
			size_t len;
		} bytes;
		const struct sku_address *peer;
		json_t *value;
		const struct event_error *error;
	};
};

/* Text from any source, unchanged except for invalid UTF-8 (ESCAPE_JSON).  NULL: left out. */
#define EVENT_TEXT(name, is)                                                                       \
	{                                                                                          \
		.kind = EVENT_IS_TEXT, .key = (name), .text = (is)                                 \
	}
#define EVENT_NUMBER(name, is)                                                                     \
	{                                                                                          \
		.kind = EVENT_IS_NUMBER, .key = (name), .number = (is)                             \
	}
/* Nanoseconds as seconds. */
#define EVENT_SECONDS(name, is)                                                                    \
	{                                                                                          \
		.kind = EVENT_IS_SECONDS, .key = (name), .ns = (is)                                \
	}
#define EVENT_FLAG(name, is)                                                                       \
	{                                                                                          \
		.kind = EVENT_IS_FLAG, .key = (name), .flag = (is)                                 \
	}
/* Bytes: `text` if they are UTF-8, else `base64`. */
#define EVENT_BYTES(first, size)                                                                   \
	{                                                                                          \
		.kind = EVENT_IS_BYTES, .key = "bytes", .bytes = {(first), (size) }                \
	}
/* A peer: `address` and `port`, or `path`; in a line {peer}. */
#define EVENT_PEER(is)                                                                             \
	{                                                                                          \
		.kind = EVENT_IS_PEER, .key = "peer", .peer = (is)                                 \
	}
/* Any JSON value, whose reference is taken.  Make it only if run.json is set. */
#define EVENT_VALUE(name, is)                                                                      \
	{                                                                                          \
		.kind = EVENT_IS_VALUE, .key = (name), .value = (is)                               \
	}
/* An error: `error` in the record.  Its line is printed instead of the event's. */
#define EVENT_ERROR(is)                                                                            \
	{                                                                                          \
		.kind = EVENT_IS_ERROR, .key = "error", .error = (is)                              \
	}
/* Text only for the line. */
#define EVENT_REMARK(name, is)                                                                     \
	{                                                                                          \
		.kind = EVENT_IS_REMARK, .key = (name), .text = (is)                               \
	}

enum { EVENT_NOTE = 0 }; /* the level of notes, which --quiet leaves out; from 1: --verbose */

/* Report an event.  line NULL: no line; {KEY} in it stands for a field.  A field whose key is NULL
 * is left out.  If there is too little memory for the record, it is not written:
 * output_lack_memory().  With --json the record is {"program": …, "event": name, "time": …, …};
 * with name NULL it is a result, not an event, and has no time.  It goes to standard output, or to
 * standard error if standard output carries data, as one line without control characters. */
#define EVENT(name, level, line, ...)                                                              \
	event(name, level, line,                                                                   \
	    (const struct event_field[]){ __VA_ARGS__, { .kind = EVENT_IS_END } })
/* The same without a line, except that of an error. */
#define EVENT_RECORD(name, ...) EVENT(name, EVENT_NOTE, NULL, __VA_ARGS__)
void event(const char *name, int level, const char *line, const struct event_field fields[]);

/* For EVENT_VALUE: append to an array, and take the reference of value. */
void event_append(json_t *array, json_t *value);
/* For EVENT_VALUE: text as EVENT_TEXT makes it, or escaped for another purpose. */
json_t *event_string(const char *text);
json_t *event_escaped(const char *text, enum escape_for purpose);

/* From here on a lack of memory for a value is noted.  run_begin() calls it. */
void event_begin(void);

#endif

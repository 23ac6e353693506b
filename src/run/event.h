/* event.h - records for --json: JSON Lines, one object a line. */
#ifndef RUN_EVENT_H
#define RUN_EVENT_H

#include "run/escape.h"
#include "run/status.h"

#include <jansson.h>
#include <stdint.h>

/* Make a record: {"program": …}, or with an event {"program", "event", "time"}.  event_emit() frees
 * it.  The record may be NULL when there is no memory, and so may any value; every function here
 * takes that, and event_emit() knows. */
json_t *event_new(const char *event);
/* Add a value and take its reference. */
void event_add(json_t *record, const char *key, json_t *value);
/* Text from any source as a string, exactly, but for what is no UTF-8: ESCAPE_JSON. */
json_t *event_string(const char *text);
json_t *event_escaped(const char *text, enum escape_for purpose);
void event_text(json_t *record, const char *key, const char *text);
void event_number(json_t *record, const char *key, uint64_t value);
/* Add nanoseconds as seconds. */
void event_seconds(json_t *record, const char *key, int64_t ns);
/* Add bytes: as `text` if they are UTF-8, else as `base64`. */
void event_bytes(json_t *record, const char *bytes, size_t len);
/* Make the object that is the value of `error`.  message and during, what was tried, are those of
 * the line for people, ESCAPE_LINE.  errnum 0: null. */
json_t *event_error(enum status status, int errnum, const char *message, const char *during);
/* Print the record as one line, without a control character, on standard output, or on standard
 * error if standard output carries data.  Frees the record.  One for which there was not enough
 * memory is not printed: output_lack_memory(). */
void event_emit(json_t *record);

#endif
